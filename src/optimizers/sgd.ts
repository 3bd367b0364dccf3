import { IsBoolean, IsNumber, Max, Min } from 'class-validator';
import { tf } from '../engine/tfjs.js';
import { applyGradientDescent, applyKerasMomentum } from '../engine/variable-updates.js';
import { BaseOptimizer, type WeightUpdate } from './base-optimizer.js';
import { Optimizer } from './declarations.js';
import { OptimizerOptions } from './optimizer-options.js';
import type { LearningRateSchedule } from './schedules/learning-rate-schedule.js';

/** Options of {@link SGD}. */
export class SGDOptions extends OptimizerOptions {
  /** Step size, or a schedule of it. Default 0.01. */
  override learningRate: number | LearningRateSchedule<object> = 0.01;

  /** Share of the last step that the next one keeps, from 0 to 1. Default 0: no memory and no slot. */
  @IsNumber()
  @Min(0)
  @Max(1)
  momentum = 0;

  /** Takes the gradient's step once more after the momentum's, which looks ahead. Default false; needs momentum. */
  @IsBoolean()
  nesterov = false;
}

/**
 * Gradient descent with momentum.
 *
 * Formula, for a weight `w`, its gradient `g` and its velocity `u`, which starts at 0:
 *
 * ```text
 * momentum = 0    w <- w - learningRate * g
 * momentum > 0    u <- momentum * u - learningRate * g
 *                 w <- w + u                                   plain
 *                 w <- w + momentum * u - learningRate * g     nesterov
 * ```
 *
 * When to use: networks with normalisation whose learning rate you can tune, where momentum 0.9 often ends at a better
 * test accuracy than Adam; without momentum it is the optimizer without state. Start with Adam where you cannot tune.
 *
 * @throws OptionsError on an unknown or invalid option
 *
 * @example
 * ```ts
 * import { SGD } from 'adjoint';
 *
 * const optimizer = new SGD({ learningRate: 0.1, momentum: 0.9, nesterov: true });
 * optimizer.learningRate = 0.01;
 * console.log(optimizer.options.momentum, optimizer.learningRate); // 0.9 0.01
 * ```
 *
 * @see Sutskever et al., "On the importance of initialization and momentum in deep learning" (ICML 2013)
 */
@Optimizer('adjoint/sgd', SGDOptions)
export class SGD extends BaseOptimizer<SGDOptions> {
  override slots(): Readonly<Record<string, number>> {
    return this.options.momentum === 0 ? {} : { velocity: 0 };
  }

  apply({ variable, gradient, slots, learningRate }: WeightUpdate): void {
    const { momentum, nesterov } = this.options;
    const { velocity } = slots;
    if (velocity === undefined) {
      applyGradientDescent(variable, learningRate, gradient);
      return;
    }
    applyKerasMomentum(variable, { velocity, learningRate, gradient, momentum: tf.scalar(momentum), nesterov });
  }
}
