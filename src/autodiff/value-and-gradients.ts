import { GradientError } from '../core/errors.js';
import { currentScope, withPhase, withScope } from '../core/path-scope.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { abandonTape } from './tape.js';

/** A scalar and its gradient by each input. */
export interface ValueAndGradients {
  /** Scalar. */
  readonly value: Tensor;
  /** One for each input, of its shape; `null` where the value does not depend on it. */
  readonly gradients: (Tensor | null)[];
}

/**
 * Computes a scalar and its gradients `d value / d input` in one forward and one backward pass.
 *
 * The inputs are tensors that `fn` reads, such as the weights as read at a step's start; they are not passed to it.
 * An input that the value does not depend on has the gradient `null`.
 *
 * @param fn - returns a scalar
 * @param inputs - the tensors to differentiate by, any shapes
 * @returns tensors that belong to the caller
 * @throws GradientError [not-scalar] if `fn` returns something else
 *
 * @example
 * ```ts
 * import { tf, valueAndGradients } from 'adjoint';
 *
 * const x = tf.tensor1d([1, 2]);
 * const unused = tf.scalar(0);
 * const { value, gradients } = valueAndGradients(() => tf.sum(tf.square(x)), [x, unused]);
 * console.log(value.dataSync()[0], [...gradients[0]!.dataSync()], gradients[1]); // 5 [2, 4] null
 * ```
 */
export function valueAndGradients(fn: () => Tensor, inputs: readonly Tensor[]): ValueAndGradients {
  const scope = currentScope();
  const scalar = (): Tensor => {
    const value = withScope(scope, fn);
    if (value instanceof tf.Tensor && value.rank === 0 && value.dtype === 'float32') return value;
    throw new GradientError('not-scalar', {
      where: 'valueAndGradients',
      expected: 'a function that returns a float32 scalar',
      received: (value as unknown) instanceof tf.Tensor ? `${value.dtype} ${formatShape(value.shape)}` : typeof value,
      fix: 'reduce it first, e.g. tf.mean(loss)',
    });
  };
  if (inputs.length === 0) return { value: tf.tidy(scalar), gradients: [] };
  try {
    return tf.tidy(() => {
      // What tfjs computes around `fn`, such as sums of gradients, belongs to the backward pass.
      const { value, grads } = withPhase('backward', () => tf.engine().gradients(scalar, [...inputs], undefined, true));
      return { value, gradients: grads.map((gradient) => gradient ?? null) } as unknown as tf.TensorContainer;
    }) as unknown as ValueAndGradients;
  } catch (error) {
    abandonTape();
    throw error;
  }
}
