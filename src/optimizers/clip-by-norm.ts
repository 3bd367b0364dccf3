import { clipFactor, normOf } from './gradient-norm.js';
import type { GradientTransform } from './gradient-transform.js';
import { mapTensors } from './map-tensors.js';
import { positiveNumber } from './positive-number.js';

/**
 * Limits the norm of each weight's gradient on its own.
 *
 * Formula, for each gradient: `g <- g * limit / max(norm(g), limit)` with `norm(g) = sqrt(sum(g^2))`. A gradient within
 * the limit keeps its bits; one whose norm is not finite becomes NaN.
 *
 * When to use: where one layer's gradients explode and the others should keep their step.
 *
 * @param limit - largest norm of a gradient, above 0
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { clipByNorm, tf } from 'adjoint';
 *
 * const gradients = new Map([['dense/bias', tf.tensor1d([3, 4])]]);
 * const clipped = clipByNorm(1).transform(gradients, new Map());
 * console.log(clipped.get('dense/bias')!.dataSync()); // 0.6, 0.8
 * ```
 *
 * @see Pascanu et al., "On the difficulty of training recurrent neural networks" (ICML 2013),
 * https://arxiv.org/abs/1211.5063
 */
export function clipByNorm(limit: number): GradientTransform {
  positiveNumber(limit, 'limit', 'clipByNorm');
  return {
    name: 'clipByNorm',
    transform: (gradients) => mapTensors(gradients, (gradient) => gradient.mul(clipFactor(normOf([gradient]), limit))),
  };
}
