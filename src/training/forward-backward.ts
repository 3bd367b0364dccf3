import { tf, type Tensor } from '../engine/tfjs.js';
import type { CallContext } from '../layers/call-context.js';
import type { DeviceBatch } from './device-batch.js';
import { differentiate, type Differentiated } from './differentiate.js';
import { penalties } from './penalties.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** The loss of a batch with its penalties, the predictions, and the gradients by every trainable weight. */
export function forwardBackward(
  model: Trainable,
  plan: TrainingPlan,
  batch: DeviceBatch,
  context: CallContext,
): Differentiated & { predictions: Tensor } {
  let predictions: Tensor | undefined;
  const differentiated = differentiate(model, (trained) => {
    const output = model.call(batch.x, context);
    predictions = context.keep(output);
    const dataLoss = plan.loss.compute(batch.y!, output, batch.sampleWeight);
    return penalties(trained, context.losses).reduce((sum, penalty) => tf.add(sum, penalty), dataLoss);
  });
  return { ...differentiated, predictions: predictions! };
}
