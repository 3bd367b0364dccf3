import { IsInt, Max, Min } from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { rngKey } from '../core/rng-key.js';
import { statelessUniform } from '../engine/random.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { TreeLeaf } from './tensor-tree.js';
import { gradientFunction } from './value-and-grad.js';
import { flatVjp } from './vjp.js';

/** Options of {@link hessianTrace}. */
export class HessianTraceOptions {
  /** Number of random vectors; the error falls with its square root. Default 32. */
  @IsInt()
  @Min(2)
  samples = 32;

  /** The same seed draws the same vectors. Default 0. */
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  seed = 0;
}

/** An estimate, and how far off it may be; both scalars are the caller's. */
export interface HessianTrace {
  readonly estimate: Tensor;
  /** Standard deviation of the samples over the square root of their number; about 95 % of estimates lie within two of it. */
  readonly standardError: Tensor;
}

/**
 * An estimate of the trace of a Hessian by Hutchinson's method: the mean of `<z, H z>` over random signs `z`.
 *
 * When to use: for the curvature of a loss, whatever the number of weights; it costs one Hessian-vector product a sample, and is
 * exact where the Hessian is diagonal.
 *
 * Shapes: two scalars.
 *
 * @param fn - a function of `x` that returns a float32 scalar; what else it uses is captured
 * @param x - a float32 tensor, or a tree of them
 * @throws GradientError [not-scalar | integer-input | disposed-input | promise | tree-leaf]; OptionsError
 *
 * @example
 * ```ts
 * import { hessianTrace, tf } from 'adjoint';
 *
 * const { estimate } = hessianTrace((x) => tf.sum(tf.pow(x, 3)), tf.tensor1d([1, 2]), { samples: 4 });
 * console.log(estimate.dataSync()[0]); // 18
 * ```
 *
 * @see Hutchinson: "A stochastic estimator of the trace of the influence matrix" (Communications in Statistics 1990)
 */
export function hessianTrace<Tree>(
  fn: (x: Tree) => Tensor,
  x: Tree,
  options?: OptionsInput<HessianTraceOptions>,
): HessianTrace {
  const where = 'hessianTrace';
  const { samples, seed } = parseOptions(HessianTraceOptions, options, where);
  return tf.tidy(() => {
    const { flat, leaves } = flatVjp(where, gradientFunction(where, fn as (x: unknown) => unknown), [x]);
    try {
      const draws = Array.from({ length: samples }, (_, sample) =>
        tf.tidy(() => {
          const signs = randomSigns(leaves[0]!, seed, sample);
          const products = flat.backward(signs);
          if (products.length === 0) return tf.scalar(0);
          return tf.addN(products.map((product, i) => tf.sum(tf.mul(product, signs[i]!))));
        }),
      );
      const stacked = tf.stack(draws);
      const estimate = tf.mean(stacked);
      const variance = tf.div(tf.sum(tf.square(tf.sub(stacked, estimate))), samples * (samples - 1));
      return { estimate, standardError: tf.sqrt(variance) } as unknown as tf.TensorContainer;
    } finally {
      flat.dispose();
    }
  }) as unknown as HessianTrace;
}

/** Drawn on the device, so that a recorded function does not carry them as constants. */
function randomSigns(leaves: readonly TreeLeaf[], seed: number, sample: number): Tensor[] {
  return leaves.map(({ tensor }, i) => {
    const { low, high } = rngKey(seed, 'hessian-trace', sample, i);
    const uniform = statelessUniform(tensor.shape, tf.tensor1d([low | 0, high | 0], 'int32'));
    return tf.sub(tf.mul(tf.cast(tf.greaterEqual(uniform, 0.5), 'float32'), 2), 1);
  });
}
