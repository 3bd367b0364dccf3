import { sizeOf } from '../../core/shape.js';
import { bytesOf, keptForBackward } from '../../engine/record/graph-memory.js';
import { mergeCasts } from '../../engine/record/merge-casts.js';
import { removeDeadNodes } from '../../engine/record/remove-dead-nodes.js';
import { recordSteadily } from '../../engine/record/record-steadily.js';
import type { RecordedGraph } from '../../engine/record/recorded-graph.js';
import { disposeBatch, toDeviceBatch } from '../../training/device-batch.js';
import { Profile } from '../../training/profile.js';
import { profileStep } from '../../training/profile-step.js';
import type { RunInspection } from '../../training/run-inspection.js';
import { withLearningRates } from '../../training/step-scalars.js';
import { trainStep } from '../../training/train-step.js';
import { layerGraph, type LayerGraph } from './layer-graph.js';

/** Traced runs of which the medians are shown. */
const RUNS = 3;

/** What a step holds, in bytes. */
export interface StepBytes {
  readonly parameters: number;
  readonly gradients: number;
  readonly optimizerState: number;
  readonly batch: number;
  /** Kept by the forward pass for the backward pass. */
  readonly activations: number;
  /** Held at once beside parameters, state and batch, as traced. */
  readonly peak: number;
}

/** What a training step is made of, from a recording and a trace of it. */
export interface StepAnatomy {
  readonly graph: LayerGraph;
  readonly profile: Profile;
  readonly bytes: StepBytes;
  readonly examples: number;
}

/** Records and traces the step of a run's last batch, on copies of the state; where that cannot be done, says why. */
export async function inspectStep(inspection: RunInspection): Promise<StepAnatomy | { readonly problem: string }> {
  const { model, plan, state, batches } = inspection;
  const batch = batches.at(-1)!;
  try {
    // A step of the model's own has been rehearsed: it has run.
    const traces = await profileStep(model, plan, state, batch, RUNS, () => {});
    const { graph: recorded, inputs } = await recordAsWritten(inspection);
    return {
      graph: layerGraph(recorded, inputs),
      profile: new Profile(`Profile of ${model.describe()}`, traces, () => {}),
      bytes: { ...stepBytes(inspection, recorded), peak: Math.max(...traces.traces.map(({ peakBytes }) => peakBytes)) },
      examples: batch.size,
    };
  } catch (error) {
    // Whatever the model's code throws when it is run out of its turn: a training is worth more than its report.
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The graph in the order of the model's code: other passes move ops from one layer to behind the next. */
async function recordAsWritten({ model, plan, state, batches }: RunInspection) {
  const batch = toDeviceBatch(batches.at(-1)!);
  try {
    return await withLearningRates(state, async (learningRates) => {
      const { x, y, sampleWeight } = batch;
      const named = Object.entries({ x, y, 'sample weight': sampleWeight }).filter(
        ([, tensor]) => tensor !== undefined,
      );
      const rates = [...learningRates.values()];
      const graph = recordSteadily([...rates, ...named.map(([, tensor]) => tensor!)], () =>
        Object.values(trainStep(model, plan, state, { batch, learningRates }, false)),
      );
      const inputs = [...rates.map(() => ''), ...named.map(([name]) => name)];
      return { graph: removeDeadNodes(mergeCasts(graph)), inputs };
    });
  } finally {
    disposeBatch(batch);
  }
}

function stepBytes({ model, state, batches }: RunInspection, graph: RecordedGraph): Omit<StepBytes, 'peak'> {
  const weights = [...model.weightTree()].map(([, weight]) => weight);
  const bytes = (shapes: readonly (readonly number[])[]): number =>
    shapes.reduce((sum, shape) => sum + 4 * sizeOf(shape), 0);
  const { x, y, sampleWeight } = batches.at(-1)!;
  const kept = keptForBackward(graph).filter(({ node }) => !graph.arguments.includes(node));
  return {
    parameters: bytes(weights.map(({ handle }) => handle.shape)),
    gradients: bytes(weights.filter(({ trainable }) => trainable).map(({ handle }) => handle.shape)),
    optimizerState: bytes(state.trainedVariables().map(({ shape }) => shape)),
    batch: bytes([x, y, sampleWeight].flatMap((array) => (array === undefined ? [] : [array.shape]))),
    activations: kept.reduce((sum, { node, index }) => sum + bytesOf(node.outputs[index]!), 0),
  };
}
