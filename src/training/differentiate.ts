import { valueAndGradients } from '../autodiff/value-and-gradients.js';
import { asFloat32 } from '../engine/precision/float-type.js';
import { withPrecision } from '../engine/precision/mixed-precision.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { withVariableReads } from '../engine/variable-reads.js';
import type { WeightHandle } from '../layers/weight-handle.js';
import type { LossScale } from './loss-scale.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

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
 * Both are in single precision and unscaled, whatever they were computed in.
 *
 * @param scale - what the loss is multiplied with on the way
 * @param loss - returns a scalar; gets the weights that are differentiated by
 * @param matches - chooses among the trainable weights by path
 */
export function differentiate(
  model: Trainable,
  { precision, isFloat32 }: Pick<TrainingPlan, 'precision' | 'isFloat32'>,
  scale: LossScale | null,
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
  const factor = scale?.read();
  const scaled = (): Tensor => {
    const value = loss(trained);
    return factor === undefined ? value : tf.mul(value, factor);
  };
  const { value, gradients } = withVariableReads(reads, () =>
    withPrecision(precision, isFloat32, () =>
      valueAndGradients(
        scaled,
        trained.map((weight) => weight.value),
      ),
    ),
  );
  const unscaled = (tensor: Tensor): Tensor =>
    factor === undefined ? asFloat32(tensor) : tf.div(asFloat32(tensor), factor);
  return {
    loss: unscaled(value),
    weights: trained.map((weight, i) => ({
      path: weight.path,
      handle: weight.handle,
      value: weight.value,
      gradient: gradients[i] ? unscaled(gradients[i]) : null,
    })),
  };
}
