import { hasEffect, type GraphNode, type RecordedGraph } from './recorded-graph.js';

/** Leaves out what neither a result nor an effect needs: tfjs computes values that nobody asks for. */
export function removeDeadNodes(graph: RecordedGraph): RecordedGraph {
  const live = new Set<GraphNode>();
  const pending = [...graph.arguments, ...graph.results.map(({ node }) => node), ...graph.nodes.filter(hasEffect)];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (live.has(node)) continue;
    live.add(node);
    for (const { node: input } of node.inputs) pending.push(input);
    // An order between state reads and writes keeps nothing alive that has no effect of its own.
    for (const control of node.controls) if (hasEffect(control)) pending.push(control);
  }
  const nodes = graph.nodes.filter((node) => live.has(node));
  for (const node of nodes) node.controls = node.controls.filter((control) => live.has(control));
  return { ...graph, nodes };
}
