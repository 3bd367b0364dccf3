import type { ExecutionMode } from '../training/execution-mode.js';
import type { Logs } from '../training/logs.js';
import type { CallbackState } from '../training/callback-state.js';
import type { ProbeReading } from '../training/probe-contract.js';
import { ProbeLog } from '../training/probe-log.js';
import { BaseCallback } from './callback.js';
import { Callback } from './declarations.js';

/**
 * The numbers of every epoch of one run; `fit` returns one.
 *
 * Each list has one entry an epoch, so that they can be plotted over `epoch`. A number that an epoch did not have is NaN.
 * A second run with the same object begins anew.
 *
 * When to use: `fit` makes one by itself; give it one of yours to look at the numbers while training goes on.
 *
 * @example
 * ```ts
 * import { layers, sequential, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const { history, epoch } = await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { epochs: 2, verbose: 0 });
 * console.log(epoch, history.loss!.length); // [0, 1] 2
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/callbacks/
 */
@Callback('adjoint/history')
export class History extends BaseCallback {
  /**
   * Loss and metrics by name: `loss`, `accuracy`, `val_loss`; with them `learningRate` as it stood at each epoch's end, where
   * a schedule is in force or the rate was changed.
   */
  history: Record<string, number[]> = {};
  /** Index of each epoch, from 0. */
  epoch: number[] = [];
  /** Training steps of each epoch. */
  steps: number[] = [];
  /** Mean wall-clock time of each epoch's training steps, batch gathering included, in milliseconds. */
  millisecondsPerStep: number[] = [];
  /** Which way each epoch's steps were computed. */
  mode: ExecutionMode[] = [];
  /** Why training ended before its last epoch; `null` where it did not. */
  stopReason: string | null = null;
  private probeLog = new ProbeLog();

  /**
   * What callbacks had measured in steps of this run, such as gradient norms; without histograms. Of more than 4000 (of models
   * with hundreds of layers: fewer) the first and the newest quarter all stay, and evenly spaced ones between them.
   */
  get probes(): readonly ProbeReading[] {
    return this.probeLog.all;
  }

  override onTrainBegin(): void {
    // New lists: those of an earlier run may be in somebody's hands.
    this.history = {};
    this.epoch = [];
    this.steps = [];
    this.millisecondsPerStep = [];
    this.mode = [];
    this.stopReason = null;
    this.probeLog = new ProbeLog();
  }

  override onProbe(reading: ProbeReading): void {
    this.probeLog.add(reading);
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const before = this.epoch.length;
    const { learningRate } = this.run.optimizer.options;
    for (const name of new Set([...Object.keys(this.history), ...Object.keys(logs)])) {
      // The rate is logged from its first change on: until then it was the one that the optimizer was made with.
      const earlier = name === 'learningRate' && typeof learningRate === 'number' ? learningRate : NaN;
      // A metric may be called `constructor`, which every object has.
      if (!Object.hasOwn(this.history, name)) this.history[name] = Array.from({ length: before }, () => earlier);
      this.history[name]!.push((Object.hasOwn(logs, name) ? logs[name] : undefined) ?? NaN);
    }
    this.epoch.push(epoch);
    this.steps.push(this.run.progress.step);
    this.millisecondsPerStep.push(this.run.progress.millisecondsPerStep);
    this.mode.push(this.run.mode);
  }

  override saveState(): CallbackState {
    // Not the probes: they may be many thousands, and every checkpoint would hold them all.
    const { history, epoch, steps, millisecondsPerStep, mode } = this;
    return { history, epoch, steps, millisecondsPerStep, mode };
  }

  override restoreState(state: CallbackState): void {
    const { history, epoch, steps, millisecondsPerStep, mode } = state as unknown as SavedHistory;
    Object.assign(this, { history, epoch, steps, millisecondsPerStep, mode });
  }

  override onTrainEnd(): void {
    this.stopReason = this.run.stopReason;
  }
}

/** What {@link History} keeps in a checkpoint. */
type SavedHistory = Pick<History, 'history' | 'epoch' | 'steps' | 'millisecondsPerStep' | 'mode'>;
