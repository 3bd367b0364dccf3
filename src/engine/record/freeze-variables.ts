import { TraceError } from '../../core/errors.js';
import { liveVariables } from '../live-variables.js';
import { engine } from '../start-engine.js';
import type { Variable } from '../variable.js';
import type { GraphNode, RecordedGraph } from './recorded-graph.js';
import { hasEffect } from './recorded-graph.js';

/**
 * The same graph with the variables' values of now as constants.
 *
 * @throws TraceError [not-frozen] where a variable is written, or used otherwise than read as a whole
 */
export function freezeVariables(graph: RecordedGraph, where: string): RecordedGraph {
  const variables = new Map(
    [...liveVariables.values()].map((live) => [(live as Variable).sharedName, live as Variable]),
  );
  const constants = new Map<GraphNode, GraphNode>();
  const replaced = new Map<GraphNode, GraphNode>();
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    if (node.op === 'VarHandleOp') continue;
    const handle = node.inputs.find(({ node: input }) => input.op === 'VarHandleOp')?.node;
    if (hasEffect(node) || (handle !== undefined && node.op !== 'ReadVariableOp')) {
      throw new TraceError('not-frozen', {
        where,
        expected: 'a computation that reads its variables as a whole, and writes none',
        received: `op ${node.op}${node.path === '' ? '' : ` of layer "${node.path}"`}`,
      });
    }
    if (handle === undefined) {
      const inputs = node.inputs.map(({ node: input, index }) => ({ node: replaced.get(input) ?? input, index }));
      const copy: GraphNode = { ...node, inputs, controls: [] };
      replaced.set(node, copy);
      nodes.push(copy);
      continue;
    }
    let constant = constants.get(handle);
    if (constant === undefined) {
      const name = handle.attributes.find((attribute) => attribute.name === 'shared_name')!.value as string;
      constant = constantOf(node, variables.get(name)!);
      constants.set(handle, constant);
      nodes.push(constant);
    }
    replaced.set(node, constant);
  }
  return {
    arguments: graph.arguments.map((node) => replaced.get(node)!),
    nodes,
    results: graph.results.map(({ node, index }) => ({ node: replaced.get(node)!, index })),
  };
}

function constantOf(read: GraphNode, variable: Variable): GraphNode {
  const { backend } = engine();
  const value = variable.read();
  try {
    const content = backend.binding.readContent(backend.nativeId(value));
    return {
      ...read,
      op: 'Const',
      attributes: [],
      inputs: [],
      controls: [],
      constant: { ...read.outputs[0]!, content },
    };
  } finally {
    value.dispose();
  }
}
