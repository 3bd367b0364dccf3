import type { BaseLoss } from '../losses/base-loss.js';
import type { BaseMetric } from '../metrics/base-metric.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { GradientTransform } from '../optimizers/gradient-transform.js';

/** What `compile({ execution })` takes. */
export type Execution = 'auto' | 'recorded' | 'eager';

/** What `compile` settled: everything but the model that a step needs. */
export interface TrainingPlan {
  readonly optimizer: BaseOptimizer;
  readonly loss: BaseLoss;
  readonly metrics: readonly BaseMetric[];
  /** Clipping, which comes before an optimizer's own transforms. */
  readonly clipping: readonly GradientTransform[];
  /** Seed of initial weights and of every draw inside a step. */
  readonly seed: number;
  /** How steps are run. */
  readonly execution: Execution;
}
