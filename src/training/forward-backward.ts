import type { Tensor } from '../engine/tfjs.js';
import type { CallContext } from '../layers/call-context.js';
import { batchLoss } from './batch-loss.js';
import type { DeviceBatch } from './device-batch.js';
import { differentiate, type Differentiated } from './differentiate.js';
import type { LossScale } from './loss-scale.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** The loss of a batch with its penalties, the predictions, and the gradients by every trainable weight. */
export function forwardBackward(
  model: Trainable,
  plan: TrainingPlan,
  batch: DeviceBatch,
  context: CallContext,
  scale: LossScale | null,
): Differentiated & { predictions: Tensor } {
  let predictions: Tensor | undefined;
  const differentiated = differentiate(model, plan, scale, (trained) => {
    const { loss, output } = batchLoss(model, plan, batch, context, trained);
    predictions = context.keep(output);
    return loss;
  });
  return { ...differentiated, predictions: predictions! };
}
