import { withPart } from '../core/path-scope.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { CallContext } from '../layers/call-context.js';
import type { DeviceBatch } from './device-batch.js';
import { penalties } from './penalties.js';
import type { Trainable, TrainableWeight } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** What training minimises: the loss of a batch with the penalties of the weights that are trained, and the layers' own. */
export function batchLoss(
  model: Trainable,
  plan: TrainingPlan,
  batch: DeviceBatch,
  context: CallContext,
  trained: readonly Pick<TrainableWeight, 'handle'>[],
): { loss: Tensor; output: Tensor } {
  const output = model.call(batch.x, context);
  const dataLoss = withPart(`loss "${plan.loss.name}"`, () => plan.loss.compute(batch.y!, output, batch.sampleWeight));
  const loss = penalties(trained, context.losses).reduce((sum, penalty) => tf.add(sum, penalty), dataLoss);
  return { loss, output };
}
