import { sizeOf } from '../core/shape.js';
import type { Initializer } from './initializer.js';
import { NamedInitializer } from './named-initializer.js';

/**
 * Starts a weight at zero: the usual choice for biases.
 *
 * @example
 * ```ts
 * import { initializers, layers } from 'adjoint';
 *
 * const dense = layers.dense({ units: 4, biasInitializer: initializers.zeros() });
 * console.log(dense.name); // dense
 * ```
 *
 * @see https://keras.io/api/layers/initializers/#zeros-class
 */
export function zeros(): Initializer {
  return new NamedInitializer('zeros', {}, (shape) => new Float32Array(sizeOf(shape)));
}
