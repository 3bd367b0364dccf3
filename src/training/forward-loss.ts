import { withPrecision } from '../engine/precision/mixed-precision.js';
import { asFloat32 } from '../engine/precision/float-type.js';
import { tf } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import { batchLoss } from './batch-loss.js';
import { disposeBatch, toDeviceBatch } from './device-batch.js';
import type { PastStep } from './replay-step.js';

/** The unscaled loss of a step, computed again op by op without gradients; changes no state. */
export function forwardLoss({ model, plan, batch: hostBatch, randomStep }: PastStep): number {
  const batch = toDeviceBatch(hostBatch);
  const step = tf.scalar(randomStep, 'int32');
  const context = new CallContext({ training: true, seed: plan.seed, step });
  try {
    return tf.tidy(() => {
      const trained = [...model.weightTree()].flatMap(([, weight]) => (weight.trainable ? [weight] : []));
      const { loss } = withPrecision(plan.precision, plan.isFloat32, () =>
        batchLoss(model, plan, batch, context, trained),
      );
      return asFloat32(loss).dataSync()[0]!;
    });
  } finally {
    context.dispose();
    step.dispose();
    disposeBatch(batch);
  }
}
