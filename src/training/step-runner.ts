import type { RecordingWatch } from '../engine/record/recording-watch.js';
import type { Tensor } from '../engine/tfjs.js';
import type { ExecutionMode } from './execution-mode.js';
import type { Logs } from './logs.js';
import type { DeviceBatch } from './device-batch.js';
import type { ProbeLayout } from './probe-layout.js';
import type { ProbeSet } from './probe-contract.js';
import type { RunningSums } from './running-sums.js';
import type { TrainState } from './train-state.js';

/** How a training step is run, besides its batch. */
export interface TrainStepOptions {
  /** Whether a non-finite loss or gradient leaves the state as it was. */
  readonly gated: boolean;
  /** Whether the host wants the steps' logs; what nobody asks for is not fetched. */
  readonly fetchLogs: boolean;
  /** What is measured; in most steps nothing. */
  readonly probes?: ProbeSet | null;
}

/** What came of the steps of a call. */
export interface StepResult {
  /** What each step logs, `{ loss }` unless the model has a step of its own; empty where nobody asked. */
  readonly logs: readonly Logs[];
  /** What a probed step was measured to be: numbers and how they are read. */
  readonly probed: { readonly layout: ProbeLayout; readonly vector: ArrayLike<number> } | null;
}

/** Runs the steps of one compiled model: by calling them, or from a recording. */
export interface StepRunner {
  readonly mode: ExecutionMode;
  /** How many steps like the last are best run by one call; known after some of them, 1 before. */
  readonly stepsPerCall: number;
  /** How many steps, training steps and others, had to be recorded, and the last of them; `null` where nothing is recorded. */
  readonly recordingCount: Pick<RecordingWatch, 'made' | 'last'> | null;
  /**
   * Runs one step after the other.
   *
   * @param batches - one a step, of the same shapes
   */
  train(state: TrainState, batches: readonly DeviceBatch[], options: TrainStepOptions): Promise<StepResult>;
  /** Makes the update of a group of batches whose gradients were summed up. */
  update(state: TrainState, options: Omit<TrainStepOptions, 'probes'>): Promise<readonly Logs[]>;
  evaluate(sums: RunningSums, batch: DeviceBatch): Promise<void>;
  /** @returns a tensor that the caller owns */
  predict(x: Tensor): Promise<Tensor>;
  dispose(): void;
}
