import { tf } from '../engine/tfjs.js';
import { clipFactor, unitNorms } from './gradient-norm.js';
import type { GradientTransform } from './gradient-transform.js';
import { positiveNumber } from './positive-number.js';

/**
 * Limits the norm of each unit's gradient to a share of the norm of the unit's weights (AGC).
 *
 * Formula, for the gradient `g_i` and the weights `w_i` of unit `i`:
 * `g_i <- g_i * limit_i / max(norm(g_i), limit_i)` with `limit_i = limit * max(norm(w_i), epsilon)`. A unit is a place of
 * the last axis: a column of a dense kernel `[inputs, units]`, a filter of a convolution's `[height, width, channels, filters]`.
 * A vector, such as a bias, is one unit. A gradient within its limit keeps its bits; one whose norm is not finite becomes NaN.
 *
 * When to use: for deep networks without normalisation, and large batches, with a limit of 0.01 (smaller for larger batches).
 * The paper leaves the last linear layer out: `clip: { adaptive: 0.01, only: 'body' }`, or {@link onlyFor}.
 *
 * @param limit - largest ratio of the gradient's norm to the weights', above 0
 * @param epsilon - smallest norm that weights are taken to have, so that a unit of zeros can grow; above 0, default 1e-3
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { clipAdaptively, tf } from 'adjoint';
 *
 * const gradients = new Map([['dense/kernel', tf.tensor2d([[3, 0.1], [4, 0]])]]);
 * const weights = new Map([['dense/kernel', tf.tensor2d([[0, 1], [10, 0]])]]);
 * const clipped = clipAdaptively(0.1).transform(gradients, weights);
 * console.log(clipped.get('dense/kernel')!.dataSync()); // 0.6, 0.1, 0.8, 0
 * ```
 *
 * @see Brock et al., "High-performance large-scale image recognition without normalization" (ICML 2021), section 4.1,
 * https://arxiv.org/abs/2102.06171
 */
export function clipAdaptively(limit: number, epsilon = 1e-3): GradientTransform {
  positiveNumber(limit, 'limit', 'clipAdaptively');
  positiveNumber(epsilon, 'epsilon', 'clipAdaptively');
  return {
    name: 'clipAdaptively',
    transform: (gradients, weights) =>
      new Map(
        [...gradients].map(([path, gradient]) => [
          path,
          tf.tidy(() => {
            const limits = tf.mul(tf.maximum(unitNorms(weights.get(path)!), epsilon), limit);
            return tf.mul(gradient, clipFactor(unitNorms(gradient), limits));
          }),
        ]),
      ),
  };
}
