import { EngineError, TraceError } from '../../core/errors.js';
import { NativeFunction } from '../ffi/native-function.js';
import { engine } from '../start-engine.js';
import type { Tensor } from '../tfjs.js';
import { encodeGraphDef } from './graph-def.js';
import { mergeConstants } from './merge-constants.js';
import type { GraphPass, RecordedGraph } from './recorded-graph.js';
import { Recorder } from './recorder.js';
import { removeDeadNodes } from './remove-dead-nodes.js';

/** In the order in which they run. */
const PASSES: readonly GraphPass[] = [removeDeadNodes, mergeConstants];

let recorded = 0;

/** A function of tensors that was run once and written down, and is from then on run by TensorFlow alone. */
export class RecordedFunction {
  private constructor(
    readonly graph: RecordedGraph,
    private readonly native: NativeFunction,
  ) {}

  /**
   * Runs `fn` once, commits nothing, and makes a TensorFlow function of what it did.
   *
   * @param name - for TensorFlow's messages and traces
   * @param inputs - tensors that become arguments: `fn` uses these very tensors
   * @throws TraceError where `fn` does what cannot be written down
   */
  static record(name: string, inputs: readonly Tensor[], fn: () => Tensor[]): RecordedFunction {
    const { binding } = engine().backend;
    const raw = new Recorder(inputs).record(fn);
    const graph = PASSES.reduce((result, pass) => pass(result), raw);
    const { bytes, names } = encodeGraphDef(graph, binding);
    try {
      const native = NativeFunction.define(binding, {
        name: `${name.replace(/\W/g, '_')}_${recorded++}`,
        graph: bytes,
        arguments: graph.arguments.map((node) => names.get(node)!),
        results: graph.results.map(({ node, index }) => [names.get(node)!, index]),
      });
      return new RecordedFunction(graph, native);
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind !== 'function-definition') throw error;
      throw new TraceError('no-graph-form', {
        where: name,
        expected: 'ops that have a form in a graph',
        received: error.received,
        fix: "run it op by op: execution: 'eager'",
        cause: error,
      });
    }
  }

  /** Runs the function off the event loop; the caller owns the results. */
  async call(inputs: readonly Tensor[]): Promise<Tensor[]> {
    const { backend } = engine();
    const made = await this.native.call(inputs.map((tensor) => backend.nativeId(tensor)));
    return made.map((metadata) => backend.createOutputTensor(metadata));
  }

  dispose(): void {
    this.native.delete();
  }
}
