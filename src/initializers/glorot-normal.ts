import type { Initializer } from './initializer.js';
import { varianceScalingPreset } from './variance-scaling.js';

/**
 * Draws a weight from a truncated normal distribution with Glorot's variance, for tanh and sigmoid layers.
 *
 * Formula: truncated normal with standard deviation `sqrt(2 / (fanIn + fanOut))` after truncation.
 *
 * @example
 * ```ts
 * import { initializers, layers } from 'adjoint';
 *
 * const dense = layers.dense({ units: 4, kernelInitializer: initializers.glorotNormal() });
 * console.log(dense.options.units); // 4
 * ```
 *
 * @see Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (AISTATS 2010)
 */
export function glorotNormal(): Initializer {
  return varianceScalingPreset('glorotNormal', 1, 'fanAvg', 'truncatedNormal');
}
