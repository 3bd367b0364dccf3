import type { Tensor } from '../engine/tfjs.js';
import type { CallContext } from '../layers/call-context.js';
import type { TrainableWeight } from './trainable.js';

/** The scalars that are added to the data's loss: weight regularisation, then what layers added in this call. */
export function penalties(weights: readonly Pick<TrainableWeight, 'handle'>[], context: CallContext): Tensor[] {
  const regularised = weights.flatMap(({ handle }) =>
    handle.regularizer === undefined ? [] : [handle.regularizer.penalty(handle.value)],
  );
  return [...regularised, ...context.losses];
}
