import { ValidateBy } from 'class-validator';
import { LearningRateSchedule } from './schedules/learning-rate-schedule.js';

/** Options that every optimizer takes. */
export class OptimizerOptions {
  /**
   * Step size, a number of at least 0 that `optimizer.learningRate` changes during training, or a schedule, a function of
   * the updates made so far. Default 0.001; SGD's is 0.01.
   */
  @ValidateBy({
    name: 'isLearningRate',
    validator: {
      validate: (value) =>
        value instanceof LearningRateSchedule || (typeof value === 'number' && Number.isFinite(value) && value >= 0),
      defaultMessage: () => 'a finite number of at least 0, or a learning-rate schedule',
    },
  })
  learningRate: number | LearningRateSchedule<object> = 0.001;
}
