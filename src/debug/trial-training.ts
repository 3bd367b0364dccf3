import type { Batch } from '../data/example.js';
import { tf } from '../engine/tfjs.js';
import { rehearse } from '../training/custom-step.js';
import { disposeBatch, toDeviceBatch } from '../training/device-batch.js';
import { trainStep } from '../training/train-step.js';
import { TrainState } from '../training/train-state.js';
import type { Trainable } from '../training/trainable.js';
import type { TrainingPlan } from '../training/training-plan.js';
import { writeWeights } from '../training/weight-access.js';
import type { WeightSnapshot } from '../training/weight-snapshot.js';
import { withStateKept } from './kept-state.js';

/** A short training that leaves no trace. */
export interface Trial {
  readonly model: Trainable;
  /** Losses are taken from what a step logs as `loss`, or else from its first entry. */
  readonly plan: TrainingPlan;
  /** The weights to begin with. */
  readonly weights: WeightSnapshot;
  /** Gone through again and again. */
  readonly batches: readonly Batch[];
  readonly steps: number;
  /** Called after each step, before anything is put back. */
  readonly afterStep?: (step: number) => void;
}

/** Trains for a few steps, op by op, with an optimizer state of its own; ends early where the loss is not finite. */
export function trialTraining({ model, plan, weights, batches, steps, afterStep }: Trial): number[] {
  return withStateKept(() => {
    writeWeights(model, weights);
    const settings = { ...plan, accumulateSteps: 1 };
    const state = new TrainState(model, settings);
    const losses: number[] = [];
    try {
      for (let step = 0; step < steps && batches.length > 0; step++) {
        const batch = toDeviceBatch(batches[step % batches.length]!);
        try {
          if (step === 0 && model.trainStep !== undefined) rehearse(model, settings, state, batch);
          losses.push(tf.tidy(() => oneStep(model, settings, state, batch)));
        } finally {
          disposeBatch(batch);
        }
        afterStep?.(step);
        if (!Number.isFinite(losses.at(-1)!)) break;
      }
      return losses;
    } finally {
      state.dispose();
    }
  });
}

/** One step of training, op by op. */
export function oneStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  batch: ReturnType<typeof toDeviceBatch>,
): number {
  const learningRates = new Map(
    state.usedOptimizers().map((optimizer) => {
      return [optimizer, tf.scalar(optimizer.rateToFeed(state.stateOf(optimizer).iterations))];
    }),
  );
  const scalars = trainStep(model, plan, state, { batch, learningRates }, false);
  const loss = scalars['loss'] ?? Object.values(scalars)[0];
  return loss?.dataSync()[0] ?? NaN;
}
