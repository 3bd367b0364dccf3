import type { NativeFunction } from '../ffi/native-function.js';
import { engine } from '../start-engine.js';
import type { Tensor } from '../tfjs.js';
import { chooseSettings, settingsFor, type Choice } from './choose-settings.js';
import { defineFunction } from './define-function.js';
import { matmulOfMatrices } from './matmul-of-matrices.js';
import { mergeCasts } from './merge-casts.js';
import { mergeConstants } from './merge-constants.js';
import type { GraphPass, RecordedGraph } from './recorded-graph.js';
import { recordSteadily } from './record-steadily.js';
import { reluAfterPooling } from './relu-after-pooling.js';
import { removeDeadNodes } from './remove-dead-nodes.js';
import { repeatGraph } from './repeat-graph.js';
import { sumBeforePooling } from './sum-before-pooling.js';

/** In the order in which they run. */
const PASSES: readonly GraphPass[] = [
  mergeCasts,
  removeDeadNodes,
  mergeConstants,
  matmulOfMatrices,
  reluAfterPooling,
  sumBeforePooling,
];

/** Runs `fn` as {@link RecordedFunction.record} does, for its graph alone. */
export function recordGraph(inputs: readonly Tensor[], fn: () => Tensor[]): RecordedGraph {
  return PASSES.reduce((result, pass) => pass(result), recordSteadily(inputs, fn));
}

/** A function of tensors that was run once and written down, and is from then on run by TensorFlow alone. */
export class RecordedFunction {
  private choice: Choice | undefined;

  private constructor(
    readonly name: string,
    readonly graph: RecordedGraph,
    private readonly native: NativeFunction,
  ) {}

  /**
   * Runs `fn`, twice to see that it does the same, commits nothing, and makes a TensorFlow function of what it did.
   *
   * @param inputs - tensors that become arguments: `fn` uses these very tensors
   * @throws TraceError where `fn` does what cannot be written down
   */
  static record(name: string, inputs: readonly Tensor[], fn: () => Tensor[]): RecordedFunction {
    const graph = recordGraph(inputs, fn);
    return new RecordedFunction(name, graph, defineFunction(name, graph));
  }

  /** How long a call takes, where a trial told: at the first call of a small graph. */
  get milliseconds(): number | undefined {
    return this.choice?.milliseconds;
  }

  /** This function `times` times, one after the other, as one: it takes all inputs of the first time, then of the second. */
  repeat(times: number): RecordedFunction {
    const name = `${this.name}_times_${times}`;
    const graph = repeatGraph(this.graph, times);
    const repeated = new RecordedFunction(name, graph, defineFunction(name, graph));
    if (this.choice !== undefined) {
      const milliseconds = (this.choice.milliseconds ?? Infinity) * times;
      repeated.choice = { settings: settingsFor(this.choice.settings.executor, milliseconds), milliseconds };
    }
    return repeated;
  }

  /** Runs the function; the caller owns the results. */
  async call(inputs: readonly Tensor[]): Promise<Tensor[]> {
    const { backend } = engine();
    const ids = inputs.map((tensor) => backend.nativeId(tensor));
    this.choice ??= await chooseSettings(this.name, this.graph, ids);
    const made = await this.native.call(ids, this.choice.settings);
    backend.binding.counts.functionCalls++;
    return made.map((metadata) => backend.createOutputTensor(metadata));
  }

  dispose(): void {
    this.native.delete();
  }
}
