import type { Tensor } from '../engine/tfjs.js';
import type { ExecutionMode, Logs } from './callback-contract.js';
import type { DeviceBatch } from './device-batch.js';
import type { RunningSums } from './running-sums.js';
import type { TrainState } from './train-state.js';

/** How a training step is run, besides its batch. */
export interface TrainStepOptions {
  /** Whether a non-finite loss or gradient leaves the state as it was. */
  readonly gated: boolean;
  /** Whether the host wants the step's logs; what nobody asks for is not fetched. */
  readonly fetchLogs: boolean;
}

/** Runs the steps of one compiled model: by calling them, or from a recording. */
export interface StepRunner {
  readonly mode: ExecutionMode;
  /** @returns what the step logs, `{ loss }` unless the model has a step of its own, where it was asked for */
  train(state: TrainState, batch: DeviceBatch, options: TrainStepOptions): Promise<Logs | null>;
  evaluate(sums: RunningSums, batch: DeviceBatch): Promise<void>;
  /** @returns a tensor that the caller owns */
  predict(x: Tensor): Promise<Tensor>;
  dispose(): void;
}
