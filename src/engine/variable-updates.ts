import { attribute, typeAttribute } from './attribute.js';
import { executeOp } from './execute-op.js';
import type { Tensor } from './tfjs.js';
import type { Variable } from './variable.js';

/** variable <- variable - learningRate * gradient */
export function applyGradientDescent(variable: Variable, learningRate: Tensor, gradient: Tensor): void {
  variable.checkLike(gradient, 'the gradient');
  executeOp('ResourceApplyGradientDescent', common(variable), [variable, learningRate, gradient], 0);
}

export interface KerasMomentumUpdate {
  readonly velocity: Variable;
  readonly learningRate: Tensor;
  readonly momentum: Tensor;
  readonly gradient: Tensor;
  readonly nesterov: boolean;
}

/**
 * velocity <- momentum * velocity - learningRate * gradient, then variable <- variable + velocity, or with Nesterov
 * variable <- variable + momentum * velocity - learningRate * gradient.
 */
export function applyKerasMomentum(variable: Variable, update: KerasMomentumUpdate): void {
  const { velocity, learningRate, momentum, gradient, nesterov } = update;
  variable.checkLike(gradient, 'the gradient');
  executeOp(
    'ResourceApplyKerasMomentum',
    [...common(variable), attribute.bool('use_nesterov', nesterov)],
    [variable, velocity, learningRate, gradient, momentum],
    0,
  );
}

export interface AdamUpdate {
  /** Running mean of the gradients, m. */
  readonly mean: Variable;
  /** Running mean of their squares, v. */
  readonly meanSquare: Variable;
  /** beta1 to the power of the step's number, counted from 1. */
  readonly beta1Power: Tensor;
  readonly beta2Power: Tensor;
  readonly learningRate: Tensor;
  readonly beta1: Tensor;
  readonly beta2: Tensor;
  readonly epsilon: Tensor;
  readonly gradient: Tensor;
}

/**
 * m <- beta1 * m + (1 - beta1) * g, v <- beta2 * v + (1 - beta2) * g^2, then
 * variable <- variable - learningRate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon).
 */
export function applyAdam(variable: Variable, update: AdamUpdate): void {
  const { mean, meanSquare, beta1Power, beta2Power, learningRate, beta1, beta2, epsilon, gradient } = update;
  variable.checkLike(gradient, 'the gradient');
  executeOp(
    'ResourceApplyAdam',
    [...common(variable), attribute.bool('use_nesterov', false)],
    [variable, mean, meanSquare, beta1Power, beta2Power, learningRate, beta1, beta2, epsilon, gradient],
    0,
  );
}

function common(variable: Variable) {
  return [typeAttribute('T', variable.dtype), attribute.bool('use_locking', false)];
}
