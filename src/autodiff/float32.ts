import { GradientError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { asFloat32, isHalf } from '../engine/precision/float-type.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/**
 * The same numbers in single precision, inside a `call` that computes in mixed precision; `dy` passes back in the precision of `x`.
 *
 * What follows stays in single precision up to the next product or convolution. When to use: before a difference of nearly
 * equal numbers, a long sum, or another place where eight bits are too few. Where nothing is in half precision it is a copy.
 *
 * @param x - any shape
 * @throws GradientError [not-a-tensor]
 *
 * @example
 * ```ts
 * import { float32, tf } from 'adjoint';
 *
 * const variance = (x: tf.Tensor) => tf.mean(tf.square(tf.sub(float32(x), tf.mean(x))));
 * console.log(variance(tf.tensor1d([1, 2, 3])).dataSync()[0]); // 0.666...
 * ```
 */
export function float32<T extends Tensor>(x: T): T {
  if (!((x as unknown) instanceof tf.Tensor)) {
    throw new GradientError('not-a-tensor', { where: 'float32', expected: 'a tensor', received: formatValue(x) });
  }
  const widen = tf.customGrad((value) => ({
    value: tf.clone(asFloat32(value as Tensor)),
    gradFunc: (dy: Tensor) => dy,
  }));
  return widen(x) as T;
}

/** The tensor itself, or {@link float32} of it where it is in half precision. */
export function widened(x: Tensor): Tensor {
  return isHalf(x) ? float32(x) : x;
}
