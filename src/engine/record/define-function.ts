import { EngineError, TraceError } from '../../core/errors.js';
import { NativeFunction } from '../ffi/native-function.js';
import { engine } from '../start-engine.js';
import { encodeGraphDef } from './graph-def.js';
import { hasEffect, type RecordedGraph } from './recorded-graph.js';

let defined = 0;

/**
 * Makes a TensorFlow function of a graph.
 *
 * @param name - for TensorFlow's messages and traces
 * @throws TraceError [no-graph-form]
 */
export function defineFunction(name: string, graph: RecordedGraph): NativeFunction {
  const { binding } = engine().backend;
  const { bytes, names } = encodeGraphDef(graph, binding);
  try {
    return NativeFunction.define(binding, {
      name: `${name.replace(/\W/g, '_')}_${defined++}`,
      graph: bytes,
      arguments: graph.arguments.map((node) => names.get(node)!),
      argumentTypes: graph.arguments.map((node) => node.outputs[0]!.type),
      results: graph.results.map(({ node, index }) => [names.get(node)!, index]),
      resultTypes: graph.results.map(({ node, index }) => node.outputs[index]!.type),
      // Named one by one: run by the op that takes an executor, a function drops what no output needs, in silence.
      effects: graph.nodes.filter(hasEffect).map((node) => names.get(node)!),
    });
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
