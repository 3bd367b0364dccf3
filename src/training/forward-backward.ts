import { valueAndGradients } from '../autodiff/value-and-gradients.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { withVariableReads } from '../engine/variable-reads.js';
import type { CallContext } from '../layers/call-context.js';
import type { WeightHandle } from '../layers/weight-handle.js';
import type { DeviceBatch } from './device-batch.js';
import { penalties } from './penalties.js';
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

/** The loss of a batch with its penalties, the predictions, and the gradients by every trainable weight. */
export function forwardBackward(
  model: Trainable,
  plan: TrainingPlan,
  batch: DeviceBatch,
  context: CallContext,
): { loss: Tensor; predictions: Tensor; weights: readonly DifferentiatedWeight[] } {
  const all = [...model.weightTree()].map(([path, weight]) => ({ path, ...weight, value: weight.handle.variable.read() }));
  const trained = all.filter(({ trainable }) => trainable);
  let predictions: Tensor | undefined;
  const reads = new Map(all.map(({ handle, value }) => [handle.variable, value]));
  const { value: loss, gradients } = withVariableReads(reads, () =>
    valueAndGradients(
      () => {
        const output = model.call(batch.x, context);
        predictions = context.keep(output);
        const dataLoss = plan.loss.compute(batch.y!, output, batch.sampleWeight);
        return penalties(trained, context).reduce((sum, penalty) => tf.add(sum, penalty), dataLoss);
      },
      trained.map(({ value }) => value),
    ),
  );
  return {
    loss,
    predictions: predictions!,
    weights: trained.map(({ path, handle, value }, i) => ({ path, handle, value, gradient: gradients[i] ?? null })),
  };
}
