import { gradcheck } from '../../src/autodiff/gradcheck.js';
import { gradgradcheck } from '../../src/autodiff/gradgradcheck.js';
import type { Tensor } from '../../src/engine/tfjs.js';

/** Every element is checked, whatever the input's size. */
const ALL_ELEMENTS = 2 ** 16;

export interface GradientCheck {
  /** Default that of `gradcheck`, 1e-7. */
  readonly tolerance?: number;
}

/**
 * Compares the gradient of `fn` by each float input with central differences, in double precision.
 *
 * @param fn - a function of the inputs; a result that is no scalar is summed with fixed weights
 * @param inputs - float32 or int32 tensors that stay the caller's; int32 ones are passed on and not differentiated by
 * @returns the largest relative error
 * @throws GradientError [gradcheck] naming the input and the element where the two differ by more than the tolerance
 */
export function checkGradient(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { tolerance }: GradientCheck = {},
): number {
  return gradcheck(fn, [...inputs], { tolerance, maximumElements: ALL_ELEMENTS, throws: true }).error;
}

/**
 * Compares the gradient of the gradient with central differences of the gradient, by the inputs and by the cotangent.
 *
 * @param fn - a function of the inputs, as {@link checkGradient} takes it
 */
export function checkSecondGradient(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { tolerance }: GradientCheck = {},
): number {
  return gradgradcheck(fn, [...inputs], { tolerance, maximumElements: ALL_ELEMENTS, throws: true }).error;
}
