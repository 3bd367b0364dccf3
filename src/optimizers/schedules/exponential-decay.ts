import { IsBoolean, IsNumber, IsPositive } from 'class-validator';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { DecayOptions } from './decay-options.js';
import { Schedule } from './declarations.js';
import { elapsed, wholeElapsed } from './elapsed.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';

/** Options of {@link ExponentialDecay}. */
export class ExponentialDecayOptions extends DecayOptions {
  /** Factor of each `decaySteps` updates, above 0; above 1 the rate grows. */
  @IsNumber()
  @IsPositive()
  decayRate!: number;

  /** Whether the rate falls once every `decaySteps` updates, not a little with each. Default false. */
  @IsBoolean()
  staircase = false;
}

/**
 * A learning rate that falls by the same factor in every stretch of steps.
 *
 * Formula: `rate(step) = initialLearningRate * decayRate^(step / decaySteps)`, with the whole part of the quotient where
 * `staircase` is set.
 *
 * When to use: long runs whose end is not known beforehand. It has no end: the rate goes on towards 0.
 *
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { ExponentialDecay } from 'adjoint';
 *
 * const schedule = new ExponentialDecay({ initialLearningRate: 1, decaySteps: 10, decayRate: 0.5 });
 * console.log(schedule.valueAt(0), schedule.valueAt(10), schedule.valueAt(20)); // 1 0.5 0.25
 * ```
 *
 * @see https://keras.io/api/optimizers/learning_rate_schedules/exponential_decay/
 */
@Schedule('adjoint/exponential-decay', ExponentialDecayOptions)
export class ExponentialDecay extends LearningRateSchedule<ExponentialDecayOptions> {
  at(step: Tensor): Tensor {
    const { initialLearningRate, decaySteps, decayRate, staircase } = this.options;
    const decays = (staircase ? wholeElapsed : elapsed)(step, decaySteps);
    return tf.mul(initialLearningRate, tf.pow(decayRate, decays));
  }
}
