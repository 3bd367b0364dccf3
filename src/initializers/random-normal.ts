import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { normal } from '../core/rng-key.js';
import { sizeOf } from '../core/shape.js';
import type { Initializer } from './initializer.js';
import { affine, NamedInitializer } from './named-initializer.js';
import { NormalOptions } from './normal-options.js';

/**
 * Draws a weight from a normal distribution.
 *
 * @throws OptionsError where an option is unknown or not a finite number
 *
 * @example
 * ```ts
 * import { initializers, RngKey } from 'adjoint';
 *
 * const values = initializers.randomNormal({ standardDeviation: 0.1 }).values([2, 3], RngKey.fromSeed(1));
 * console.log(values.length); // 6
 * ```
 *
 * @see https://keras.io/api/layers/initializers/#randomnormal-class
 */
export function randomNormal(options?: OptionsInput<NormalOptions>): Initializer {
  const { mean, standardDeviation } = parseOptions(NormalOptions, options, 'initializer randomNormal');
  return new NamedInitializer('randomNormal', { mean, standardDeviation }, (shape, key) =>
    affine(normal(key, sizeOf(shape)), standardDeviation, mean),
  );
}
