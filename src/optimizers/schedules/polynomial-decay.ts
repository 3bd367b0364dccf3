import { IsBoolean, IsNumber, IsPositive, Min } from 'class-validator';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { DecayOptions } from './decay-options.js';
import { Schedule } from './declarations.js';
import { elapsed, wholeElapsed } from './elapsed.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';

/** Options of {@link PolynomialDecay}. */
export class PolynomialDecayOptions extends DecayOptions {
  /** Learning rate at the end, at least 0. Default 0.0001. */
  @IsNumber()
  @Min(0)
  endLearningRate = 0.0001;

  /** Power of the polynomial, above 0; 1 is a straight line. Default 1. */
  @IsNumber()
  @IsPositive()
  power = 1;

  /** Whether the decay is stretched to twice, three times `decaySteps` when its end is passed. Default false. */
  @IsBoolean()
  cycle = false;
}

/**
 * A learning rate that falls to an end value along a power of the remaining time.
 *
 * Formula:
 *
 * ```text
 * rate(step) = (initialLearningRate - endLearningRate) * (1 - min(step, decaySteps) / decaySteps)^power + endLearningRate
 * cycle        decaySteps is replaced by the first multiple of it that is not below step, and at least once by itself
 * ```
 *
 * When to use: a linear fall to (almost) nothing for fine-tuning; power 0.9 for segmentation. Past its end the rate stays at
 * `endLearningRate`, or with `cycle` starts anew from a lower height, on a flatter slope.
 *
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { PolynomialDecay } from 'adjoint';
 *
 * const schedule = new PolynomialDecay({ initialLearningRate: 1, decaySteps: 100, endLearningRate: 0 });
 * console.log(schedule.valueAt(0), schedule.valueAt(50), schedule.valueAt(500)); // 1 0.5 0
 * ```
 *
 * @see https://keras.io/api/optimizers/learning_rate_schedules/polynomial_decay/
 */
@Schedule('adjoint/polynomial-decay', PolynomialDecayOptions)
export class PolynomialDecay extends LearningRateSchedule<PolynomialDecayOptions> {
  at(step: Tensor): Tensor {
    const { initialLearningRate, decaySteps, endLearningRate, power, cycle } = this.options;
    const decays = elapsed(step, decaySteps);
    const done = cycle ? tf.div(decays, this.length(step)) : tf.minimum(decays, 1);
    // The quotient of a long run may round to more than 1, whose root is NaN.
    const left = tf.maximum(0, tf.sub(1, done));
    return tf.add(tf.mul(initialLearningRate - endLearningRate, tf.pow(left, power)), endLearningRate);
  }

  /** The length of the running cycle, in decays: the first whole number that is not below the time. */
  private length(step: Tensor): Tensor {
    const last = tf.maximum(0, tf.sub(tf.cast(step, 'int32'), tf.scalar(1, 'int32')));
    return tf.add(wholeElapsed(last, this.options.decaySteps), 1);
  }
}
