import type { Initializer } from './initializer.js';
import { varianceScalingPreset } from './variance-scaling.js';

/**
 * Draws a weight from a truncated normal distribution with LeCun's variance, for selu networks.
 *
 * Formula: truncated normal with standard deviation `sqrt(1 / fanIn)` after truncation.
 *
 * @example
 * ```ts
 * import { initializers, layers } from 'adjoint';
 *
 * const dense = layers.dense({ units: 4, kernelInitializer: initializers.lecunNormal() });
 * console.log(dense.options.units); // 4
 * ```
 *
 * @see LeCun et al., "Efficient backprop" (1998)
 */
export function lecunNormal(): Initializer {
  return varianceScalingPreset('lecunNormal', 1, 'fanIn', 'truncatedNormal');
}
