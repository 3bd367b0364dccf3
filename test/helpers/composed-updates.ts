import type { Tensor } from '../../src/engine/tfjs.js';
import { compilePathPredicate } from '../../src/core/path-predicate.js';
import type { AdamWOptions } from '../../src/optimizers/adam-w.js';
import type { AdamOptions } from '../../src/optimizers/adam.js';
import type { SGDOptions } from '../../src/optimizers/sgd.js';

/** What one step makes of a weight and its slots, written in elementary ops. */
export interface ComposedStep {
  readonly path: string;
  readonly weight: Tensor;
  readonly gradient: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
  readonly learningRate: number;
  /** Counted from 1. */
  readonly step: number;
}

export interface ComposedResult {
  readonly weight: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
}

export type ComposedUpdate = (step: ComposedStep) => ComposedResult;

export function composedSGD({ momentum, nesterov }: SGDOptions): ComposedUpdate {
  return ({ weight, gradient, slots, learningRate }) => {
    const step = gradient.mul(learningRate);
    if (slots.velocity === undefined) return { weight: weight.sub(step), slots };
    const velocity = slots.velocity.mul(momentum).sub(step);
    return { weight: weight.add(nesterov ? velocity.mul(momentum).sub(step) : velocity), slots: { velocity } };
  };
}

/** TensorFlow's kernel takes the betas and forms `1 - beta` and the powers in float32; so does this. */
export function composedAdam({ beta1, beta2, epsilon }: AdamOptions): ComposedUpdate {
  const [b1, b2] = [Math.fround(beta1), Math.fround(beta2)];
  return ({ weight, gradient, slots, learningRate, step }) => {
    const mean = slots.mean!.add(gradient.sub(slots.mean!).mul(1 - b1));
    const meanSquare = slots.meanSquare!.add(
      gradient
        .square()
        .sub(slots.meanSquare!)
        .mul(1 - b2),
    );
    const rate = (learningRate * Math.sqrt(1 - float32Power(b2, step))) / (1 - float32Power(b1, step));
    const weightAfter = weight.sub(mean.mul(rate).div(meanSquare.sqrt().add(epsilon)));
    return { weight: weightAfter, slots: { mean, meanSquare } };
  };
}

function float32Power(base: number, exponent: number): number {
  return Array.from({ length: exponent }).reduce<number>((power) => Math.fround(power * base), 1);
}

export function composedAdamW(options: AdamWOptions): ComposedUpdate {
  const adam = composedAdam(options);
  const excluded = compilePathPredicate(options.excludeFromWeightDecay ?? []);
  return (step) => {
    if (excluded(step.path)) return adam(step);
    return adam({ ...step, weight: step.weight.mul(1 - step.learningRate * options.weightDecay) });
  };
}
