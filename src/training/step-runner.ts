import type { Tensor } from '../engine/tfjs.js';
import type { ExecutionMode, Logs } from './callback-contract.js';
import type { DeviceBatch } from './device-batch.js';
import type { RunningSums } from './running-sums.js';
import type { TrainState } from './train-state.js';

/** How a training step is run, besides its batch. */
export interface TrainStepOptions {
  /** Whether a non-finite loss or gradient leaves the state as it was. */
  readonly gated: boolean;
  /** Whether the host wants the steps' logs; what nobody asks for is not fetched. */
  readonly fetchLogs: boolean;
}

/** Runs the steps of one compiled model: by calling them, or from a recording. */
export interface StepRunner {
  readonly mode: ExecutionMode;
  /** How many steps like the last are best run by one call; known after some of them, 1 before. */
  readonly stepsPerCall: number;
  /**
   * Runs one step after the other.
   *
   * @param batches - one a step, of the same shapes
   * @returns what each step logs, `{ loss }` unless the model has a step of its own; empty where nobody asked
   */
  train(state: TrainState, batches: readonly DeviceBatch[], options: TrainStepOptions): Promise<Logs[]>;
  /** Makes the update of a group of batches whose gradients were summed up. */
  update(state: TrainState, options: TrainStepOptions): Promise<Logs[]>;
  evaluate(sums: RunningSums, batch: DeviceBatch): Promise<void>;
  /** @returns a tensor that the caller owns */
  predict(x: Tensor): Promise<Tensor>;
  dispose(): void;
}
