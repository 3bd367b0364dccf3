import { IsInt, IsNumber, IsOptional, Max, Min } from 'class-validator';
import { OptionsError } from '../../core/errors.js';
import { tf, type Tensor } from '../../engine/tfjs.js';

/** Options of cosine schedules, which may rise in a straight line first. */
export class WarmUpOptions {
  /** Learning rate of the first update, at least 0. */
  @IsNumber()
  @Min(0)
  initialLearningRate!: number;

  /** Lowest learning rate of a decay, as a share of its highest, from 0 to 1. Default 0. */
  @IsNumber()
  @Min(0)
  @Max(1)
  alpha = 0;

  /** Learning rate to which the warm-up rises and from which the decay falls, at least 0. Default none: no warm-up. */
  @IsOptional()
  @IsNumber()
  @Min(0)
  warmupTarget?: number;

  /** Updates of the warm-up, with `warmupTarget` at least 1. Default 0. */
  @IsInt()
  @Min(0)
  warmupSteps = 0;
}

/** Refuses half a warm-up: in Keras the other half is dropped in silence. */
export function checkWarmUp({ warmupTarget, warmupSteps }: WarmUpOptions, where: string): void {
  if ((warmupTarget === undefined) === (warmupSteps === 0)) return;
  throw new OptionsError('invalid-option', {
    where: `option "warmupSteps" of ${where}`,
    expected:
      warmupTarget === undefined
        ? '0, or a warmupTarget beside it'
        : `at least 1 update in which the rate rises to the warmupTarget, ${warmupTarget}`,
    received: String(warmupSteps),
    fix: warmupTarget === undefined ? 'give a warmupTarget' : 'give warmupSteps, or no warmupTarget',
  });
}

/**
 * A straight line from the initial rate to the target, and then a decay.
 *
 * @param decay - rate by highest rate and number of updates since the warm-up
 */
export function warmUpThen(
  options: WarmUpOptions,
  step: Tensor,
  decay: (highest: number, step: Tensor) => Tensor,
): Tensor {
  const { initialLearningRate, warmupTarget, warmupSteps } = options;
  const now = tf.cast(step, 'float32');
  if (warmupTarget === undefined) return decay(initialLearningRate, now);
  const rising = tf.add(tf.mul(warmupTarget - initialLearningRate, tf.div(now, warmupSteps)), initialLearningRate);
  // Both are computed: what stands before the decay's start must not leave its domain.
  const falling = decay(warmupTarget, tf.maximum(0, tf.sub(now, warmupSteps)));
  return tf.where(tf.less(now, warmupSteps), rising, falling);
}

/** `(1 + cos(pi * share)) / 2`: from 1 at share 0 to 0 at share 1. */
export function halfCosine(share: Tensor): Tensor {
  return tf.mul(0.5, tf.add(1, tf.cos(tf.mul(Math.PI, share))));
}
