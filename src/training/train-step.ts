import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import { allFinite } from '../optimizers/all-finite.js';
import { applyGradients, type AppliedGradients, type LearningRates } from './apply-gradients.js';
import { customStep } from './custom-step.js';
import type { DeviceBatch } from './device-batch.js';
import type { Differentiated } from './differentiate.js';
import { forwardBackward } from './forward-backward.js';
import { gatedAssign } from './gate.js';
import { shareOf, type GradientSums } from './gradient-sums.js';
import { measureNoise } from './micro-batch-noise.js';
import { PROBES, type ProbeRun } from './probe-run.js';
import { gateLogs } from './step-logs.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** What a step is a function of, besides the state. */
export interface StepInputs {
  readonly batch: DeviceBatch;
  readonly learningRates: LearningRates;
}

/**
 * One training step: read, forward, loss with penalties, scale, backward, unscale, finite?, clip, noise, update gated by finite; the gate
 * is over loss, gradients and new values, and what a gradient transform asks for. A model's own `trainStep` takes its place where there is one.
 *
 * Written in ops only: it reads nothing on the host, so that the same function can be run or recorded.
 *
 * @param gated - whether a non-finite loss, gradient or new value leaves the state as it was
 * @param probe - measures the step on its way; the vector of what it found is returned beside the scalars
 * @returns scalars to log: the batch's loss and what transforms log, NaN where something was not finite and was undone
 */
export function trainStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  { batch, learningRates }: StepInputs,
  gated: boolean,
  probe: ProbeRun | null = null,
): Record<string, Tensor> {
  if (model.trainStep !== undefined) return customStep(model, plan, state, batch, learningRates, gated, probe);
  return tf.tidy(() => {
    const observer = probe?.observer;
    const context = new CallContext({ training: true, seed: plan.seed, step: state.randomStep.read(), observer });
    if (probe !== null) measureNoise(model, plan, state, batch, probe);
    const scaling = state.lossScale;
    const scaleLogs = scaling?.logs() ?? {};
    const scale = probe === null ? undefined : scaling?.read();
    try {
      const { predictions, ...differentiated } = forwardBackward(model, plan, batch, context, scaling);
      const { loss } = differentiated;
      const staged = context.stateWrites;
      const guarded = gated || (scaling?.isDynamic ?? false);
      const { finite, gate, sound, logs } =
        state.gradientSums === null
          ? applyGradients(
              model,
              plan,
              state,
              plan.optimizer,
              differentiated,
              learningRates,
              context,
              guarded,
              staged.values(),
            )
          : accumulate(plan, state.gradientSums, differentiated, batch, guarded, staged.values());
      probe?.addWeights(differentiated.weights, state.gradientSums === null);
      if (finite !== null && state.gradientSums === null) scaling?.update(finite);
      for (const [handle, value] of staged) gatedAssign(handle.variable, value, gate);
      const size = tf.scalar(batch.size);
      state.sums.add(loss, size, batch.y!, predictions, batch.sampleWeight, gate);
      state.sums.addLogs(logs, size, sound);
      state.randomStep.assignAdd(tf.scalar(1, 'int32'));
      // A finite loss with a non-finite gradient must not look like a good step to who watches the loss.
      return {
        loss: sound === null ? loss : tf.where(sound, loss, tf.scalar(NaN)),
        ...gateLogs(logs, sound),
        ...scaleLogs,
        ...(probe && { [PROBES]: probe.vector(scale) }),
      };
    } finally {
      context.dispose();
      probe?.dispose();
    }
  });
}

/** Adds a micro-batch's gradients to its group's, whatever they are: one that is not finite spoils its group. */
function accumulate(
  plan: TrainingPlan,
  sums: GradientSums,
  differentiated: Differentiated,
  batch: DeviceBatch,
  gated: boolean,
  staged: Iterable<Tensor>,
): AppliedGradients {
  const { loss, weights } = differentiated;
  const gradients = weights.flatMap(({ gradient }) => (gradient === null ? [] : [gradient]));
  const finite = gated ? allFinite([loss, ...gradients, ...staged]) : null;
  sums.add(differentiated, shareOf(batch, plan.loss.options.reduction));
  return { finite, gate: finite, sound: finite, logs: {} };
}
