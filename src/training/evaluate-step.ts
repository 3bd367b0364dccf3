import { asFloat32 } from '../engine/precision/float-type.js';
import { withPrecision } from '../engine/precision/mixed-precision.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import { batchLoss } from './batch-loss.js';
import type { DeviceBatch } from './device-batch.js';
import type { RunningSums } from './running-sums.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Adds a batch's loss and metrics, in inference mode, to the sums. */
export function evaluateStep(model: Trainable, plan: TrainingPlan, sums: RunningSums, batch: DeviceBatch): void {
  tf.tidy(() => {
    const context = new CallContext({ seed: plan.seed });
    try {
      const trained = [...model.weightTree()].map(([, weight]) => weight).filter(({ trainable }) => trainable);
      const { loss, output } = withPrecision(plan.precision, plan.isFloat32, () =>
        batchLoss(model, plan, batch, context, trained),
      );
      sums.add(loss, tf.scalar(batch.size), batch.y!, output, batch.sampleWeight, null);
    } finally {
      context.dispose();
    }
  });
}

/** What a prediction needs of a plan. */
export type PredictionPlan = Pick<TrainingPlan, 'seed' | 'precision' | 'isFloat32'>;

/** The plan of a model that is not compiled. */
export const NO_PLAN: PredictionPlan = { seed: 0, precision: 'float32', isFloat32: () => false };

/** The model's output for a batch, in inference mode. */
export function predictStep(model: Trainable, plan: PredictionPlan, x: Tensor): Tensor {
  return tf.tidy(() => {
    const context = new CallContext({ seed: plan.seed });
    try {
      return asFloat32(withPrecision(plan.precision, plan.isFloat32, () => model.call(x, context)));
    } finally {
      context.dispose();
    }
  });
}
