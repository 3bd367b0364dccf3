import { IsNumber, IsPositive } from 'class-validator';
import { tf } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import { applyAdam } from '../engine/variable-updates.js';
import { BaseOptimizer, type WeightUpdate } from './base-optimizer.js';
import { Optimizer } from './declarations.js';
import { IsDecayRate } from './is-decay-rate.js';
import { OptimizerOptions } from './optimizer-options.js';

/** Options of {@link Adam}. */
export class AdamOptions extends OptimizerOptions {
  /** Decay of the running mean of the gradients, at least 0 and below 1. Default 0.9. */
  @IsDecayRate()
  beta1 = 0.9;

  /** Decay of the running mean of their squares, at least 0 and below 1. Default 0.999. */
  @IsDecayRate()
  beta2 = 0.999;

  /** Keeps the step finite where gradients vanish; added to the root of the mean square. Default 1e-7. */
  @IsNumber()
  @IsPositive()
  epsilon = 1e-7;
}

/**
 * Gradient descent whose step is scaled, element by element, by running moments of the gradient.
 *
 * Formula, for a weight `w` and its gradient `g` at step `t`, counted from 1; `m` and `v` start at 0:
 *
 * ```text
 * m <- beta1 * m + (1 - beta1) * g
 * v <- beta2 * v + (1 - beta2) * g^2
 * w <- w - learningRate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)
 * ```
 *
 * When to use: the default choice; it asks for little tuning. Where weights should stay small, take {@link AdamW} rather
 * than an L2 regularizer, whose gradient Adam would rescale away.
 *
 * @throws OptionsError on an unknown or invalid option
 *
 * @example
 * ```ts
 * import { Adam } from 'adjoint';
 *
 * const optimizer = new Adam({ learningRate: 3e-4 });
 * console.log(optimizer.options.beta2, optimizer.learningRate); // 0.999 0.0003
 * ```
 *
 * @see Kingma and Ba, "Adam: a method for stochastic optimization" (ICLR 2015), https://arxiv.org/abs/1412.6980, whose
 * section 2 gives this order of computation, with epsilon standing for its epsilon hat
 */
@Optimizer('adjoint/adam', AdamOptions)
export class Adam<O extends AdamOptions = AdamOptions> extends BaseOptimizer<O> {
  override slots(): Readonly<Record<string, number>> {
    return { mean: 0, meanSquare: 0 };
  }

  override scalars(): Readonly<Record<string, number>> {
    return { beta1Power: this.options.beta1, beta2Power: this.options.beta2 };
  }

  apply({ variable, gradient, slots, scalars, learningRate }: WeightUpdate): void {
    applyAdam(variable, {
      mean: slots.mean!,
      meanSquare: slots.meanSquare!,
      beta1Power: scalars.beta1Power!,
      beta2Power: scalars.beta2Power!,
      beta1: tf.scalar(this.options.beta1),
      beta2: tf.scalar(this.options.beta2),
      epsilon: tf.scalar(this.options.epsilon),
      learningRate,
      gradient,
    });
  }

  override advance(scalars: Readonly<Record<string, Variable>>): void {
    for (const name of ['beta1', 'beta2'] as const) {
      const power = scalars[`${name}Power`]!;
      power.assign(tf.mul(power.read(), this.options[name]));
    }
  }
}
