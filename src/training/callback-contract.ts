import type { ExecutionMode } from './execution-mode.js';
import type { Logger } from '../core/logger.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { CallbackState } from './callback-state.js';
import type { CheckpointPoint, CheckpointRequest } from './checkpoint-contract.js';
import type { Logs } from './logs.js';
import type { ProbeReading, ProbeRequest } from './probe-contract.js';
import type { RunInspection } from './run-inspection.js';
import type { WeightSnapshot } from './weight-snapshot.js';

/** Every hook, in the order in which a run of one epoch of one batch calls them. */
export const HOOKS = [
  'onTrainBegin',
  'onEpochBegin',
  'onBatchBegin',
  'onProbe',
  'onBatchEnd',
  'onValidationBegin',
  'onValidationEnd',
  'onEpochEnd',
  'onTrainEnd',
] as const;

/** A name among {@link HOOKS}. */
export type HookName = (typeof HOOKS)[number];

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
  /** @internal */
  readonly inspection: RunInspection;
  /**
   * All callbacks of the run, in the order in which they are called.
   *
   * @internal
   */
  readonly attached: readonly CallbackContract[];
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
  /** Whether `fit` was given `resume`: checkpoints of the same run may be there, and the run goes on from one. */
  readonly mayResume: boolean;
  /** Has `fit` wait for work before it ends; the run ends with an error, at its next step, where the work fails. */
  inBackground(work: Promise<void>): void;
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
  /**
   * What is to be measured, and every how many steps: other steps pay nothing. `onProbe` gets the numbers; one without a
   * request gets what others asked for.
   */
  readonly probeRequest?: ProbeRequest;
  /** Asks for `saveCheckpoint`; while a callback does, SIGTERM and SIGINT end the run after a last checkpoint. */
  readonly checkpoints?: CheckpointRequest;
  /** Called where a checkpoint can be made, after every hook of what lies behind. */
  saveCheckpoint?(point: CheckpointPoint): void | Promise<void>;
  /** What the callback has to know to go on in another process; goes into every checkpoint. */
  saveState?(): CallbackState;
  /**
   * Takes what `saveState` gave. Called after `onTrainBegin` and, where a run goes on in mid-epoch, after `onEpochBegin` of that
   * epoch, which is called again: whatever these hooks did to the callback, the weights or a learning rate is undone.
   */
  restoreState?(state: CallbackState): void;
  /** Called once before the first hook. */
  attach(run: TrainingRun): void;
  /** Called before `detach` where training ended by an error, which `fit` throws afterwards; it cannot be changed. */
  onTrainError?(error: unknown): void;
  /** Called once after the last hook, also when training ended by an error: the place to free what the callback holds. */
  detach?(): void;
  onTrainBegin?(): void | Promise<void>;
  onEpochBegin?(epoch: number): void | Promise<void>;
  onBatchBegin?(batch: number): void | Promise<void>;
  /** Called after a step that was measured, before `onBatchEnd`. */
  onProbe?(reading: ProbeReading): void | Promise<void>;
  /** `logs.loss` is this batch's loss, NaN where `gatesNonFinite` kept the state as it was before the step. */
  onBatchEnd?(batch: number, logs: Logs): void | Promise<void>;
  onValidationBegin?(): void | Promise<void>;
  /** `logs` are the `val_` entries. */
  onValidationEnd?(logs: Logs): void | Promise<void>;
  onEpochEnd?(epoch: number, logs: Logs): void | Promise<void>;
  /** `logs` are the last epoch's. */
  onTrainEnd?(logs: Logs): void | Promise<void>;
}
