import { tf } from '../engine/tfjs.js';
import { clipFactor, normOf } from './gradient-norm.js';
import type { GradientTransform } from './gradient-transform.js';
import { mapTensors } from './map-tensors.js';
import { positiveNumber } from './positive-number.js';

/**
 * Limits the norm of all gradients together, which keeps the step's direction.
 *
 * Formula: `g_i <- g_i * limit / max(norm, limit)` with `norm = sqrt(sum over all weights of sum(g_i^2))`. Gradients
 * within the limit keep their bits; where the norm is not finite, every gradient becomes NaN, so that nobody takes a
 * step from it unseen.
 *
 * When to use: the usual guard against exploding gradients; a limit of 1 is a common start.
 *
 * @param limit - largest norm of all gradients together, above 0
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { clipByGlobalNorm, tf } from 'adjoint';
 *
 * const gradients = new Map([
 *   ['dense/kernel', tf.tensor1d([3])],
 *   ['dense/bias', tf.tensor1d([4])],
 * ]);
 * const clipped = clipByGlobalNorm(1).transform(gradients, new Map());
 * console.log(clipped.get('dense/bias')!.dataSync()[0]!.toFixed(2)); // 0.80
 * ```
 *
 * @see Pascanu et al., "On the difficulty of training recurrent neural networks" (ICML 2013),
 * https://arxiv.org/abs/1211.5063
 */
export function clipByGlobalNorm(limit: number): GradientTransform {
  positiveNumber(limit, 'limit', 'clipByGlobalNorm');
  return {
    name: 'clipByGlobalNorm',
    transform: (gradients) => {
      if (gradients.size === 0) return gradients;
      const factor = tf.tidy(() => clipFactor(normOf([...gradients.values()]), limit));
      const clipped = mapTensors(gradients, (gradient) => gradient.mul(factor));
      factor.dispose();
      return clipped;
    },
  };
}
