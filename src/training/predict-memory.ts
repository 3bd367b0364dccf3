import { withoutCheckpoints } from '../autodiff/checkpoint.js';
import { sizeOf } from '../core/shape.js';
import type { Batch } from '../data/example.js';
import { bytesOf, keptForBackward } from '../engine/record/graph-memory.js';
import { StepMemory } from '../engine/record/predict-peak.js';
import type { RecordedGraph } from '../engine/record/recorded-graph.js';
import { assumingBatch } from './assumed-batch.js';
import type { MemoryReportBytes, StepMemoryBytes } from './memory-report.js';
import { recordStep } from './profile-step.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Sizes of the batches that are recorded; the step's own size is taken from the line through both. */
export const RECORDED_BATCHES = [3, 4] as const;

/**
 * Foretells the memory of a step from recordings of it on few examples.
 *
 * @param batchOf - makes a batch of so many examples
 */
export async function predictMemory(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  batchSize: number,
  batchOf: (size: number) => Batch,
): Promise<MemoryReportBytes> {
  const weights = [...model.weightTree()].map(([, weight]) => weight);
  const bytes = (shapes: readonly (readonly number[])[]): number =>
    shapes.reduce((sum, shape) => sum + 4 * sizeOf(shape), 0);
  const one = batchOf(RECORDED_BATCHES[0]);
  const perExample =
    [one.x, one.y, one.sampleWeight]
      .flatMap((array) => (array === undefined ? [] : [array.shape]))
      .reduce((sum, shape) => sum + 4 * sizeOf(shape), 0) / one.size;
  const predict = async (around: <T>(fn: () => T) => T): Promise<StepMemoryBytes> => {
    const record = (size: number): Promise<RecordedGraph> =>
      recordStep(model, plan, state, batchOf(size), (run) => assumingBatch(batchSize, () => around(run)));
    const small = await record(RECORDED_BATCHES[0]);
    const large = await record(RECORDED_BATCHES[1]);
    const memory = new StepMemory(small, RECORDED_BATCHES[0], large, RECORDED_BATCHES[1]);
    const kept = keptForBackward(small).filter(({ node }) => !small.arguments.includes(node));
    return {
      activations: kept.reduce(
        (sum, output) => sum + (memory.bytes(output, batchSize) || bytesOf(output.node.outputs[output.index]!)),
        0,
      ),
      peak: memory.peak(batchSize),
    };
  };
  return {
    batchSize,
    parameters: bytes(weights.map(({ handle }) => handle.shape)),
    gradients: bytes(weights.filter(({ trainable }) => trainable).map(({ handle }) => handle.shape)),
    optimizerState: bytes(state.trainedVariables().map(({ shape }) => shape)),
    input: perExample * batchSize,
    withPolicy: await predict((fn) => fn()),
    withoutPolicy: await predict(withoutCheckpoints),
  };
}
