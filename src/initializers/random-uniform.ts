import { IsNumber, ValidateBy, type ValidationArguments } from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { uniform } from '../core/rng-key.js';
import { sizeOf } from '../core/shape.js';
import type { Initializer } from './initializer.js';
import { affine, NamedInitializer } from './named-initializer.js';

/** Options of `initializers.randomUniform`. */
export class RandomUniformOptions {
  /** Lower end, inclusive. Default -0.05. */
  @IsNumber()
  minimum = -0.05;

  /** Upper end, exclusive. Default 0.05. */
  @IsNumber()
  @ValidateBy({
    name: 'atLeastMinimum',
    validator: {
      validate: (maximum: number, where?: ValidationArguments) =>
        maximum >= (where!.object as RandomUniformOptions).minimum,
      defaultMessage: (where) => `maximum must be at least minimum, ${(where!.object as RandomUniformOptions).minimum}`,
    },
  })
  maximum = 0.05;
}

/**
 * Draws a weight uniformly from an interval.
 *
 * @throws OptionsError where an option is unknown or not a finite number, or the interval is empty
 *
 * @example
 * ```ts
 * import { initializers, RngKey } from 'adjoint';
 *
 * const values = initializers.randomUniform({ minimum: 0, maximum: 1 }).values([4], RngKey.fromSeed(1));
 * console.log(values.every((value) => value >= 0 && value < 1)); // true
 * ```
 *
 * @see https://keras.io/api/layers/initializers/#randomuniform-class
 */
export function randomUniform(options?: OptionsInput<RandomUniformOptions>): Initializer {
  const { minimum, maximum } = parseOptions(RandomUniformOptions, options, 'initializer randomUniform');
  return new NamedInitializer('randomUniform', { minimum, maximum }, (shape, key) =>
    affine(uniform(key, sizeOf(shape)), maximum - minimum, minimum),
  );
}
