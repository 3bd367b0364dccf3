import type { PathPredicate } from '../core/path-predicate.js';
import type { BaseLoss } from '../losses/base-loss.js';
import type { BaseMetric } from '../metrics/base-metric.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { AfterUpdate } from '../optimizers/after-update.js';
import type { GradientTransform } from '../optimizers/gradient-transform.js';
import type { Precision } from '../engine/precision/precision-names.js';
import type { LearningRateSchedule } from '../optimizers/schedules/learning-rate-schedule.js';
import type { LossScaleSettings } from './loss-scale-settings.js';

/** What `compile({ execution })` takes. */
export type Execution = 'auto' | 'recorded' | 'eager';

/** What `compile` settled: everything but the model that a step needs. */
export interface TrainingPlan {
  readonly optimizer: BaseOptimizer;
  readonly loss: BaseLoss;
  readonly metrics: readonly BaseMetric[];
  /** In the place of the optimizer's own learning rate: a sweep that looks for a good one. */
  readonly sweep?: LearningRateSchedule<object>;
  /** Clipping and other transforms of the user's, in order; before noise and an optimizer's own transforms. */
  readonly clipping: readonly GradientTransform[];
  readonly noise: readonly GradientTransform[];
  /** Slow weights and averages, in order. */
  readonly afterUpdates: readonly AfterUpdate[];
  /** Whether a step logs the norm of all gradients, before and after clipping. */
  readonly logGradientNorms: boolean;
  /** Names of all that a step logs besides loss and metrics. */
  readonly logs: readonly string[];
  /** Batches that make one update together. */
  readonly accumulateSteps: number;
  readonly precision: Precision;
  /** What was given for `isFloat32`. */
  readonly float32Layers?: PathPredicate;
  /** Whether the layer at a path computes in float32 though `precision` says otherwise. */
  readonly isFloat32: (path: string) => boolean;
  /** `null`: losses are differentiated as they are. */
  readonly lossScale: LossScaleSettings | null;
  /** Seed of initial weights and of every draw inside a step. */
  readonly seed: number;
  /** How steps are run. */
  readonly execution: Execution;
}
