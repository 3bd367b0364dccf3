import { GradientError } from '../core/errors.js';
import { withPhase } from '../core/path-scope.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import { applyTransforms } from '../optimizers/chain.js';
import { updateWeights } from '../optimizers/update-weights.js';
import type { DeviceBatch } from './device-batch.js';
import { forwardBackward } from './forward-backward.js';
import { allFinite, gatedAssign } from './gate.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** What a step is a function of, besides the state. */
export interface StepInputs {
  readonly batch: DeviceBatch;
  /** Scalar, fed each step. */
  readonly learningRate: Tensor;
}

/**
 * One training step: read, forward, loss with penalties, backward, finite?, clip, update gated by finite; the gate is
 * over loss, gradients and new values.
 *
 * Written in ops only: it reads nothing on the host, so that the same function can be run or recorded.
 *
 * @param gated - whether a non-finite loss, gradient or new value leaves the state as it was
 * @returns the batch's loss, a scalar; NaN where the gate kept the state as it was
 */
export function trainStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  { batch, learningRate }: StepInputs,
  gated: boolean,
): Tensor {
  return tf.tidy(() => {
    const context = new CallContext({ training: true, seed: plan.seed, step: state.randomStep.read() });
    try {
      const { loss, predictions, weights } = forwardBackward(model, plan, batch, context);
      const reached = weights.flatMap(({ gradient, ...weight }) => (gradient === null ? [] : [{ ...weight, gradient }]));
      if (reached.length === 0) throw nothingToTrain(model);
      const gate = withPhase('update', () => {
        const finite = gated
          ? allFinite([loss, ...reached.map(({ gradient }) => gradient), ...context.stateWrites.values()])
          : null;
        const transformed = applyTransforms(
          plan.transforms,
          new Map(reached.map(({ path, gradient }) => [path, gradient])),
          new Map(reached.map(({ path, value }) => [path, value])),
        );
        const updates = reached.map(({ path, handle, value }) => ({
          path,
          variable: handle.variable,
          value,
          gradient: transformed.get(path)!,
        }));
        const updated = updateWeights(plan.optimizer, state.optimizer, updates, learningRate, finite);
        for (const [handle, value] of context.stateWrites) gatedAssign(handle.variable, value, updated);
        return updated;
      });
      state.sums.add(loss, tf.scalar(batch.size), batch.y!, predictions, batch.sampleWeight, gate);
      state.randomStep.assignAdd(tf.scalar(1, 'int32'));
      // A finite loss with a non-finite gradient must not look like a good step to who watches the loss.
      return gate === null ? loss : tf.where(gate, loss, tf.scalar(NaN));
    } finally {
      context.dispose();
    }
  });
}

function nothingToTrain(model: Trainable): GradientError {
  return new GradientError('nothing-to-train', {
    where: model.describe(),
    expected: 'a loss that depends on at least one trainable weight',
    received: 'a loss that depends on none',
    fix: 'look for layers that call() does not use, for trainable: false, and for ops without a gradient',
  });
}
