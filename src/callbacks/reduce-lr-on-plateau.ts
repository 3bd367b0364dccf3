import { IsIn, IsInt, IsNotEmpty, IsNumber, IsPositive, IsString, Min, ValidateBy } from 'class-validator';
import type { OptionsInput } from '../core/parse-options.js';
import type { Logs } from '../training/logs.js';
import type { CallbackState } from '../training/callback-state.js';
import { BaseCallback } from './callback.js';
import { Callback } from './declarations.js';
import { formatNumber } from './format-logs.js';
import { Monitor, type MonitorMode } from './monitor.js';
import { assertSettableRate } from './settable-rate.js';

/** Options of {@link ReduceLROnPlateau}; named as in Keras. */
export class ReduceLROnPlateauOptions {
  /** Entry of the epoch's logs to watch. Default `val_loss`. */
  @IsString()
  @IsNotEmpty()
  monitor = 'val_loss';

  /** What the learning rate is multiplied by, above 0 and below 1. Default 0.1. */
  @IsNumber()
  @IsPositive()
  @ValidateBy({
    name: 'isBelowOne',
    validator: { validate: (value) => typeof value === 'number' && value < 1, defaultMessage: () => 'below 1' },
  })
  factor = 0.1;

  /** Epochs without improvement after which the rate is reduced; 0 does as 1. Default 10. */
  @IsInt()
  @Min(0)
  patience = 10;

  /** `min`: smaller is better, `max`: larger is, `auto`: as the monitor's name tells. Default `auto`. */
  @IsIn(['auto', 'min', 'max'])
  mode: MonitorMode = 'auto';

  /** Least change, in the monitor's own unit, that counts as an improvement. Default 0.0001. */
  @IsNumber()
  @Min(0)
  minDelta = 1e-4;

  /** Epochs after a reduction in which none is counted. Default 0. */
  @IsInt()
  @Min(0)
  cooldown = 0;

  /** Learning rate below which it is not reduced. Default 0. */
  @IsNumber()
  @Min(0)
  minLearningRate = 0;

  /** 1 says when the rate is reduced. Default 0. */
  @IsIn([0, 1])
  verbose: 0 | 1 = 0;
}

/** What {@link ReduceLROnPlateau} keeps in a checkpoint. */
interface SavedPlateau {
  readonly reducedEpochs: readonly number[];
  readonly best: number | null;
  readonly waited: number;
  readonly cooling: number;
}

/**
 * Reduces the learning rate when a number stops getting better.
 *
 * Formula, after `patience` epochs without improvement:
 *
 * ```text
 * learningRate <- max(learningRate * factor, minLearningRate)
 * ```
 *
 * An epoch improves where its value lies beyond the best one by more than `minDelta`; NaN never does. The rate of each
 * epoch stands in `history.learningRate`.
 *
 * When to use: where you cannot say beforehand when training will slow down. Give it less patience than `EarlyStopping`.
 *
 * @throws OptionsError [monitor-direction] where the monitor's name does not tell which way is better
 * @throws CallbackError [unknown-monitor | scheduled] in `fit`, where the logs have no such entry, or a schedule is in force
 *
 * @example
 * ```ts
 * import { layers, ReduceLROnPlateau, sequential, SGD, tf } from 'adjoint';
 *
 * const optimizer = new SGD({ learningRate: 0.5 });
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer, loss: 'meanSquaredError' });
 * const reduce = new ReduceLROnPlateau({ monitor: 'loss', factor: 0.5, patience: 1, minDelta: 1e6 });
 * await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { epochs: 3, verbose: 0, callbacks: [reduce] });
 * console.log(optimizer.learningRate); // 0.125
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/callbacks/reduce_lr_on_plateau/
 */
@Callback('adjoint/reduce-lr-on-plateau', ReduceLROnPlateauOptions)
export class ReduceLROnPlateau extends BaseCallback<ReduceLROnPlateauOptions> {
  /** Index of each epoch of the latest run after which the rate was reduced. */
  reducedEpochs: number[] = [];

  private readonly monitor: Monitor;
  private best: number | null = null;
  private waited = 0;
  private cooling = 0;

  constructor(options?: OptionsInput<ReduceLROnPlateauOptions>) {
    super(options);
    this.monitor = new Monitor(this.options, this.name);
  }

  override onTrainBegin(): void {
    this.reducedEpochs = [];
    this.best = null;
    this.waited = 0;
    this.cooling = 0;
    assertSettableRate(this.run, this.name);
    this.monitor.check(this.run);
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const value = this.monitor.read(logs, this.run);
    if (value === undefined) return;
    if (this.cooling > 0) {
      this.cooling -= 1;
      this.waited = 0;
    }
    if (this.monitor.improves(value, this.best)) {
      this.best = value;
      this.waited = 0;
    } else if (this.cooling === 0) {
      this.waited += 1;
      if (this.waited >= this.options.patience) this.reduce(epoch);
    }
  }

  override saveState(): CallbackState {
    const { reducedEpochs, best, waited, cooling } = this;
    return { reducedEpochs: [...reducedEpochs], best, waited, cooling };
  }

  override restoreState(state: CallbackState): void {
    const { reducedEpochs, best, waited, cooling } = state as unknown as SavedPlateau;
    Object.assign(this, { reducedEpochs: [...reducedEpochs], best, waited, cooling });
  }

  private reduce(epoch: number): void {
    const { factor, minLearningRate, cooldown, verbose } = this.options;
    const { optimizer, logger } = this.run;
    const before = optimizer.learningRate;
    if (before <= minLearningRate) return;
    optimizer.learningRate = Math.max(before * factor, minLearningRate);
    this.cooling = cooldown;
    this.waited = 0;
    this.reducedEpochs.push(epoch);
    if (verbose === 0) return;
    const change = `${formatNumber(before)} to ${formatNumber(optimizer.learningRate)}`;
    logger.info(`${this.name}: learning rate reduced from ${change} after epoch ${epoch + 1}`);
  }
}
