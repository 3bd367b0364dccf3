import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { truncatedNormal as drawTruncatedNormal } from '../core/rng-key.js';
import { sizeOf } from '../core/shape.js';
import type { Initializer } from './initializer.js';
import { affine, NamedInitializer } from './named-initializer.js';
import { NormalOptions } from './normal-options.js';

/**
 * Draws a weight from a normal distribution of which what lies beyond two standard deviations is drawn again.
 *
 * The draws' own standard deviation is 0.8796 times the one given.
 *
 * @throws OptionsError where an option is unknown or not a finite number
 *
 * @example
 * ```ts
 * import { initializers, RngKey } from 'adjoint';
 *
 * const values = initializers.truncatedNormal({ standardDeviation: 1 }).values([100], RngKey.fromSeed(1));
 * console.log(values.every((value) => Math.abs(value) <= 2)); // true
 * ```
 *
 * @see https://keras.io/api/layers/initializers/#truncatednormal-class
 */
export function truncatedNormal(options?: OptionsInput<NormalOptions>): Initializer {
  const { mean, standardDeviation } = parseOptions(NormalOptions, options, 'initializer truncatedNormal');
  return new NamedInitializer('truncatedNormal', { mean, standardDeviation }, (shape, key) =>
    affine(drawTruncatedNormal(key, sizeOf(shape)), standardDeviation, mean),
  );
}
