import type { Initializer } from './initializer.js';
import { varianceScalingPreset } from './variance-scaling.js';

/**
 * Draws a weight uniformly with Glorot's variance: the default of dense and convolution kernels.
 *
 * Formula: uniform in `[-limit, limit)` with `limit = sqrt(6 / (fanIn + fanOut))`.
 *
 * @example
 * ```ts
 * import { initializers, layers } from 'adjoint';
 *
 * const dense = layers.dense({ units: 4, kernelInitializer: initializers.glorotUniform() });
 * console.log(dense.options.units); // 4
 * ```
 *
 * @see Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (AISTATS 2010)
 */
export function glorotUniform(): Initializer {
  return varianceScalingPreset('glorotUniform', 1, 'fanAvg', 'uniform');
}
