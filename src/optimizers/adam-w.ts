import { IsNumber, IsOptional, Min } from 'class-validator';
import type { OptionsInput } from '../core/parse-options.js';
import { compilePathPredicate, type PathPredicate } from '../core/path-predicate.js';
import { tf } from '../engine/tfjs.js';
import { applyGradientDescent } from '../engine/variable-updates.js';
import { Adam, AdamOptions } from './adam.js';
import type { WeightUpdate } from './base-optimizer.js';
import { Optimizer } from './declarations.js';
import { IsPathPredicate } from './is-path-predicate.js';

/** Options of {@link AdamW}. */
export class AdamWOptions extends AdamOptions {
  /** Share of a weight, times the learning rate, that every step takes off; at least 0. Default 0.004. */
  @IsNumber()
  @Min(0)
  weightDecay = 0.004;

  /**
   * Paths of weights that do not decay: a glob, a regular expression, a function, or a list of these. Default none: every
   * trained weight decays, biases too.
   */
  @IsOptional()
  @IsPathPredicate()
  excludeFromWeightDecay?: PathPredicate;
}

/**
 * Adam with weight decay that its moments do not rescale.
 *
 * Formula, before Adam's own update of each weight `w` that is not excluded:
 *
 * ```text
 * w <- w - learningRate * weightDecay * w
 * ```
 *
 * When to use: transformers, and wherever an L2 penalty would be used with Adam. Leave biases and the scales of
 * normalisation layers out of the decay, as the example does.
 *
 * @throws OptionsError on an unknown or invalid option
 *
 * @example
 * ```ts
 * import { AdamW } from 'adjoint';
 *
 * const optimizer = new AdamW({ weightDecay: 0.01, excludeFromWeightDecay: /(bias|gamma|beta)$/ });
 * console.log(optimizer.options.weightDecay); // 0.01
 * ```
 *
 * @see Loshchilov and Hutter, "Decoupled weight decay regularization" (ICLR 2019), https://arxiv.org/abs/1711.05101
 */
@Optimizer('adjoint/adam-w', AdamWOptions)
export class AdamW extends Adam<AdamWOptions> {
  private readonly excluded: (path: string) => boolean;

  constructor(options?: OptionsInput<AdamWOptions>) {
    super(options);
    this.excluded = compilePathPredicate(this.options.excludeFromWeightDecay ?? []);
  }

  override apply(update: WeightUpdate): void {
    const { path, variable, value, learningRate } = update;
    if (this.options.weightDecay !== 0 && !this.excluded(path)) {
      applyGradientDescent(variable, tf.mul(learningRate, this.options.weightDecay), value);
    }
    super.apply(update);
  }
}
