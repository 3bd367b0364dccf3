import type { Tensor } from '../engine/tfjs.js';
import type { TrainableWeight } from './trainable.js';

/** The scalars that are added to the data's loss: weight regularisation, then what layers added in this call. */
export function penalties(weights: readonly Pick<TrainableWeight, 'handle'>[], added: readonly Tensor[]): Tensor[] {
  const regularised = weights.flatMap(({ handle }) =>
    handle.regularizer === undefined ? [] : [handle.regularizer.penalty(handle.value)],
  );
  return [...regularised, ...added];
}
