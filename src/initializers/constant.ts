import { IsNumber } from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { sizeOf } from '../core/shape.js';
import type { Initializer } from './initializer.js';
import { NamedInitializer } from './named-initializer.js';

/** Options of `initializers.constant`. */
export class ConstantOptions {
  /** The value of every element. Required. */
  @IsNumber()
  value!: number;
}

/**
 * Starts every element of a weight at one value, e.g. a bias at the log-odds of a rare class.
 *
 * @throws OptionsError where `value` is missing or not a finite number
 *
 * @example
 * ```ts
 * import { initializers, layers } from 'adjoint';
 *
 * const output = layers.dense({ units: 1, biasInitializer: initializers.constant({ value: -2 }) });
 * output.build([null, 3]);
 * output.bias.value.print();
 * output.dispose();
 * ```
 *
 * @see https://keras.io/api/layers/initializers/#constant-class
 */
export function constant(options: OptionsInput<ConstantOptions>): Initializer {
  const { value } = parseOptions(ConstantOptions, options, 'initializer constant');
  return new NamedInitializer('constant', { value }, (shape) => new Float32Array(sizeOf(shape)).fill(value));
}
