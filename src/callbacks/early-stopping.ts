import { IsBoolean, IsIn, IsInt, IsNotEmpty, IsNumber, IsOptional, IsString, Min } from 'class-validator';
import type { OptionsInput } from '../core/parse-options.js';
import type { Logs } from '../training/logs.js';
import type { CallbackState } from '../training/callback-state.js';
import type { WeightSnapshot } from '../training/weight-snapshot.js';
import { BaseCallback } from './callback.js';
import { Callback } from './declarations.js';
import { formatNumber } from './format-logs.js';
import { Monitor, type MonitorMode } from './monitor.js';

/** Options of {@link EarlyStopping}; named as in `tf.layers`. */
export class EarlyStoppingOptions {
  /** Entry of the epoch's logs to watch. Default `val_loss`. */
  @IsString()
  @IsNotEmpty()
  monitor = 'val_loss';

  /** Least change, in the monitor's own unit, that counts as an improvement. Default 0: any change for the better. */
  @IsNumber()
  @Min(0)
  minDelta = 0;

  /** Epochs without improvement after which training ends. Default 0. */
  @IsInt()
  @Min(0)
  patience = 0;

  /** `min`: smaller is better, `max`: larger is, `auto`: as the monitor's name tells. Default `auto`. */
  @IsIn(['auto', 'min', 'max'])
  mode: MonitorMode = 'auto';

  /** Value that has to be beaten within `patience` epochs. Default none. */
  @IsOptional()
  @IsNumber()
  baseline?: number;

  /** Whether the model ends with the weights of its best epoch, however training ended short of an error. Default false. */
  @IsBoolean()
  restoreBestWeights = false;

  /** Epochs of warm-up in which nothing is watched. Default 0. */
  @IsInt()
  @Min(0)
  startFromEpoch = 0;

  /** 1 says when training is stopped and weights are restored. Default 0. */
  @IsIn([0, 1])
  verbose: 0 | 1 = 0;
}

/** What {@link EarlyStopping} keeps in a checkpoint. */
interface SavedStopping {
  readonly bestEpoch: number | null;
  readonly bestValue: number | null;
  readonly stoppedEpoch: number | null;
  readonly waited: number;
  readonly bestWeights: readonly { path: string; shape: readonly number[]; values: Float32Array }[] | null;
}

/**
 * Ends training when a number stops getting better.
 *
 * An epoch improves where its value lies beyond the best one by more than `minDelta`; NaN never does. Training ends after
 * `patience` epochs without improvement.
 *
 * Use it with validation data, and with `restoreBestWeights` where the last `patience` epochs may have been too much. The
 * best weights are kept as a copy in host memory.
 *
 * @throws OptionsError [monitor-direction] where the monitor's name does not tell which way is better
 * @throws CallbackError [unknown-monitor] in `fit`, where the logs have no such entry
 *
 * @example
 * ```ts
 * import { EarlyStopping } from 'adjoint';
 *
 * const stopping = new EarlyStopping({ monitor: 'val_accuracy', patience: 3, restoreBestWeights: true });
 * console.log(stopping.options.monitor, stopping.options.mode); // val_accuracy auto
 * ```
 *
 * @see https://keras.io/api/callbacks/early_stopping/
 */
@Callback('adjoint/early-stopping', EarlyStoppingOptions)
export class EarlyStopping extends BaseCallback<EarlyStoppingOptions> {
  /** Index of the best epoch of the latest run, `null` before there is one. */
  bestEpoch: number | null = null;
  /** The monitor's value in that epoch. */
  bestValue: number | null = null;
  /** Index of the epoch after which this callback ended the latest run, `null` where it did not. */
  stoppedEpoch: number | null = null;

  private readonly monitor: Monitor;
  private waited = 0;
  private bestWeights: WeightSnapshot | null = null;

  constructor(options?: OptionsInput<EarlyStoppingOptions>) {
    super(options);
    this.monitor = new Monitor(this.options, this.name);
  }

  override onTrainBegin(): void {
    this.bestEpoch = null;
    this.bestValue = null;
    this.stoppedEpoch = null;
    this.waited = 0;
    this.monitor.check(this.run);
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const value = this.monitor.read(logs, this.run);
    if (value === undefined || epoch < this.options.startFromEpoch) return;
    // As long as nothing was better, the first watched epoch is the one to go back to.
    if (this.bestEpoch === null) this.keep(epoch);
    this.waited += 1;
    if (this.monitor.improves(value, this.bestValue)) {
      this.bestValue = value;
      if (this.bestEpoch !== epoch) this.keep(epoch);
      if (this.monitor.improves(value, this.options.baseline)) this.waited = 0;
      return;
    }
    if (this.waited < this.options.patience || this.run.stopReason !== null) return;
    this.stoppedEpoch = epoch;
    this.run.stop(this.reason(value));
  }

  override onTrainEnd(): void {
    const restored = this.bestWeights !== null;
    if (this.bestWeights !== null) this.run.writeWeights(this.bestWeights);
    if (this.options.verbose === 0) return;
    const notes: string[] = [];
    if (this.stoppedEpoch !== null) notes.push(`training stopped after epoch ${this.stoppedEpoch + 1}`);
    if (restored) notes.push(`weights of epoch ${this.bestEpoch! + 1} restored`);
    if (notes.length > 0) this.run.logger.info(`${this.name}: ${notes.join(', ')}`);
  }

  override saveState(): CallbackState {
    const { bestEpoch, bestValue, stoppedEpoch, waited, bestWeights } = this;
    const weights = bestWeights && [...bestWeights].map(([path, { shape, values }]) => ({ path, shape, values }));
    return { bestEpoch, bestValue, stoppedEpoch, waited, bestWeights: weights };
  }

  override restoreState(state: CallbackState): void {
    const { bestEpoch, bestValue, stoppedEpoch, waited, bestWeights } = state as unknown as SavedStopping;
    Object.assign(this, { bestEpoch, bestValue, stoppedEpoch, waited });
    this.bestWeights = bestWeights && new Map(bestWeights.map(({ path, ...weight }) => [path, weight]));
  }

  override detach(): void {
    this.bestWeights = null;
    super.detach();
  }

  private keep(epoch: number): void {
    this.bestEpoch = epoch;
    if (this.options.restoreBestWeights) this.bestWeights = this.run.readWeights();
  }

  private reason(value: number): string {
    const { monitor, baseline } = this.options;
    const reached = `${monitor} ${formatNumber(value)}`;
    const epochs = `${this.waited} epoch${this.waited === 1 ? '' : 's'}`;
    if (this.bestValue === null) return `${reached}: no finite value in ${epochs}`;
    const best = `${formatNumber(this.bestValue)} of epoch ${this.bestEpoch! + 1}`;
    if (this.monitor.improves(this.bestValue, baseline)) return `${reached} has not improved on ${best} for ${epochs}`;
    return `${reached} has not beaten the baseline ${formatNumber(baseline!)} in ${epochs}`;
  }
}
