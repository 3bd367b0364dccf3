import type { BaseModel, BatchSource, CallbackContract, CauseName, FitOptions, HostArrayInput } from 'adjoint';
import type { Draw } from './draw.js';

/** A model with the data and the options that `fit` is called with. */
export interface Setup {
  readonly model: BaseModel;
  /** Inputs, or with no `y` a dataset. */
  readonly x: HostArrayInput | BatchSource;
  readonly y?: HostArrayInput;
  readonly options: Partial<FitOptions>;
  /** In place of one call of `fit`. Callbacks have to be passed on. */
  readonly run?: (model: BaseModel, callbacks: readonly CallbackContract[]) => Promise<void>;
}

/** What training a case came to. */
export interface Outcome {
  /** Losses of the steps. */
  readonly steps: readonly number[];
  /** By name, an entry an epoch; those of several fits behind each other. */
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly error: Error | null;
  /** Tensors at the end less those at the beginning. */
  readonly tensorsKept: number;
}

export interface SuiteCase {
  readonly name: string;
  /** `null` where nothing is wrong. */
  readonly cause: CauseName | null;
  /** Those of the closing half were not run with the doctor while it was written. */
  readonly half: 'first' | 'closing';
  make(draw: Draw): Setup;
  /** Whether training went as the case says: that a fault bites, that a healthy run learns. */
  shows(outcome: Outcome): boolean;
  /** What the error says where the library itself refuses the fault; it then counts as found. */
  readonly refusal?: RegExp;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean loss of the first and of the last tenth of the steps. */
export function ends({ steps }: Outcome): { first: number; last: number } {
  const count = Math.max(1, Math.floor(steps.length / 10));
  return { first: mean(steps.slice(0, count)), last: mean(steps.slice(-count)) };
}

/** The loss fell by this share of what it was, or more. */
export const fellBy =
  (share: number) =>
  (outcome: Outcome): boolean => {
    const { first, last } = ends(outcome);
    return outcome.error === null && last < first - share * Math.abs(first);
  };

/** The last epoch's loss is lower than the first's by no more than this share, or is not a number. */
export const stuckWithin =
  (share: number) =>
  ({ history, error }: Outcome): boolean => {
    const losses = history['loss'] ?? [];
    return error === null && !(losses.at(-1)! < losses[0]! - share * Math.abs(losses[0]!));
  };

/** Little better than guessing among so many classes. */
export const guesses =
  (classes: number) =>
  (outcome: Outcome): boolean =>
    outcome.error === null && !(ends(outcome).last < 0.9 * Math.log(classes));

export const lastOf = ({ history }: Outcome, name: string): number => history[name]?.at(-1) ?? NaN;

export const refusedWith =
  (message: RegExp) =>
  ({ error }: Outcome): boolean =>
    error !== null && message.test(error.message);
