import { TraceError } from '../core/errors.js';
import type { Batch } from '../data/example.js';
import { recordGraph } from '../engine/record/recorded-function.js';
import type { RecordedGraph } from '../engine/record/recorded-graph.js';
import { traceGraph, type GraphTraces } from '../engine/record/trace-graph.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { disposeBatch, toDeviceBatch } from './device-batch.js';
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
): Promise<GraphTraces> {
  const learningRate = tf.scalar(plan.optimizer.learningRate);
  const batch = toDeviceBatch(hostBatch);
  try {
    const { x, y, sampleWeight } = batch;
    const inputs = [learningRate, x, y, sampleWeight].filter((tensor): tensor is Tensor => tensor !== undefined);
    const step = () => [trainStep(model, plan, state, { batch, learningRate }, false)];
    const graph = recordFor(model, () => recordGraph(inputs, step));
    return await traceGraph(model.name, graph, inputs, runs);
  } finally {
    learningRate.dispose();
    disposeBatch(batch);
  }
}

function recordFor(model: Trainable, record: () => RecordedGraph): RecordedGraph {
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
