import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import type { Batch } from '../data/example.js';
import { CheckedRun } from '../engine/record/checked-run.js';
import { FlaggedGraph } from '../engine/record/flagged-graph.js';
import type { FlaggedRun, NodeValue, Place } from '../engine/record/node-values.js';
import { recordSteadily } from '../engine/record/record-steadily.js';
import type { OtherValues } from '../engine/record/run-on-copies.js';
import type { LearningRates } from './apply-gradients.js';
import { disposeBatch, toDeviceBatch, type DeviceBatch } from './device-batch.js';
import { withLearningRates } from './step-scalars.js';
import type { TrainState } from './train-state.js';
import { trainStep } from './train-step.js';
import type { Trainable } from './trainable.js';
import { updateStep } from './update-step.js';
import type { TrainingPlan } from './training-plan.js';

/** A step that was run, as it is to be run again. */
export interface PastStep {
  readonly model: Trainable;
  readonly plan: TrainingPlan;
  /** As the step found it, save for what follows. */
  readonly state: TrainState;
  readonly batch: Batch;
  /** Whether it is the update of a group of batches, of which this batch was the last. Default it is a batch's own step. */
  readonly isUpdate?: boolean;
  /** What the counter of the draws was. */
  readonly randomStep: number;
  /** What the loss was scaled by; `undefined`: what it is scaled by now. */
  readonly lossScale?: number;
  /** Of each optimizer, in the order of the state; `undefined`: those of now. */
  readonly learningRates?: readonly number[];
}

/** Runs a step again on copies of the state, from batches of one size. */
export interface StepReplay {
  run(batch: Batch): Promise<FlaggedRun>;
  /** Values of a run by their places in it. */
  values(batch: Batch, places: readonly Place[]): Promise<readonly NodeValue[]>;
}

/** What the arguments of a step are, in their order. */
export function argumentNames(step: PastStep): string[] {
  const rates = step.state.usedOptimizers().map(() => 'learning rate');
  return [...rates, ...(['x', 'y', 'sampleWeight'] as const).filter((field) => step.batch[field] !== undefined)];
}

/**
 * Lets `use` run a step's graph.
 *
 * @throws TraceError where the step cannot be recorded
 */
export function replayRecorded<T>(step: PastStep, use: (replay: StepReplay) => Promise<T>): Promise<T> {
  const { model } = step;
  return onDevice(step, async (rates, others) => {
    const first = toDeviceBatch(step.batch);
    try {
      const graph = recordSteadily(inputsOf(rates, first), () => Object.values(runStep(step, first, rates)));
      return await FlaggedGraph.use(`replay of ${model.name}`, graph, others, (flagged) =>
        use({
          run: (batch) => withBatch(batch, (device) => flagged.run(inputsOf(rates, device))),
          values: (batch, places) => withBatch(batch, (device) => flagged.values(inputsOf(rates, device), places)),
        }),
      );
    } finally {
      disposeBatch(first);
    }
  });
}

/** Lets `use` run a step op by op. */
export function replayEagerly<T>(step: PastStep, use: (replay: StepReplay) => Promise<T>): Promise<T> {
  return onDevice(step, (rates, others) => {
    const run = (batch: Batch, places: readonly Place[]) =>
      withBatch(batch, async (device) =>
        new CheckedRun(inputsOf(rates, device), others, places).run(() => runStep(step, device, rates)),
      );
    return use({
      run: (batch) => run(batch, []),
      values: async (batch, places) => (await run(batch, places)).values,
    });
  });
}

function runStep({ model, plan, state, isUpdate }: PastStep, batch: DeviceBatch, learningRates: LearningRates) {
  if (isUpdate === true) return updateStep(model, plan, state, learningRates, true, true);
  return trainStep(model, plan, state, { batch, learningRates }, true);
}

/** With the learning rates of the step, and what copies of its counters hold. */
async function onDevice<T>(
  { state, randomStep, lossScale, learningRates }: PastStep,
  use: (rates: LearningRates, others: OtherValues) => Promise<T>,
): Promise<T> {
  const others = new Map<Variable, Tensor>([[state.randomStep, tf.scalar(randomStep, 'int32')]]);
  const scale = state.lossScale?.entries()[0]![1];
  if (scale !== undefined && lossScale !== undefined) others.set(scale, tf.scalar(lossScale));
  const rates = new Map(
    state.usedOptimizers().flatMap((optimizer, i) => {
      const rate = learningRates?.[i];
      return rate === undefined ? [] : [[optimizer, tf.scalar(rate)] as const];
    }),
  );
  try {
    return await withLearningRates(state, (now) => use(new Map([...now, ...rates]), others));
  } finally {
    tf.dispose([...others.values(), ...rates.values()]);
  }
}

async function withBatch<T>(batch: Batch, use: (device: DeviceBatch) => Promise<T>): Promise<T> {
  const device = toDeviceBatch(batch);
  try {
    return await use(device);
  } finally {
    disposeBatch(device);
  }
}

function inputsOf(rates: LearningRates, { x, y, sampleWeight }: DeviceBatch): Tensor[] {
  return [...rates.values(), x, y, sampleWeight].filter((tensor) => tensor !== undefined);
}
