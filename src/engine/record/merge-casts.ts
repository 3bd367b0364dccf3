import { DATA_TYPES } from '../ffi/data-types.js';
import type { GraphNode, GraphOutput, RecordedGraph } from './recorded-graph.js';

/**
 * Casts each tensor to a type once, however many ops want it there, takes a number that went from half precision to float32
 * and back as what it was, and casts a truth value straight to where it went by way of float32. All are exact.
 */
export function mergeCasts(graph: RecordedGraph): RecordedGraph {
  const stands = new Map<GraphNode, GraphOutput>();
  const known = new Map<GraphNode, Map<string, GraphOutput>>();
  const actual = (output: GraphOutput): GraphOutput => stands.get(output.node) ?? output;
  for (const node of graph.nodes) {
    node.inputs = node.inputs.map(actual);
    node.controls = node.controls.map((control) => stands.get(control)?.node ?? control);
    if (node.op !== 'Cast') continue;
    const [input] = node.inputs as readonly [GraphOutput];
    const origin = input.node.op === 'Cast' && isWidening(input.node) ? input.node.inputs[0]! : input;
    const type = node.outputs[0]!.type;
    if (typeOf(origin) === type) {
      stands.set(node, origin);
      continue;
    }
    if (input.node.op === 'Cast' && typeOf(input.node.inputs[0]!) === DATA_TYPES.bool) readDirectly(node, input.node);
    const [source] = node.inputs as readonly [GraphOutput];
    const casts = known.get(source.node) ?? new Map<string, GraphOutput>();
    known.set(source.node, casts);
    const key = `${source.index} ${type} ${JSON.stringify(node.attributes)}`;
    const earlier = casts.get(key);
    if (earlier === undefined) casts.set(key, { node, index: 0 });
    else stands.set(node, earlier);
  }
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => !stands.has(node)),
    results: graph.results.map(actual),
  };
}

function readDirectly(node: GraphNode, earlier: GraphNode): void {
  node.inputs = earlier.inputs;
  node.attributes = node.attributes.map((attribute) =>
    attribute.name === 'SrcT' ? { ...attribute, value: DATA_TYPES.bool } : attribute,
  );
}

/** Whether every number is kept: from half precision to float32. */
function isWidening(cast: GraphNode): boolean {
  const from = typeOf(cast.inputs[0]!);
  return cast.outputs[0]!.type === DATA_TYPES.float32 && (from === DATA_TYPES.bfloat16 || from === DATA_TYPES.float16);
}

function typeOf({ node, index }: GraphOutput): number {
  return node.outputs[index]!.type;
}
