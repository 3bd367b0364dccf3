import { IsInt, IsPositive, Max } from 'class-validator';
import type { OptionsInput } from '../../core/parse-options.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { Schedule } from './declarations.js';
import { MOST_STEPS } from './elapsed.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';
import { checkWarmUp, halfCosine, WarmUpOptions, warmUpThen } from './warm-up.js';

/** Options of {@link CosineDecay}. */
export class CosineDecayOptions extends WarmUpOptions {
  /** Updates of the decay, those of the warm-up not counted, at least 1. */
  @IsInt()
  @IsPositive()
  @Max(MOST_STEPS)
  decaySteps!: number;
}

/**
 * A learning rate that falls along half a wave of the cosine, after a warm-up where one is wanted.
 *
 * Formula, for a decay from `highest` (`warmupTarget`, or without one `initialLearningRate`):
 *
 * ```text
 * step < warmupSteps    initialLearningRate + (warmupTarget - initialLearningRate) * step / warmupSteps
 * then                  highest * ((1 - alpha) * (1 + cos(pi * t)) / 2 + alpha)
 *                       with t = min(step - warmupSteps, decaySteps) / decaySteps
 * ```
 *
 * When to use: the default for a run of known length; with a warm-up of a few percent for transformers and large batches.
 * Past its end the rate stays at `alpha * highest`, which is 0 by default: nothing is learnt from there on.
 *
 * @throws OptionsError [invalid-option], also for `warmupTarget` without `warmupSteps` and the other way round
 *
 * @example
 * ```ts
 * import { Adam, CosineDecay } from 'adjoint';
 *
 * const schedule = new CosineDecay({
 *   initialLearningRate: 0,
 *   warmupTarget: 1e-3,
 *   warmupSteps: 100,
 *   decaySteps: 900,
 *   alpha: 0.01,
 * });
 * const optimizer = new Adam({ learningRate: schedule });
 * console.log(optimizer.learningRate, schedule.valueAt(100), schedule.valueAt(5000)); // 0, about 0.001, about 0.00001
 * ```
 *
 * @see Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (ICLR 2017),
 * https://arxiv.org/abs/1608.03983, and https://keras.io/api/optimizers/learning_rate_schedules/cosine_decay/
 */
@Schedule('adjoint/cosine-decay', CosineDecayOptions)
export class CosineDecay extends LearningRateSchedule<CosineDecayOptions> {
  constructor(options?: OptionsInput<CosineDecayOptions>) {
    super(options);
    checkWarmUp(this.options, `schedule ${this.constructor.name}`);
  }

  at(step: Tensor): Tensor {
    const { decaySteps, alpha } = this.options;
    return warmUpThen(this.options, step, (highest, since) => {
      const share = tf.minimum(tf.div(since, decaySteps), 1);
      return tf.mul(highest, tf.add(tf.mul(1 - alpha, halfCosine(share)), alpha));
    });
  }
}
