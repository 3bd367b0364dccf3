import { AccessOrder } from './access-order.js';
import { readsState, type GraphNode, type GraphOutput, type RecordedGraph } from './recorded-graph.js';

/**
 * A graph that does what `graph` does `times` times, one after the other: its arguments and results are those of the
 * first time, then of the second, and so on. Each time sees the state that the one before has left.
 */
export function repeatGraph(graph: RecordedGraph, times: number): RecordedGraph {
  const nodes: GraphNode[] = [];
  const shared = new Map<GraphNode, GraphNode>();
  const order = new AccessOrder<GraphNode>();
  const outcome = { arguments: [] as GraphNode[], nodes, results: [] as GraphOutput[] };
  for (let time = 0; time < times; time++) {
    const copies = new Map<GraphNode, GraphNode>();
    const copyOf = ({ node, index }: GraphOutput): GraphOutput => ({ node: copies.get(node)!, index });
    for (const node of graph.nodes) {
      const isShared = node.constant !== undefined || node.op === 'VarHandleOp';
      let copy = isShared ? shared.get(node) : undefined;
      if (copy === undefined) {
        const controls = node.controls.map((control) => copies.get(control)!);
        nodes.push((copy = { ...node, inputs: node.inputs.map(copyOf), controls }));
        if (isShared) shared.set(node, copy);
        for (const { node: input } of copy.inputs) {
          if (input.op === 'VarHandleOp') order.add(copy, input, readsState(node.op));
        }
      }
      copies.set(node, copy);
    }
    outcome.arguments.push(...graph.arguments.map((node) => copies.get(node)!));
    outcome.results.push(...graph.results.map(copyOf));
  }
  return outcome;
}
