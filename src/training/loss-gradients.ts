import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import type { DeviceBatch } from './device-batch.js';
import { forwardBackward } from './forward-backward.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Gradients of the training loss by weight path, before clipping; changes no state. The caller owns the tensors. */
export function lossGradients(model: Trainable, plan: TrainingPlan, batch: DeviceBatch): Record<string, Tensor | null> {
  return tf.tidy(() => {
    const context = new CallContext({ training: true, seed: plan.seed });
    try {
      const { weights } = forwardBackward(model, plan, batch, context, null);
      return Object.fromEntries(weights.map(({ path, gradient }) => [path, gradient])) as Record<string, Tensor>;
    } finally {
      context.dispose();
    }
  });
}
