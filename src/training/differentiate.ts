import { valueAndGradients } from '../autodiff/value-and-gradients.js';
import type { Tensor } from '../engine/tfjs.js';
import { withVariableReads } from '../engine/variable-reads.js';
import type { WeightHandle } from '../layers/weight-handle.js';
import type { Trainable } from './trainable.js';

/** A trainable weight with the gradient of the loss by it; `null` where the forward pass does not use it. */
export interface DifferentiatedWeight {
  readonly path: string;
  readonly handle: WeightHandle;
  /** The value that was read at the start and differentiated by. */
  readonly value: Tensor;
  readonly gradient: Tensor | null;
}

/** A loss and its gradients. */
export interface Differentiated {
  /** Scalar. */
  readonly loss: Tensor;
  readonly weights: readonly DifferentiatedWeight[];
}

/**
 * Computes a loss of the model's weights, all of which are read once, here, and its gradients.
 *
 * @param loss - returns a scalar; gets the weights that are differentiated by
 * @param matches - chooses among the trainable weights by path
 */
export function differentiate(
  model: Trainable,
  loss: (trained: readonly { readonly handle: WeightHandle }[]) => Tensor,
  matches: (path: string) => boolean = () => true,
): Differentiated {
  const all = [...model.weightTree()].map(([path, weight]) => ({
    path,
    ...weight,
    value: weight.handle.variable.read(),
  }));
  const trained = all.filter(({ path, trainable }) => trainable && matches(path));
  const reads = new Map(all.map(({ handle, value }) => [handle.variable, value]));
  const { value, gradients } = withVariableReads(reads, () =>
    valueAndGradients(
      () => loss(trained),
      trained.map((weight) => weight.value),
    ),
  );
  return {
    loss: value,
    weights: trained.map((weight, i) => ({
      path: weight.path,
      handle: weight.handle,
      value: weight.value,
      gradient: gradients[i] ?? null,
    })),
  };
}
