import { sizeOf } from '../core/shape.js';
import type { Initializer } from './initializer.js';
import { NamedInitializer } from './named-initializer.js';

/**
 * Starts a weight at one: the usual choice for scales such as BatchNormalization's gamma.
 *
 * @example
 * ```ts
 * import { initializers, RngKey } from 'adjoint';
 *
 * console.log(initializers.ones().values([2], RngKey.fromSeed(1))); // Float32Array(2) [ 1, 1 ]
 * ```
 *
 * @see https://keras.io/api/layers/initializers/#ones-class
 */
export function ones(): Initializer {
  return new NamedInitializer('ones', {}, (shape) => new Float32Array(sizeOf(shape)).fill(1));
}
