import { IsIn, IsInt, Min } from 'class-validator';
import { BaseCallback } from '../callbacks/callback.js';
import type { ProbeReading } from '../training/probe-contract.js';
import { ProbeLog } from '../training/probe-log.js';
import { FindingLog, type Finding, type SeenFinding } from './finding.js';

/** Options that every monitor has. */
export class ProbeMonitorOptions {
  /** Every how many steps is measured. Default 10. */
  @IsInt()
  @Min(1)
  every = 10;

  /** Measurements in a row that have to agree before something is said. Default 3. */
  @IsInt()
  @Min(1)
  confirmations = 3;

  /**
   * When the table is logged, unless `verbose` of `fit` is 0: `findings` at the end of a run in which something was found,
   * `epoch` after each epoch that has measured something new, `end` at the end of every run, `never`. Default `findings`.
   */
  @IsIn(['findings', 'epoch', 'end', 'never'])
  print: 'findings' | 'epoch' | 'end' | 'never' = 'findings';
}

/**
 * Base of the callbacks that judge what is measured in a step: keeps measurements and findings, warns of each finding once,
 * and logs a table. Of a run in which nothing is wrong it says nothing.
 *
 * When to use: for a monitor of your own. Say in `probeRequest` what is to be measured, in `judge` what is wrong with it,
 * and in `table` how it is shown.
 *
 * Default: every 10 steps, a table at the end of a run in which something was found.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { Callback, layers, ProbeMonitor, ProbeMonitorOptions, sequential, tf, type Finding, type ProbeReading } from 'adjoint';
 *
 * @Callback('app/still-weights', ProbeMonitorOptions)
 * class StillWeights extends ProbeMonitor<ProbeMonitorOptions, Finding<'still'>> {
 *   override get probeRequest() {
 *     return { every: this.options.every, weights: ['updateRatio'] as const };
 *   }
 *   override table(): string {
 *     return JSON.stringify(this.readings.at(-1)?.weights);
 *   }
 *   protected override judge({ weights }: ProbeReading) {
 *     const still = Object.entries(weights).filter(([, { updateRatio = NaN }]) => updateRatio < 1e-6);
 *     return still.map(([where]) => ({ kind: 'still' as const, where, evidence: {}, message: `${where} hardly moves` }));
 *   }
 * }
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const monitor = new StillWeights({ every: 1 });
 * await model.fit(tf.ones([32, 3]), tf.ones([32, 1]), { verbose: 0, callbacks: [monitor] });
 * console.log(monitor.findings.length); // 0
 * model.dispose();
 * ```
 *
 * @see `docs/monitors.md`
 */
export abstract class ProbeMonitor<O extends ProbeMonitorOptions, F extends Finding> extends BaseCallback<O> {
  private probeLog = new ProbeLog();
  private readonly log = new FindingLog<F>(this.name);
  /** The table that was logged last. */
  private shown = '';

  /**
   * What was measured in the latest run, one a probed step, without histograms. Of more than 4000 (of models with hundreds of
   * layers: fewer) the first and the newest quarter all stay, and evenly spaced ones between them.
   */
  get readings(): readonly ProbeReading[] {
    return this.probeLog.all;
  }

  /** What was found in the latest run, each kind once a place. */
  get findings(): readonly F[] {
    return this.log.all;
  }

  /** The latest measurement. */
  abstract table(): string;

  /** What is wrong at the latest of the readings; called for readings with something in them. */
  protected abstract judge(reading: ProbeReading): readonly SeenFinding<F>[];

  override onTrainBegin(): void {
    // A new list: that of an earlier run may be in somebody's hands.
    this.probeLog = new ProbeLog();
    this.shown = '';
    this.log.clear();
  }

  override onProbe(reading: ProbeReading): void {
    this.probeLog.add(reading);
    const { weights, layers, withoutGradient } = reading;
    if (withoutGradient.length + Object.keys(weights).length + Object.keys(layers).length === 0) return;
    const warning = this.log.add(reading.totalSteps, this.judge(reading));
    if (warning !== null) this.run.logger.warn(warning);
  }

  override onEpochEnd(epoch: number): void {
    if (this.options.print === 'epoch') this.show(`epoch ${epoch + 1}`);
  }

  override onTrainEnd(): void {
    const { print } = this.options;
    if (print === 'end' || (print === 'findings' && this.findings.length > 0)) this.show('last epoch');
  }

  private show(when: string): void {
    if (this.run.verbose === 0 || this.readings.length === 0) return;
    const table = this.table();
    // An epoch without a measurement has nothing new to show.
    if (table === this.shown) return;
    this.shown = table;
    this.run.logger.info(`${this.name}, ${when}: ${table}`);
  }
}
