import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import { applyGradients, type LearningRates } from './apply-gradients.js';
import { gateLogs } from './step-logs.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** The update of a group of micro-batches, whose gradients were summed up by their steps. */
export function updateStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  learningRates: LearningRates,
  gated: boolean,
): Record<string, Tensor> {
  return tf.tidy(() => {
    const { lossScale, gradientSums } = state;
    const context = new CallContext({ training: true, seed: plan.seed, step: state.randomStep.read() });
    const scaleLogs = lossScale?.logs() ?? {};
    try {
      const group = gradientSums!.mean(model);
      const guarded = gated || (lossScale?.isDynamic ?? false);
      const { finite, sound, logs } = applyGradients(
        model,
        plan,
        state,
        plan.optimizer,
        group,
        learningRates,
        context,
        guarded,
      );
      if (finite !== null) lossScale?.update(finite);
      gradientSums!.reset();
      state.sums.addLogs(logs, tf.scalar(1), sound);
      return { ...gateLogs(logs, sound), ...scaleLogs };
    } finally {
      context.dispose();
    }
  });
}
