import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { GradientDoctor } from '../debug/gradient-doctor.js';
import { DebugReport } from '../debug/report/debug-report.js';
import type { CallbackContract } from '../training/callback-contract.js';
import { DebugOptions } from '../training/debug-options.js';

/**
 * The callbacks that the option `debug` of `fit` stands for: a report, and a doctor whose findings it shows.
 *
 * @param given - the run's other callbacks; a doctor among them is the one whose findings are shown
 */
export function debugCallbacks(
  input: OptionsInput<DebugOptions> | undefined,
  given: readonly CallbackContract[],
  where: string,
): CallbackContract[] {
  if (input === undefined) return [];
  const { report, every, title } = parseOptions(DebugOptions, input, `option "debug" of ${where}`);
  const own = given.some((callback) => callback instanceof GradientDoctor) ? [] : [new GradientDoctor({ every })];
  return [...own, new DebugReport({ directory: report, every, title })];
}
