import { IsIn, IsInt, IsNumber, IsPositive, Max, Min } from 'class-validator';
import { OptionsError } from '../../core/errors.js';
import type { OptionsInput } from '../../core/parse-options.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { Schedule } from './declarations.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';
import { halfCosine } from './warm-up.js';

/** Options of {@link OneCycle}. */
export class OneCycleOptions {
  /** Highest learning rate, above 0. */
  @IsNumber()
  @IsPositive()
  maxLearningRate!: number;

  /** Updates of the whole cycle, at least 2: epochs times steps an epoch. */
  @IsInt()
  @Min(2)
  totalSteps!: number;

  /** Share of the cycle in which the rate rises, from 0 to 1. Default 0.3. */
  @IsNumber()
  @Min(0)
  @Max(1)
  warmupFraction = 0.3;

  /** Form of rise and fall: `cosine` or `linear`. Default `cosine`. */
  @IsIn(['cosine', 'linear'])
  anneal: 'cosine' | 'linear' = 'cosine';

  /** How many times smaller than the highest rate the first one is, at least 1. Default 25. */
  @IsNumber()
  @Min(1)
  startDivisor = 25;

  /** How many times smaller than the first rate the last one is, at least 1. Default 10000. */
  @IsNumber()
  @Min(1)
  finalDivisor = 1e4;
}

/**
 * A learning rate that rises to a high value and then falls to almost nothing, once.
 *
 * Formula, with the peak at step `p = warmupFraction * totalSteps - 1` and the end at `e = totalSteps - 1`:
 *
 * ```text
 * first = maxLearningRate / startDivisor      last = first / finalDivisor
 * step <= p    first -> maxLearningRate       over t = step / p
 * then         maxLearningRate -> last        over t = min((step - p) / (e - p), 1)
 * a -> b       b + (a - b) * (1 + cos(pi * t)) / 2, or a + (b - a) * t where anneal is linear
 * ```
 *
 * When to use: short runs at high rates ("super-convergence"); find `maxLearningRate` with `findLearningRate`. Momentum stays
 * as it is. Past its end the rate stays at `last`, where PyTorch throws.
 *
 * @throws OptionsError [invalid-option], also where rise or fall would have no step
 *
 * @example
 * ```ts
 * import { OneCycle, SGD } from 'adjoint';
 *
 * const schedule = new OneCycle({ maxLearningRate: 1, totalSteps: 100 });
 * const optimizer = new SGD({ learningRate: schedule, momentum: 0.9 });
 * console.log(optimizer.learningRate.toFixed(2), schedule.valueAt(29).toFixed(2)); // 0.04 1.00
 * ```
 *
 * @see Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates" (2017),
 * https://arxiv.org/abs/1708.07120, and
 * https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
 */
@Schedule('adjoint/one-cycle', OneCycleOptions)
export class OneCycle extends LearningRateSchedule<OneCycleOptions> {
  constructor(options?: OptionsInput<OneCycleOptions>) {
    super(options);
    const { totalSteps, warmupFraction } = this.options;
    const { peak, end } = this.places();
    if (peak > 0 && peak < end) return;
    throw new OptionsError('invalid-option', {
      where: `option "warmupFraction" of schedule ${this.constructor.name}`,
      expected: `a peak between the first and the last of ${totalSteps} steps: above ${1 / totalSteps} and below 1`,
      received: String(warmupFraction),
    });
  }

  at(step: Tensor): Tensor {
    const { maxLearningRate, startDivisor, finalDivisor } = this.options;
    const { peak, end } = this.places();
    const now = tf.cast(step, 'float32');
    const first = maxLearningRate / startDivisor;
    const rise = this.between(first, maxLearningRate, tf.minimum(tf.div(now, peak), 1));
    const fallen = tf.minimum(tf.div(tf.maximum(tf.sub(now, peak), 0), end - peak), 1);
    const fall = this.between(maxLearningRate, first / finalDivisor, fallen);
    return tf.where(tf.lessEqual(now, peak), rise, fall);
  }

  private places(): { peak: number; end: number } {
    const { totalSteps, warmupFraction } = this.options;
    return { peak: warmupFraction * totalSteps - 1, end: totalSteps - 1 };
  }

  private between(a: number, b: number, share: Tensor): Tensor {
    const left = this.options.anneal === 'cosine' ? halfCosine(share) : tf.sub(1, share);
    return tf.add(b, tf.mul(a - b, left));
  }
}
