import { tf } from '../engine/tfjs.js';
import type { GradientTransform } from './gradient-transform.js';
import { mapTensors } from './map-tensors.js';
import { positiveNumber } from './positive-number.js';

/**
 * Limits every element of every gradient.
 *
 * Formula: `g <- min(max(g, -limit), limit)`; NaN stays NaN.
 *
 * When to use: against single outliers. It turns the step's direction; {@link clipByGlobalNorm} does not.
 *
 * @param limit - largest magnitude of an element, above 0
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { clipByValue, tf } from 'adjoint';
 *
 * const gradients = new Map([['dense/bias', tf.tensor1d([-3, 0.5, 2])]]);
 * const clipped = clipByValue(1).transform(gradients, new Map());
 * console.log(clipped.get('dense/bias')!.dataSync()); // -1, 0.5, 1
 * ```
 */
export function clipByValue(limit: number): GradientTransform {
  positiveNumber(limit, 'limit', 'clipByValue');
  return {
    name: 'clipByValue',
    transform: (gradients) => mapTensors(gradients, (gradient) => tf.clipByValue(gradient, -limit, limit)),
  };
}
