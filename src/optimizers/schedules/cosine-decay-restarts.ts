import { IsInt, IsNumber, IsPositive, Max, Min } from 'class-validator';
import type { OptionsInput } from '../../core/parse-options.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { Schedule } from './declarations.js';
import { elapsed, MOST_STEPS, wholeElapsed } from './elapsed.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';
import { checkWarmUp, halfCosine, WarmUpOptions, warmUpThen } from './warm-up.js';

/** What a sum of powers in float32 may be off by: less than a step in the first two million. */
const ROUNDING = 5e-7;

/** Options of {@link CosineDecayRestarts}. */
export class CosineDecayRestartsOptions extends WarmUpOptions {
  /** Updates of the first decay, at least 1. */
  @IsInt()
  @IsPositive()
  @Max(MOST_STEPS)
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
    const { mMul, alpha } = this.options;
    return warmUpThen(this.options, step, (highest, since) => {
      const { restart, share } = this.place(since);
      const height = tf.mul(tf.pow(mMul, restart), halfCosine(share));
      return tf.mul(highest, tf.add(tf.mul(1 - alpha, height), alpha));
    });
  }

  /** Number of the decay, and the share of it that is done, by updates since the warm-up. */
  private place(since: Tensor): { restart: Tensor; share: Tensor } {
    const { tMul, firstDecaySteps } = this.options;
    if (tMul === 1) {
      const restart = wholeElapsed(since, firstDecaySteps);
      return { restart, share: tf.sub(elapsed(since, firstDecaySteps), restart) };
    }
    const start = (restart: Tensor): Tensor =>
      tf.mul(tf.div(tf.sub(tf.pow(tMul, restart), 1), tMul - 1), firstDecaySteps);
    const guess = tf.floor(
      tf.div(tf.log(tf.add(1, tf.mul(elapsed(since, firstDecaySteps), tMul - 1))), Math.log(tMul)),
    );
    // At a restart the logarithm may round to just below the whole number, or to one too much.
    const reached = (restart: Tensor): Tensor => tf.greaterEqual(since, tf.mul(start(restart), 1 - ROUNDING));
    const late = tf.cast(reached(tf.add(guess, 1)), 'float32');
    const early = tf.sub(1, tf.cast(reached(guess), 'float32'));
    const restart = tf.sub(tf.add(guess, late), early);
    const length = tf.mul(tf.pow(tMul, restart), firstDecaySteps);
    return { restart, share: tf.maximum(0, tf.div(tf.sub(since, start(restart)), length)) };
  }
}
