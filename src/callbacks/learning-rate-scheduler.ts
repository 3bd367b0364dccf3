import { IsIn, ValidateBy } from 'class-validator';
import { CallbackError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { BaseCallback } from './callback.js';
import { Callback } from './declarations.js';
import { formatNumber } from './format-logs.js';
import { assertSettableRate } from './settable-rate.js';

/** Options of {@link LearningRateScheduler}. */
export class LearningRateSchedulerOptions {
  /** The learning rate of an epoch, by its index, from 0, and the rate so far. */
  @ValidateBy({
    name: 'isFunction',
    validator: {
      validate: (value) => typeof value === 'function',
      defaultMessage: () => 'a function of the epoch and the learning rate so far, which returns the new one',
    },
  })
  schedule!: (epoch: number, learningRate: number) => number;

  /** 1 says each change. Default 0. */
  @IsIn([0, 1])
  verbose: 0 | 1 = 0;
}

/**
 * Sets the learning rate before each epoch to what a function of yours returns.
 *
 * Formula: `learningRate <- schedule(epoch, learningRate)`.
 *
 * When to use: for rates that change by the epoch. What changes with every step is a schedule, such as `CosineDecay`, given to
 * the optimizer. The rate of each epoch stands in `history.learningRate`.
 *
 * @throws OptionsError [invalid-option]
 * @throws CallbackError [scheduled | learning-rate] in `fit`, where a schedule is in force, or the function returns no finite
 * number of at least 0
 *
 * @example
 * ```ts
 * import { layers, LearningRateScheduler, sequential, SGD, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: new SGD({ learningRate: 0.5 }), loss: 'meanSquaredError' });
 * const halve = new LearningRateScheduler({ schedule: (epoch, rate) => (epoch === 0 ? rate : rate / 2) });
 * const { history } = await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { epochs: 3, verbose: 0, callbacks: [halve] });
 * console.log(history.learningRate); // [0.5, 0.25, 0.125]
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/callbacks/learning_rate_scheduler/
 */
@Callback('adjoint/learning-rate-scheduler', LearningRateSchedulerOptions)
export class LearningRateScheduler extends BaseCallback<LearningRateSchedulerOptions> {
  override onTrainBegin(): void {
    assertSettableRate(this.run, this.name);
  }

  override onEpochBegin(epoch: number): void {
    const { optimizer, logger } = this.run;
    const before = optimizer.learningRate;
    const rate: unknown = this.options.schedule(epoch, before);
    if (typeof rate !== 'number' || !Number.isFinite(rate) || rate < 0) throw this.wrongRate(rate, epoch);
    optimizer.learningRate = rate;
    if (this.options.verbose === 0 || rate === before) return;
    logger.info(`${this.name}: learning rate ${formatNumber(rate)} from epoch ${epoch + 1} on`);
  }

  private wrongRate(rate: unknown, epoch: number): CallbackError {
    // Nobody awaits it, and what it may fail with would end the process.
    if (rate instanceof Promise) rate.catch(() => {});
    return new CallbackError('learning-rate', {
      where: `option "schedule" of callback "${this.name}"`,
      expected: 'a function that returns a finite number of at least 0',
      received: `${formatValue(rate)} for epoch index ${epoch}`,
    });
  }
}
