import type { Logger } from '../core/logger.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { WeightSnapshot } from './weight-snapshot.js';

/** Numbers by name: `loss`, `accuracy`, `val_loss`. */
export type Logs = Readonly<Record<string, number>>;

/** Every hook, in the order in which a run of one epoch of one batch calls them. */
export const HOOKS = [
  'onTrainBegin',
  'onEpochBegin',
  'onBatchBegin',
  'onBatchEnd',
  'onValidationBegin',
  'onValidationEnd',
  'onEpochEnd',
  'onTrainEnd',
] as const;

/** A name among {@link HOOKS}. */
export type HookName = (typeof HOOKS)[number];

/** Which way the steps of a run are computed. */
export type ExecutionMode = 'eager' | 'recorded';

/** How far a run has come. */
export interface RunProgress {
  /** Index of the running epoch, from 0. */
  readonly epoch: number;
  /** Training steps done in this epoch. */
  readonly step: number;
  /** Training steps done since the model was compiled. */
  readonly totalSteps: number;
  /** Examples trained on in this epoch. */
  readonly examples: number;
  /** Mean wall-clock time of this epoch's training steps, batch gathering included, in milliseconds. */
  readonly millisecondsPerStep: number;
}

/** What a callback sees of the run it is attached to, and what it may do. */
export interface TrainingRun {
  /** Name of the model. */
  readonly modelName: string;
  /** Number of the epoch after the last. */
  readonly epochs: number;
  /** Index of the first epoch. */
  readonly initialEpoch: number;
  /** Training steps an epoch, `null` where neither `fit` nor the dataset tells. */
  readonly stepsPerEpoch: number | null;
  /** Whether there is validation data. */
  readonly validated: boolean;
  /** `verbose` as given to `fit`: 0 silent, 1 progress bar, 2 one line an epoch. */
  readonly verbose: 0 | 1 | 2;
  readonly mode: ExecutionMode;
  readonly optimizer: BaseOptimizer;
  readonly logger: Logger;
  readonly progress: RunProgress;
  /** The reason given to `stop`, the first where several were; `null` while nobody stopped the run. */
  readonly stopReason: string | null;
  /** Means of loss and metrics over the epoch so far; reads a few scalars from the device. */
  runningLogs(): Logs;
  /** Ends training after the running step; as in Keras, validation and `onEpochEnd` of its epoch still come. */
  stop(reason: string): void;
  /** A copy of all weights in host memory. */
  readWeights(): WeightSnapshot;
  /** Writes weights back; allowed between steps, which is whenever a hook runs. */
  writeWeights(snapshot: WeightSnapshot): void;
}

/** What the loop wants of a callback; the base class to extend is `BaseCallback`. */
export interface CallbackContract {
  /** Name in errors. */
  readonly name: string;
  /** Asks that a step with a non-finite loss or gradient leaves the state as it was. */
  readonly gatesNonFinite?: boolean;
  /**
   * `false`: the hooks of a batch need not be called for each one. Where no callback wants each, several small steps are
   * run by one call, and the hooks are called for the first (`onBatchBegin`) and the last (`onBatchEnd`) of them.
   */
  readonly everyBatch?: boolean;
  /** Called once before the first hook. */
  attach(run: TrainingRun): void;
  /** Called once after the last hook, also when training ended by an error: the place to free what the callback holds. */
  detach?(): void;
  onTrainBegin?(): void | Promise<void>;
  onEpochBegin?(epoch: number): void | Promise<void>;
  onBatchBegin?(batch: number): void | Promise<void>;
  /** `logs.loss` is this batch's loss, NaN where `gatesNonFinite` kept the state as it was before the step. */
  onBatchEnd?(batch: number, logs: Logs): void | Promise<void>;
  onValidationBegin?(): void | Promise<void>;
  /** `logs` are the `val_` entries. */
  onValidationEnd?(logs: Logs): void | Promise<void>;
  onEpochEnd?(epoch: number, logs: Logs): void | Promise<void>;
  /** `logs` are the last epoch's. */
  onTrainEnd?(logs: Logs): void | Promise<void>;
}
