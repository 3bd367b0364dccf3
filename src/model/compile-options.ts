import { IsArray, IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import type { BaseLoss } from '../losses/base-loss.js';
import type { LossFunction } from '../losses/function-loss.js';
import type { BaseMetric } from '../metrics/base-metric.js';
import type { MetricFunction } from '../metrics/function-metric.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { Execution } from '../training/training-plan.js';
import type { ClipOptions } from '../optimizers/clip-options.js';

/** Options of `compile`. */
export class CompileOptions {
  /** An optimizer, or the name of one with its defaults: `sgd`, `adam`, `adamW`. */
  @IsOptional()
  optimizer: BaseOptimizer | string = 'sgd';

  /**
   * A loss, the name of one with its defaults (`meanSquaredError`, `sparseCategoricalCrossentropy`), or a function of
   * labels and predictions that returns one number for each example. Required.
   */
  @IsOptional()
  loss!: BaseLoss | string | LossFunction;

  /** Metrics, names of metrics, or functions as for `loss`; `accuracy` takes the form that suits the loss. Default none. */
  @IsArray()
  metrics: readonly (BaseMetric | string | MetricFunction)[] = [];

  /** Gradient clipping by one of `value`, `norm` (each weight's gradient) and `globalNorm`. Default none. */
  @IsOptional()
  clip?: Partial<ClipOptions>;

  /** Seed of initial weights, shuffling and every draw in a step. Default 0. */
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  seed = 0;

  /**
   * How steps are run: `recorded` once into a TensorFlow function that then runs by itself, `eager` op by op, `auto`
   * recorded where the step can be recorded and else, after one warning, eagerly. Default `auto`.
   */
  @IsIn(['auto', 'recorded', 'eager'])
  execution: Execution = 'auto';
}
