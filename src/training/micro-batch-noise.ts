import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import type { DeviceBatch } from './device-batch.js';
import { forwardBackward } from './forward-backward.js';
import type { ProbeRun } from './probe-run.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/**
 * Splits a batch into equal parts and measures how far their gradients differ, which costs about another step.
 *
 * A batch with fewer examples than parts is left out; so are the examples that do not fill a part.
 */
export function measureNoise(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  { x, y, sampleWeight, size }: DeviceBatch,
  probe: ProbeRun,
): void {
  const parts = probe.microBatches;
  const partSize = parts === 0 ? 0 : Math.floor(size / parts);
  if (partSize === 0) return;
  tf.tidy(() => {
    const rows = <T extends Tensor | undefined>(tensor: T, part: number): T =>
      (tensor === undefined ? undefined : tf.slice(tensor, part * partSize, partSize)) as T;
    const gradients = Array.from({ length: parts }, (_, part) => {
      const context = new CallContext({ training: true, seed: plan.seed, step: state.randomStep.read() });
      try {
        const batch = { x: rows(x, part), y: rows(y, part), sampleWeight: rows(sampleWeight, part), size: partSize };
        const { weights } = forwardBackward(model, plan, batch, context, state.lossScale);
        return weights.flatMap(({ gradient }) => (gradient === null ? [] : [gradient]));
      } finally {
        context.dispose();
      }
    });
    // A model with nothing to train is told so by its step.
    if (gradients[0]!.length === 0) return;
    const means = gradients[0]!.map((_, i) => tf.div(tf.addN(gradients.map((part) => part[i]!)), tf.scalar(parts)));
    const ofParts = gradients.map(squaredNorm).reduce((sum, square) => tf.add(sum, square));
    probe.addNoise(parts, partSize, tf.div(ofParts, tf.scalar(parts)), squaredNorm(means));
  });
}

function squaredNorm(tensors: readonly Tensor[]): Tensor {
  return tensors.map((tensor) => tf.sum(tf.square(tensor))).reduce((sum, square) => tf.add(sum, square));
}
