import type { Tensor } from '../engine/tfjs.js';

/** Gradients, or weights, by weight path. */
export type TensorsByPath = ReadonlyMap<string, Tensor>;

/** A pure function on a step's gradients, e.g. clipping; an optimizer is a chain of these and one `apply` rule. */
export interface GradientTransform {
  readonly name: string;
  /**
   * @param gradients - by weight path
   * @param weights - the weights' values at the step's start, same paths
   * @returns new gradients, same paths
   */
  transform(gradients: TensorsByPath, weights: TensorsByPath): TensorsByPath;
}
