import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import { applyGradients, type LearningRates } from './apply-gradients.js';
import { gateLogs } from './step-logs.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** The name of 1 or 0 among the scalars: whether the update was finite; no log's name has a space in front. */
export const UPDATED = ' updated';

/**
 * The update of a group of micro-batches, whose gradients were summed up by their steps.
 *
 * @param keepsBad - whether the sums of an update that is not finite stay, so that it can be looked into
 */
export function updateStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  learningRates: LearningRates,
  gated: boolean,
  keepsBad: boolean,
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
      const kept = keepsBad ? sound : null;
      gradientSums!.reset(kept);
      state.sums.addLogs(logs, tf.scalar(1), sound);
      return { ...gateLogs(logs, sound), ...scaleLogs, ...(kept && { [UPDATED]: tf.cast(kept, 'float32') }) };
    } finally {
      context.dispose();
    }
  });
}
