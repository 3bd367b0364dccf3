import type { Initializer } from './initializer.js';
import { varianceScalingPreset } from './variance-scaling.js';

/**
 * Draws a weight uniformly with He's variance, for layers followed by relu.
 *
 * Formula: uniform in `[-limit, limit)` with `limit = sqrt(6 / fanIn)`.
 *
 * @example
 * ```ts
 * import { initializers, layers } from 'adjoint';
 *
 * const dense = layers.dense({ units: 4, kernelInitializer: initializers.heUniform() });
 * console.log(dense.options.units); // 4
 * ```
 *
 * @see He et al., "Delving deep into rectifiers" (ICCV 2015), https://arxiv.org/abs/1502.01852
 */
export function heUniform(): Initializer {
  return varianceScalingPreset('heUniform', 2, 'fanIn', 'uniform');
}
