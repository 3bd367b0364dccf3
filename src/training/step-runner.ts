import type { Tensor } from '../engine/tfjs.js';
import type { ExecutionMode } from './callback-contract.js';
import type { DeviceBatch } from './device-batch.js';
import type { RunningSums } from './running-sums.js';
import type { TrainState } from './train-state.js';

/** How a training step is run, besides its batch. */
export interface TrainStepOptions {
  /** Whether a non-finite loss or gradient leaves the state as it was. */
  readonly gated: boolean;
  /** Whether the host wants the batch's loss; what nobody asks for is not fetched. */
  readonly fetchLoss: boolean;
}

/** Runs the steps of one compiled model: by calling them, or from a recording. */
export interface StepRunner {
  readonly mode: ExecutionMode;
  /** @returns the batch's loss where it was asked for */
  train(state: TrainState, batch: DeviceBatch, options: TrainStepOptions): Promise<number | null>;
  evaluate(sums: RunningSums, batch: DeviceBatch): Promise<void>;
  /** @returns a tensor that the caller owns */
  predict(x: Tensor): Promise<Tensor>;
  dispose(): void;
}
