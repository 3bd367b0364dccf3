import { IsArray, IsBoolean, IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import type { OptionsInput } from '../core/parse-options.js';
import type { PathPredicate } from '../core/path-predicate.js';
import { PRECISIONS, type Precision } from '../engine/precision/precision-names.js';
import type { BaseLoss } from '../losses/base-loss.js';
import type { LossFunction } from '../losses/function-loss.js';
import type { BaseMetric } from '../metrics/base-metric.js';
import type { MetricFunction } from '../metrics/function-metric.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { LossScaleLike } from '../training/loss-scale-settings.js';
import type { CheckpointPolicy } from './checkpoint-policy.js';
import type { Execution } from '../training/training-plan.js';
import type { ClipOptions } from '../optimizers/clip-options.js';
import type { GradientTransform } from '../optimizers/gradient-transform.js';
import type { LookaheadOptions } from '../optimizers/lookahead.js';
import type { GradientNoiseOptions } from '../optimizers/noise-options.js';
import type { SpikeProtectionOptions } from '../optimizers/spike-protection.js';
import type { WeightAverageOptions } from '../optimizers/weight-average.js';

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

  /**
   * Gradient clipping by one of `value`, `norm` (each weight's gradient), `globalNorm` and `adaptive` (relative to the
   * weights), of all weights or of those that `only` chooses. Default none.
   */
  @IsOptional()
  clip?: OptionsInput<ClipOptions>;

  /** Leaves out or scales down updates with gradients far above their running median. Default none. */
  @IsOptional()
  spikeProtection?: OptionsInput<SpikeProtectionOptions>;

  /** Takes the mean from each unit's gradient. Default false. */
  @IsBoolean()
  centralizeGradients = false;

  /** Further transforms of the gradients, in order: after those above, before noise. Default none. */
  @IsArray()
  gradientTransforms: readonly GradientTransform[] = [];

  /** Noise on the gradients: fading with `eta`, or Langevin's with `temperature`. Default none. */
  @IsOptional()
  gradientNoise?: OptionsInput<GradientNoiseOptions>;

  /** Logs the norm of all gradients, `gradientNorm`, and that after clipping, `clippedGradientNorm`. Default false. */
  @IsBoolean()
  logGradientNorms = false;

  /**
   * Batches whose gradients make one update together, as one batch of all their examples would; the memory is that of one.
   * The rest of an epoch makes a smaller group. BatchNormalization sees each batch by itself. Default 1.
   */
  @IsInt()
  @Min(1)
  accumulateSteps = 1;

  /** Keeps slow weights that the optimizer's are set back to. Default none. */
  @IsOptional()
  lookahead?: OptionsInput<LookaheadOptions>;

  /** Keeps an average of the weights for `withAveragedWeights` and `useAveragedWeights`. Default none. */
  @IsOptional()
  weightAverage?: OptionsInput<WeightAverageOptions>;

  /**
   * `mixed_bfloat16` and `mixed_float16` run products and convolutions in half precision; weights, losses, sums and the
   * optimizer's state stay in single precision. Default `float32`, or what `useEngine({ precision })` says.
   */
  @IsOptional()
  @IsIn(PRECISIONS)
  precision?: Precision;

  /** Layers that compute in single precision in a model of mixed precision, by path. Default none. */
  @IsOptional()
  float32Layers?: PathPredicate;

  /**
   * What the loss is multiplied with before it is differentiated: a number, `dynamic`, or options of the dynamic scale.
   * Default `dynamic` for `mixed_float16`, whose small gradients vanish else, and none for the others.
   */
  @IsOptional()
  lossScale?: LossScaleLike;

  /**
   * Which layers keep only their input in a step and are computed again for the gradient, to save memory: `none`, `all`,
   * `sqrt`, `{ every: n }`, `{ maxActivationMb: n }`, or a predicate of layer paths. Default as the layers say.
   */
  @IsOptional()
  checkpoint?: CheckpointPolicy;

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
