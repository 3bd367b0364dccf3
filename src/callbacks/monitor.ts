import { CallbackError, OptionsError } from '../core/errors.js';
import { didYouMean } from '../core/nearest-name.js';
import type { TrainingRun } from '../training/callback-contract.js';
import type { Logs } from '../training/logs.js';
import { largerIsBetter } from './monitor-direction.js';

/** Which way is better: `auto` as the monitor's name tells. */
export type MonitorMode = 'auto' | 'min' | 'max';

/** What a callback watches, and what it takes for better. */
export interface MonitorOptions {
  readonly monitor: string;
  readonly mode: MonitorMode;
  readonly minDelta: number;
}

/** An entry of the epoch's logs that a callback watches. */
export class Monitor {
  private readonly sign: 1 | -1;

  /**
   * @param callback - name of the callback's class, for errors
   * @throws OptionsError [monitor-direction]
   */
  constructor(
    private readonly options: MonitorOptions,
    private readonly callback: string,
  ) {
    this.sign = directionOf(options, callback);
  }

  /** @throws CallbackError [unknown-monitor] where the run will have no such entry */
  check(run: TrainingRun): void {
    const { monitor } = this.options;
    if (!monitor.startsWith('val_') || run.validated) return;
    throw new CallbackError('unknown-monitor', {
      where: this.where(),
      expected: `validation data, for the monitor "${monitor}"`,
      received: 'a fit() without validation data',
      fix: `give fit() validationData or validationSplit, or monitor "${monitor.slice('val_'.length)}"`,
    });
  }

  /**
   * The entry's value; `undefined` where the run was stopped in mid-epoch, before the entry could be there.
   *
   * @throws CallbackError [unknown-monitor]
   */
  read(logs: Logs, run: TrainingRun): number | undefined {
    const { monitor } = this.options;
    const value = logs[monitor];
    if (value !== undefined || run.stopReason !== null) return value;
    throw new CallbackError('unknown-monitor', {
      where: this.where(),
      expected: `one of ${Object.keys(logs).join(', ')}`,
      received: JSON.stringify(monitor),
      fix: didYouMean(monitor, Object.keys(logs)),
    });
  }

  /** Whether a value lies beyond a reference by more than `minDelta`; NaN never does. */
  improves(value: number, reference: number | null | undefined): boolean {
    if (Number.isNaN(value)) return false;
    return reference == null || this.sign * (value - reference) > this.options.minDelta;
  }

  private where(): string {
    return `option "monitor" of callback "${this.callback}"`;
  }
}

function directionOf({ mode, monitor }: MonitorOptions, callback: string): 1 | -1 {
  if (mode !== 'auto') return mode === 'max' ? 1 : -1;
  const larger = largerIsBetter(monitor);
  if (larger !== undefined) return larger ? 1 : -1;
  throw new OptionsError('monitor-direction', {
    where: `option "mode" of callback ${callback}`,
    expected: `"min" or "max" for the monitor "${monitor}", whose name does not tell which way is better`,
    received: '"auto"',
    fix: "give mode: 'max' where a larger value is better, mode: 'min' where a smaller one is",
  });
}
