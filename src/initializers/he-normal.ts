import type { Initializer } from './initializer.js';
import { varianceScalingPreset } from './variance-scaling.js';

/**
 * Draws a weight from a truncated normal distribution with He's variance, for layers followed by relu.
 *
 * Formula: truncated normal with standard deviation `sqrt(2 / fanIn)` after truncation.
 *
 * @example
 * ```ts
 * import { initializers, layers } from 'adjoint';
 *
 * const dense = layers.dense({ units: 4, kernelInitializer: initializers.heNormal() });
 * console.log(dense.options.units); // 4
 * ```
 *
 * @see He et al., "Delving deep into rectifiers" (ICCV 2015), https://arxiv.org/abs/1502.01852
 */
export function heNormal(): Initializer {
  return varianceScalingPreset('heNormal', 2, 'fanIn', 'truncatedNormal');
}
