import type { Tensor } from '../engine/tfjs.js';

/** A penalty on a tensor that is added to the loss. */
export interface Regularizer {
  readonly name: string;
  /** @returns the penalty, a scalar */
  penalty(value: Tensor): Tensor;
}
