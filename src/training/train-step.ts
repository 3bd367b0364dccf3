import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import { applyGradients, type LearningRates } from './apply-gradients.js';
import { customStep } from './custom-step.js';
import type { DeviceBatch } from './device-batch.js';
import { forwardBackward } from './forward-backward.js';
import { gatedAssign } from './gate.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** What a step is a function of, besides the state. */
export interface StepInputs {
  readonly batch: DeviceBatch;
  readonly learningRates: LearningRates;
}

/**
 * One training step: read, forward, loss with penalties, backward, finite?, clip, update gated by finite; the gate is
 * over loss, gradients and new values. A model's own `trainStep` takes its place where there is one.
 *
 * Written in ops only: it reads nothing on the host, so that the same function can be run or recorded.
 *
 * @param gated - whether a non-finite loss, gradient or new value leaves the state as it was
 * @returns scalars to log: the batch's loss, NaN where the gate kept the state as it was
 */
export function trainStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  { batch, learningRates }: StepInputs,
  gated: boolean,
): Record<string, Tensor> {
  if (model.trainStep !== undefined) return customStep(model, plan, state, batch, learningRates, gated);
  return tf.tidy(() => {
    const context = new CallContext({ training: true, seed: plan.seed, step: state.randomStep.read() });
    try {
      const { predictions, ...differentiated } = forwardBackward(model, plan, batch, context);
      const { loss } = differentiated;
      const staged = context.stateWrites;
      const gate = applyGradients(
        model,
        plan,
        state,
        plan.optimizer,
        differentiated,
        learningRates,
        gated,
        staged.values(),
      );
      for (const [handle, value] of staged) gatedAssign(handle.variable, value, gate);
      state.sums.add(loss, tf.scalar(batch.size), batch.y!, predictions, batch.sampleWeight, gate);
      state.randomStep.assignAdd(tf.scalar(1, 'int32'));
      // A finite loss with a non-finite gradient must not look like a good step to who watches the loss.
      return { loss: gate === null ? loss : tf.where(gate, loss, tf.scalar(NaN)) };
    } finally {
      context.dispose();
    }
  });
}
