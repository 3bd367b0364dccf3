import { IsInt, IsNumber, IsPositive, Min } from 'class-validator';
import type { OptionsInput } from '../../core/parse-options.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { Schedule } from './declarations.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';
import { checkWarmUp, halfCosine, WarmUpOptions, warmUpThen } from './warm-up.js';

/** Options of {@link CosineDecayRestarts}. */
export class CosineDecayRestartsOptions extends WarmUpOptions {
  /** Updates of the first decay, at least 1. */
  @IsInt()
  @IsPositive()
  firstDecaySteps!: number;

  /** How many times as long as the one before it each decay is, at least 1. Default 2. */
  @IsNumber()
  @Min(1)
  tMul = 2;

  /** How many times as high as the one before it each decay starts, above 0. Default 1. */
  @IsNumber()
  @IsPositive()
  mMul = 1;
}

/**
 * Cosine decays one after another: each starts high again and, by default, takes twice as long as the one before it.
 *
 * Formula, for decay number `i`, which is `firstDecaySteps * tMul^i` updates long and at its share `t`:
 *
 * ```text
 * rate = highest * ((1 - alpha) * mMul^i * (1 + cos(pi * t)) / 2 + alpha)
 * ```
 *
 * where `highest` is `initialLearningRate` or, after a warm-up as in `CosineDecay`, `warmupTarget`.
 *
 * When to use: runs that may be ended at any restart, or whose weights at the end of each decay make an ensemble. It has no
 * end: restarts go on. The first update of a decay has its full height, also where rounding makes Keras miss it.
 *
 * @throws OptionsError [invalid-option], also for `warmupTarget` without `warmupSteps` and the other way round
 *
 * @example
 * ```ts
 * import { CosineDecayRestarts } from 'adjoint';
 *
 * const schedule = new CosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 10 });
 * console.log([0, 5, 10, 20, 30].map((step) => schedule.valueAt(step).toFixed(2)).join(' ')); // 1.00 0.50 1.00 0.50 1.00
 * ```
 *
 * @see Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (ICLR 2017),
 * https://arxiv.org/abs/1608.03983, and
 * https://keras.io/api/optimizers/learning_rate_schedules/cosine_decay_restarts/
 */
@Schedule('adjoint/cosine-decay-restarts', CosineDecayRestartsOptions)
export class CosineDecayRestarts extends LearningRateSchedule<CosineDecayRestartsOptions> {
  constructor(options?: OptionsInput<CosineDecayRestartsOptions>) {
    super(options);
    checkWarmUp(this.options, `schedule ${this.constructor.name}`);
  }

  at(step: Tensor): Tensor {
    const { firstDecaySteps, mMul, alpha } = this.options;
    return warmUpThen(this.options, step, (highest, since) => {
      const { restart, share } = this.place(tf.div(since, firstDecaySteps));
      const height = tf.mul(tf.pow(mMul, restart), halfCosine(share));
      return tf.mul(highest, tf.add(tf.mul(1 - alpha, height), alpha));
    });
  }

  /** Number of the decay, and the share of it that is done, by time in lengths of the first decay. */
  private place(time: Tensor): { restart: Tensor; share: Tensor } {
    const { tMul } = this.options;
    if (tMul === 1) {
      const restart = tf.floor(time);
      return { restart, share: tf.sub(time, restart) };
    }
    const start = (restart: Tensor): Tensor => tf.div(tf.sub(tf.pow(tMul, restart), 1), tMul - 1);
    const guess = tf.floor(tf.div(tf.log(tf.add(1, tf.mul(time, tMul - 1))), Math.log(tMul)));
    // At a restart the logarithm may round to just below the whole number, or to one too much.
    const late = tf.cast(tf.greaterEqual(time, start(tf.add(guess, 1))), 'float32');
    const early = tf.cast(tf.less(time, start(guess)), 'float32');
    const restart = tf.sub(tf.add(guess, late), early);
    return { restart, share: tf.div(tf.sub(time, start(restart)), tf.pow(tMul, restart)) };
  }
}
