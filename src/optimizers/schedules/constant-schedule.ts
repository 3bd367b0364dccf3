import { IsNumber, Min } from 'class-validator';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { Schedule } from './declarations.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';

/** Options of {@link ConstantSchedule}. */
export class ConstantScheduleOptions {
  /** The learning rate, at least 0. */
  @IsNumber()
  @Min(0)
  learningRate!: number;
}

/**
 * One learning rate for ever.
 *
 * Formula: `rate(step) = learningRate`.
 *
 * When to use: where code takes a schedule and none is wanted. A number as an optimizer's `learningRate` trains alike, and
 * may be changed while training.
 *
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { ConstantSchedule } from 'adjoint';
 *
 * console.log(new ConstantSchedule({ learningRate: 0.5 }).valueAt(1000)); // 0.5
 * ```
 *
 * @see https://optax.readthedocs.io/en/latest/api/optimizer_schedules.html
 */
@Schedule('adjoint/constant-schedule', ConstantScheduleOptions)
export class ConstantSchedule extends LearningRateSchedule<ConstantScheduleOptions> {
  at(_step: Tensor): Tensor {
    return tf.scalar(this.options.learningRate);
  }
}
