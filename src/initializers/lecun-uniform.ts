import type { Initializer } from './initializer.js';
import { varianceScalingPreset } from './variance-scaling.js';

/**
 * Draws a weight uniformly with LeCun's variance, which keeps the variance of a linear layer's output.
 *
 * Formula: uniform in `[-limit, limit)` with `limit = sqrt(3 / fanIn)`.
 *
 * @example
 * ```ts
 * import { initializers, layers } from 'adjoint';
 *
 * const dense = layers.dense({ units: 4, kernelInitializer: initializers.lecunUniform() });
 * console.log(dense.options.units); // 4
 * ```
 *
 * @see LeCun et al., "Efficient backprop" (1998)
 */
export function lecunUniform(): Initializer {
  return varianceScalingPreset('lecunUniform', 1, 'fanIn', 'uniform');
}
