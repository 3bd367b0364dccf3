import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import type { DeviceBatch } from './device-batch.js';
import { penalties } from './penalties.js';
import type { RunningSums } from './running-sums.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Adds a batch's loss and metrics, in inference mode, to the sums. */
export function evaluateStep(model: Trainable, plan: TrainingPlan, sums: RunningSums, batch: DeviceBatch): void {
  tf.tidy(() => {
    const labels = batch.y!;
    const context = new CallContext({ seed: plan.seed });
    try {
      const output = model.call(batch.x, context);
      const trained = [...model.weightTree()].map(([, weight]) => weight).filter(({ trainable }) => trainable);
      const loss = penalties(trained, context.losses).reduce(
        (sum, penalty) => tf.add(sum, penalty),
        plan.loss.compute(labels, output, batch.sampleWeight),
      );
      sums.add(loss, tf.scalar(batch.size), labels, output, batch.sampleWeight, null);
    } finally {
      context.dispose();
    }
  });
}

/** The model's output for a batch, in inference mode. */
export function predictStep(model: Trainable, seed: number, x: Tensor): Tensor {
  return tf.tidy(() => {
    const context = new CallContext({ seed });
    try {
      return model.call(x, context);
    } finally {
      context.dispose();
    }
  });
}
