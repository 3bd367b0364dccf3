import type { Batch } from '../data/example.js';
import type { StepRunner } from './step-runner.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/**
 * What a debugging callback looks into between two steps. Functions that change the state, even for a moment, put it back.
 */
export interface RunInspection {
  readonly model: Trainable;
  readonly plan: TrainingPlan;
  /** All training data in their own order, where they are arrays; `null` for a dataset. */
  readonly examples: Batch | null;
  /** All validation data, where they are arrays. */
  readonly validation: Batch | null;
  /** The state as the last step left it. */
  readonly state: TrainState;
  /** The batches of the last call, in host memory: usually one; the last of them is the last step's. Not to be kept. */
  readonly batches: readonly Batch[];
  /** Whether the update of the group that the last batch completed was not finite; its sums are kept as long as hooks run. */
  readonly badUpdate: boolean;
  /** How many steps had to be recorded, and the last of them; `null` where steps are run op by op. */
  readonly recordingCount: StepRunner['recordingCount'];
  /** Whether a non-finite step of this run leaves the state as it was. */
  readonly gated: boolean;
}
