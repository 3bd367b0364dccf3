import { createHash } from 'node:crypto';
import type { ConstantValue, GraphNode, RecordedGraph } from './recorded-graph.js';

/** Keeps one of several equal constants; tfjs writes the same scalars and shapes again and again. */
export function mergeConstants(graph: RecordedGraph): RecordedGraph {
  const first = new Map<string, GraphNode>();
  const stands = new Map<GraphNode, GraphNode>();
  for (const node of graph.nodes) {
    if (node.constant === undefined) continue;
    const key = fingerprint(node.constant);
    const known = first.get(key);
    if (known === undefined) first.set(key, node);
    else stands.set(node, known);
  }
  const nodes = graph.nodes.filter((node) => !stands.has(node));
  for (const node of nodes) {
    node.inputs = node.inputs.map((input) => ({ node: stands.get(input.node) ?? input.node, index: input.index }));
    node.controls = node.controls.map((control) => stands.get(control) ?? control);
  }
  const results = graph.results.map(({ node, index }) => ({ node: stands.get(node) ?? node, index }));
  return { ...graph, nodes, results };
}

function fingerprint({ type, shape, content }: ConstantValue): string {
  const parts = content instanceof Uint8Array || ArrayBuffer.isView(content) ? [content as Uint8Array] : content;
  const hash = createHash('sha1').update(`${type}:${shape.join(',')}:${parts.map(({ length }) => length).join(',')};`);
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}
