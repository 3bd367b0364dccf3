import { withPart } from '../core/path-scope.js';
import type { Tensor } from '../engine/tfjs.js';
import type { Regularizer } from '../layers/regularizer.js';
import type { WeightHandle } from '../layers/weight-handle.js';
import type { TrainableWeight } from './trainable.js';

/** The scalars that are added to the data's loss: weight regularisation, then what layers added in this call. */
export function penalties(weights: readonly Pick<TrainableWeight, 'handle'>[], added: readonly Tensor[]): Tensor[] {
  const regularised = weights.flatMap(({ handle }) =>
    handle.regularizer === undefined ? [] : [penaltyOf(handle, handle.regularizer)],
  );
  return [...regularised, ...added];
}

function penaltyOf({ variable, value }: WeightHandle, regularizer: Regularizer): Tensor {
  return withPart(`regularizer of weight "${variable.name}"`, () => regularizer.penalty(value));
}
