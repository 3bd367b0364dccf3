import { IsBoolean, IsNumber, Min } from 'class-validator';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { DecayOptions } from './decay-options.js';
import { Schedule } from './declarations.js';
import { elapsed, wholeElapsed } from './elapsed.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';

/** Options of {@link InverseTimeDecay}. */
export class InverseTimeDecayOptions extends DecayOptions {
  /** What each `decaySteps` updates add to the divisor, at least 0. */
  @IsNumber()
  @Min(0)
  decayRate!: number;

  /** Whether the rate falls once every `decaySteps` updates, not a little with each. Default false. */
  @IsBoolean()
  staircase = false;
}

/**
 * A learning rate that falls as one over time.
 *
 * Formula: `rate(step) = initialLearningRate / (1 + decayRate * step / decaySteps)`, with the whole part of the quotient
 * where `staircase` is set.
 *
 * When to use: stochastic gradient descent on convex problems, where theory asks for it; it falls fast at first and slowly
 * for ever after. It has no end.
 *
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { InverseTimeDecay } from 'adjoint';
 *
 * const schedule = new InverseTimeDecay({ initialLearningRate: 1, decaySteps: 10, decayRate: 1 });
 * console.log(schedule.valueAt(0), schedule.valueAt(10), schedule.valueAt(30)); // 1 0.5 0.25
 * ```
 *
 * @see https://keras.io/api/optimizers/learning_rate_schedules/inverse_time_decay/
 */
@Schedule('adjoint/inverse-time-decay', InverseTimeDecayOptions)
export class InverseTimeDecay extends LearningRateSchedule<InverseTimeDecayOptions> {
  at(step: Tensor): Tensor {
    const { initialLearningRate, decaySteps, decayRate, staircase } = this.options;
    const decays = (staircase ? wholeElapsed : elapsed)(step, decaySteps);
    return tf.div(initialLearningRate, tf.add(1, tf.mul(decayRate, decays)));
  }
}
