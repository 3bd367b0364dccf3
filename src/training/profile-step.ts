import { TraceError } from '../core/errors.js';
import type { Batch } from '../data/example.js';
import { recordGraph } from '../engine/record/recorded-function.js';
import type { RecordedGraph } from '../engine/record/recorded-graph.js';
import { traceGraph, type GraphTraces } from '../engine/record/trace-graph.js';
import type { Tensor } from '../engine/tfjs.js';
import type { LearningRates } from './apply-gradients.js';
import { disposeBatch, toDeviceBatch, type DeviceBatch } from './device-batch.js';
import { withLearningRates } from './step-scalars.js';
import type { TrainState } from './train-state.js';
import { trainStep } from './train-step.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/**
 * Traces the training step of a batch on copies of the state, which stays as it is.
 *
 * @throws TraceError [not-profiled] where the step cannot be recorded
 */
export async function profileStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  hostBatch: Batch,
  runs: number,
  rehearse: (state: TrainState, batch: DeviceBatch) => void,
): Promise<GraphTraces> {
  const batch = toDeviceBatch(hostBatch);
  try {
    rehearse(state, batch);
    return await withLearningRates(state, (learningRates) => {
      const { graph, inputs } = recordFor(model, () => graphOfStep(model, plan, state, batch, learningRates));
      return traceGraph(model.name, graph, inputs, runs);
    });
  } finally {
    disposeBatch(batch);
  }
}

/** The graph of a step, which is not run. */
export async function recordStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  hostBatch: Batch,
  around: (record: () => RecordedGraph) => RecordedGraph,
): Promise<RecordedGraph> {
  const batch = toDeviceBatch(hostBatch);
  try {
    return await withLearningRates(state, async (learningRates) =>
      recordFor(model, () => around(() => graphOfStep(model, plan, state, batch, learningRates).graph)),
    );
  } finally {
    disposeBatch(batch);
  }
}

function graphOfStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  batch: DeviceBatch,
  learningRates: LearningRates,
): { graph: RecordedGraph; inputs: readonly Tensor[] } {
  const { x, y, sampleWeight } = batch;
  const inputs = [...learningRates.values(), x, y, sampleWeight].filter((tensor) => tensor !== undefined);
  const step = () => Object.values(trainStep(model, plan, state, { batch, learningRates }, false));
  return { graph: recordGraph(inputs, step), inputs };
}

function recordFor<T>(model: Trainable, record: () => T): T {
  try {
    return record();
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    throw new TraceError('not-profiled', {
      where: `profile of ${model.describe()}`,
      expected: 'a step that can be recorded: its ops are timed in the graph that a recording makes',
      received: `${error.where}: ${error.received}`,
      // What runs the step op by op lets it train, and leaves nothing to be traced.
      fix: error.fix?.replace(/[;,] or run it op by op: .*$/, ''),
      cause: error,
    });
  }
}
