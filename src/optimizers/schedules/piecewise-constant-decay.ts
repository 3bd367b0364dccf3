import { IsArray, ValidateBy } from 'class-validator';
import { OptionsError } from '../../core/errors.js';
import type { OptionsInput } from '../../core/parse-options.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { Schedule } from './declarations.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';

/** Options of {@link PiecewiseConstantDecay}. */
export class PiecewiseConstantDecayOptions {
  /** The last update of each piece but the last: whole numbers of at least 0, each above the one before it. */
  @IsArray()
  @ValidateBy({
    name: 'isRising',
    validator: { validate: isRising, defaultMessage: () => 'each of at least 0 and above the one before it' },
  })
  boundaries!: readonly number[];

  /** Learning rates of the pieces, each at least 0: one more than there are boundaries. */
  @IsArray()
  @ValidateBy({
    name: 'isRates',
    validator: { validate: isRates, defaultMessage: () => 'finite numbers of at least 0, one for each piece' },
  })
  values!: readonly number[];
}

/**
 * A learning rate that is constant between given steps.
 *
 * Formula: `rate(step) = values[i]` for the first `i` with `step <= boundaries[i]`, and the last value after the last boundary.
 *
 * When to use: recipes that name the steps at which the rate falls. It has no end: the last value stays.
 *
 * @throws OptionsError [invalid-option], also where boundaries do not rise, or there is not one value more than boundaries
 *
 * @example
 * ```ts
 * import { PiecewiseConstantDecay } from 'adjoint';
 *
 * const schedule = new PiecewiseConstantDecay({ boundaries: [100, 200], values: [1, 0.5, 0.25] });
 * console.log(schedule.valueAt(100), schedule.valueAt(101), schedule.valueAt(1000)); // 1 0.5 0.25
 * ```
 *
 * @see https://keras.io/api/optimizers/learning_rate_schedules/piecewise_constant_decay/
 */
@Schedule('adjoint/piecewise-constant-decay', PiecewiseConstantDecayOptions)
export class PiecewiseConstantDecay extends LearningRateSchedule<PiecewiseConstantDecayOptions> {
  constructor(options?: OptionsInput<PiecewiseConstantDecayOptions>) {
    super(options);
    const { boundaries, values } = this.options;
    if (values.length === boundaries.length + 1) return;
    throw new OptionsError('invalid-option', {
      where: `option "values" of schedule ${this.constructor.name}`,
      expected: `${boundaries.length + 1} values for ${boundaries.length} boundaries: the last holds after the last boundary`,
      received: `${values.length} values`,
    });
  }

  at(step: Tensor): Tensor {
    const { boundaries, values } = this.options;
    const now = tf.cast(step, 'float32');
    return boundaries.reduce<Tensor>(
      (rate, boundary, i) => tf.where(tf.greater(now, boundary), tf.scalar(values[i + 1]!), rate),
      tf.scalar(values[0]!),
    );
  }
}

function isRising(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((step, i) => Number.isInteger(step) && step >= 0 && (i === 0 || step > (value[i - 1] as number)))
  );
}

function isRates(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((rate) => Number.isFinite(rate) && rate >= 0);
}
