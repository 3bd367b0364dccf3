import type { History } from '../callbacks/history.js';
import { ProgressBar } from '../callbacks/progress-bar.js';
import { parseOptions } from '../core/parse-options.js';
import { GradientDoctor } from '../debug/gradient-doctor.js';
import { DebugReport } from '../debug/report/debug-report.js';
import type { CallbackContract } from '../training/callback-contract.js';
import { DebugOptions } from '../training/debug-options.js';
import type { FitOptions } from '../training/fit-options.js';

/**
 * The callbacks that a run has beside those that it was given: its history, a progress bar unless it is silent, and where
 * `debug` asks for it a report, with a doctor whose findings it shows.
 */
export function standardCallbacks(history: History, options: FitOptions, where: string): CallbackContract[] {
  const { verbose, callbacks } = options;
  const isGiven = (kind: typeof ProgressBar | typeof GradientDoctor): boolean =>
    callbacks.some((callback) => callback instanceof kind);
  const progress = verbose === 0 || isGiven(ProgressBar) ? [] : [new ProgressBar()];
  if (options.debug === undefined) return [history, ...progress];
  const { report, every, title } = parseOptions(DebugOptions, options.debug, `option "debug" of ${where}`);
  const doctor = isGiven(GradientDoctor) ? [] : [new GradientDoctor({ every })];
  return [history, ...progress, ...doctor, new DebugReport({ directory: report, every, title })];
}
