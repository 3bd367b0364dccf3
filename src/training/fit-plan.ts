import type { Logger } from '../core/logger.js';
import type { Dataset } from '../data/dataset.js';
import type { Batch } from '../data/example.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { Logs } from './logs.js';
import type { DeviceBatch } from './device-batch.js';
import type { StoredTraining } from './restore-training.js';
import type { RunInspection } from './run-inspection.js';
import type { DataSettings } from './run-settings.js';
import type { TrainState } from './train-state.js';
import type { WeightSnapshot } from './weight-snapshot.js';

/** Everything that a run of `fit` needs, settled and checked. */
export interface FitPlan {
  readonly trained: Pick<RunInspection, 'model' | 'plan' | 'examples' | 'validation'>;
  readonly modelName: string;
  /** How errors name the run. */
  readonly where: string;
  readonly batches: Dataset<Batch>;
  readonly data: DataSettings;
  /** Whether `resume` was given. */
  readonly mayResume: boolean;
  /** What the run goes on from; `null` where it begins anew. */
  readonly resumed: StoredTraining | null;
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly stepsPerEpoch: number | undefined;
  readonly verbose: 0 | 1 | 2;
  /** Whether the model has a training step of its own, which names what it logs. */
  readonly ownStep: boolean;
  /** Lets a step of the model's own make its layers and slots before it is run or recorded. */
  readonly rehearse: (state: TrainState, batch: DeviceBatch) => void;
  readonly gated: boolean;
  readonly accumulateSteps: number;
  /** Steps for which the hooks of a batch are called once. */
  readonly logEvery: number;
  readonly signal: AbortSignal | undefined;
  readonly optimizer: BaseOptimizer;
  readonly logger: Logger;
  /** Number of the first pass over the data: decides the order of shuffled data. */
  readonly firstPass: number;
  /** Steps trained since `compile`. */
  readonly stepsBefore: number;
  /** Checks a batch before it is trained on; the first of a run is checked before any hook is called. */
  readonly checkBatch: (batch: Batch, isFirst: boolean) => void;
  /** Last changes to a batch on the host, such as class weights. */
  readonly prepareBatch: (batch: Batch) => Batch;
  /** Evaluation after each epoch; ends early where the signal says so. */
  readonly validate: ((ending: AbortSignal | undefined) => Promise<Logs>) | undefined;
  readonly readWeights: () => WeightSnapshot;
  readonly writeWeights: (snapshot: WeightSnapshot) => void;
}
