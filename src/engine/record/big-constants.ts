import type { GraphNode, RecordedGraph } from './recorded-graph.js';

/** Larger constants are worth a word: each signature holds a copy of its own. */
const BIG_BYTES = 2 ** 20;

/** A big constant in a graph, with the op that takes it. */
export interface BigConstant {
  readonly bytes: number;
  readonly shape: readonly number[];
  /** First op that takes it. */
  readonly op: string;
  /** Path of the layer that runs that op, `''` outside of layers. */
  readonly path: string;
}

/** The constants above 1 MiB, largest first. */
export function bigConstants(graph: RecordedGraph): BigConstant[] {
  const users = new Map<GraphNode, GraphNode>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) if (!users.has(input.node)) users.set(input.node, node);
  }
  return graph.nodes
    .flatMap((node) => {
      const bytes = sizeOf(node);
      if (bytes <= BIG_BYTES) return [];
      const { op, path } = users.get(node) ?? node;
      return [{ bytes, shape: node.outputs[0]!.shape, op, path }];
    })
    .sort((a, b) => b.bytes - a.bytes);
}

function sizeOf({ constant }: GraphNode): number {
  if (constant === undefined) return 0;
  return [constant.content].flat().reduce((sum: number, part) => sum + (part as Uint8Array).length, 0);
}
