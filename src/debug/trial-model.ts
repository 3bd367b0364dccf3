import type { OptionsInput } from '../core/parse-options.js';
import type { BatchSource } from '../training/batches.js';
import type { Logs } from '../training/logs.js';
import type { FitOptions } from '../training/fit-options.js';

/** What a look at a model wants of it; every compiled model of Adjoint has it. */
export interface TrialModel {
  /** How errors name it. */
  describe(): string;
  /** Whether its weights exist. */
  readonly built: boolean;
  /** Its own training step, where it has one. */
  readonly trainStep?: unknown;
  /** @internal */
  fitApart(where: string, source: BatchSource, options: OptionsInput<FitOptions>): Promise<Logs>;
}
