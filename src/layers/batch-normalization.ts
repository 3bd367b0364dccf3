import { Equals, IsBoolean, IsNumber, IsOptional, Max, Min } from 'class-validator';
import { widened } from '../autodiff/float32.js';
import { fusedBatchNorm } from '../autodiff/ops/fused-batch-norm.js';
import { ShapeError } from '../core/errors.js';
import type { OptionsInput } from '../core/parse-options.js';
import { formatShape, type Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { InitializerLike } from '../initializers/resolve-initializer.js';
import { BaseLayer } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer, Weight } from './declarations.js';
import { expectChannels } from './expect-channels.js';
import { LayerOptions } from './layer-options.js';
import { IsInitializer, IsRegularizer } from './option-validators.js';
import { resolveRegularizer, type RegularizerLike } from './regularizers.js';
import type { WeightHandle } from './weight-handle.js';

/** Options of `layers.batchNormalization`. */
export class BatchNormalizationOptions extends LayerOptions {
  /** The axis that is normalised; the last one, channels, is the only one there is. Default -1. */
  @Equals(-1, { message: 'axis must be -1: channels stand last' })
  axis = -1;

  /** Share of the old moving statistics that a step keeps. Default 0.99. */
  @IsNumber()
  @Min(0)
  @Max(1)
  momentum = 0.99;

  /** Added to the variance; at least 1e-5. Default 1e-3. */
  @IsNumber()
  @Min(1e-5)
  epsilon = 1e-3;

  /** Whether `beta` is added. Default true. */
  @IsBoolean()
  center = true;

  /** Whether the result is multiplied by `gamma`; not needed where a linear layer or relu and one follow. Default true. */
  @IsBoolean()
  scale = true;

  /** First values of beta. Default `zeros`. */
  @IsInitializer()
  betaInitializer: InitializerLike = 'zeros';

  /** First values of gamma. Default `ones`. */
  @IsInitializer()
  gammaInitializer: InitializerLike = 'ones';

  /** First values of the moving mean. Default `zeros`. */
  @IsInitializer()
  movingMeanInitializer: InitializerLike = 'zeros';

  /** First values of the moving variance. Default `ones`. */
  @IsInitializer()
  movingVarianceInitializer: InitializerLike = 'ones';

  /** Penalty on beta. Default none. */
  @IsOptional()
  @IsRegularizer()
  betaRegularizer?: RegularizerLike;

  /** Penalty on gamma. Default none. */
  @IsOptional()
  @IsRegularizer()
  gammaRegularizer?: RegularizerLike;
}

/**
 * Gives each channel mean 0 and variance 1, then a learnt scale and offset.
 *
 * Formula: `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`. In training, mean and variance are those of the
 * batch over all axes but the last, and the moving statistics become `moving * momentum + batch * (1 - momentum)`, both
 * with the variance as of a population. Otherwise, and where the layer is not trainable, they are the moving statistics.
 *
 * Use it after convolutions and dense layers of deep networks, with batches of 16 examples or more.
 *
 * Shapes: `[batch, ..., channels]` of rank 2 to 5, unchanged; every weight `[channels]`.
 *
 * @throws ShapeError [input-rank]; [input-channels] where the channels are unknown or not those that the layer was built for
 *
 * @example
 * ```ts
 * import { BatchNormalization, CallContext, tf } from 'adjoint';
 *
 * const norm = new BatchNormalization();
 * const context = new CallContext({ training: true });
 * tf.tidy(() => norm.call(tf.tensor2d([[1], [3]]), context).print()); // about [[-1], [1]]
 * context.dispose();
 * norm.dispose();
 * ```
 *
 * @see Ioffe and Szegedy, "Batch normalization" (ICML 2015), https://arxiv.org/abs/1502.03167
 */
@Layer('adjoint/batch-normalization', BatchNormalizationOptions)
export class BatchNormalization extends BaseLayer<BatchNormalizationOptions> {
  /** Scale, `[channels]`; absent with `scale: false`. */
  @Weight<BatchNormalization>((layer, input) =>
    layer.options.scale
      ? {
          shape: [input.at(-1)],
          initializer: layer.options.gammaInitializer,
          regularizer: resolveRegularizer(layer.options.gammaRegularizer, layer.describe()),
        }
      : null,
  )
  gamma!: WeightHandle;

  /** Offset, `[channels]`; absent with `center: false`. */
  @Weight<BatchNormalization>((layer, input) =>
    layer.options.center
      ? {
          shape: [input.at(-1)],
          initializer: layer.options.betaInitializer,
          regularizer: resolveRegularizer(layer.options.betaRegularizer, layer.describe()),
        }
      : null,
  )
  beta!: WeightHandle;

  /** Running mean, `[channels]`; not trained. */
  @Weight<BatchNormalization>((layer, input) => ({
    shape: [input.at(-1)],
    initializer: layer.options.movingMeanInitializer,
    trainable: false,
  }))
  movingMean!: WeightHandle;

  /** Running variance, `[channels]`; not trained. */
  @Weight<BatchNormalization>((layer, input) => ({
    shape: [input.at(-1)],
    initializer: layer.options.movingVarianceInitializer,
    trainable: false,
  }))
  movingVariance!: WeightHandle;

  call(x: Tensor, context?: CallContext): Tensor {
    if (context === undefined || !context.training || !this.trainable) return this.byMovingStatistics(x, context);
    const { scale, center, epsilon } = this.options;
    const channels = [x.shape.at(-1)!];
    const { y, mean, populationVariance } = fusedBatchNorm({
      x,
      scale: scale ? this.gamma.value : tf.ones(channels),
      offset: center ? this.beta.value : tf.zeros(channels),
      epsilon,
    });
    this.update(context, this.movingMean, mean);
    this.update(context, this.movingVariance, populationVariance);
    return y;
  }

  private byMovingStatistics(x: Tensor, context: CallContext | undefined): Tensor {
    const { scale, center, epsilon } = this.options;
    const read = (weight: WeightHandle): Tensor => context?.stateOf(weight) ?? weight.value;
    const inverse = tf.rsqrt(tf.add(read(this.movingVariance), epsilon));
    const factor = scale ? tf.mul(inverse, this.gamma.value) : inverse;
    const shift = tf.neg(tf.mul(read(this.movingMean), factor));
    // Where the mean is large against the deviation, the two terms nearly cancel: not in half precision.
    return tf.add(tf.mul(widened(x), factor), center ? tf.add(shift, this.beta.value) : shift);
  }

  private update(context: CallContext, weight: WeightHandle, ofBatch: Tensor): void {
    const { momentum } = this.options;
    context.assign(weight, tf.add(tf.mul(context.stateOf(weight), momentum), tf.mul(ofBatch, 1 - momentum)));
  }

  override computeOutputShape(inputShape: Shape): Shape {
    this.checkInput(inputShape);
    return inputShape;
  }

  protected override checkInput(shape: Shape): void {
    if (shape.length < 2 || shape.length > 5) {
      throw new ShapeError('input-rank', {
        where: this.describe(),
        expected: 'rank 2 to 5  [batch, ..., channels]',
        received: `rank ${shape.length}  ${formatShape(shape)}`,
      });
    }
    expectChannels(this, shape, this.built ? this.movingMean.shape[0]! : undefined);
  }
}

/**
 * Makes a batch normalisation over the last axis; see {@link BatchNormalization}.
 *
 * @throws OptionsError where an option is unknown or out of its range
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * const norm = layers.batchNormalization({ momentum: 0.9, scale: false });
 * console.log(norm.computeOutputShape([null, 7, 7, 64])); // [null, 7, 7, 64]
 * ```
 */
export function batchNormalization(options?: OptionsInput<BatchNormalizationOptions>): BatchNormalization {
  return new BatchNormalization(options);
}
