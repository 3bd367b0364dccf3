import { LEAVES } from '../../engine/record/run-comparison.js';
import { hasEffect, readsState } from '../../engine/record/recorded-graph.js';
import type { GraphNode, GraphOutput, RecordedGraph } from '../../engine/record/recorded-graph.js';

/** A layer in the forward pass, or ops between layers. */
export interface GraphBox {
  /** Path of the layer; `''` for ops outside of layers, and for the model's inputs. */
  readonly path: string;
  readonly label: string;
  /** Names of the ops, in the order in which they first run. */
  readonly ops: readonly string[];
}

/** A tensor that goes from one box to another; boxes by their index. */
export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly shape: readonly number[];
}

/** The forward pass of a step, layer by layer, in the order in which the layers run. */
export interface LayerGraph {
  readonly boxes: readonly GraphBox[];
  readonly edges: readonly GraphEdge[];
}

/** More are drawn by the containers that they stand in. */
const MOST_BOXES = 120;
/** Ops that say nothing about what a layer computes. */
const PLUMBING = /^(Identity|Reshape|Cast|NoOp|StopGradient|PreventGradient|ExpandDims|Squeeze|Shape|Pack)$/;

/**
 * Sums a recorded step up to a graph of layers.
 *
 * @param inputs - names of the graph's arguments, e.g. `x`; an argument without a name is left out
 */
export function layerGraph(graph: RecordedGraph, inputs: readonly string[]): LayerGraph {
  const deepest = Math.max(1, ...graph.nodes.map(({ path }) => path.split('/').length));
  for (let depth = deepest; ; depth--) {
    const summed = sumUp(graph, inputs, depth);
    if (depth === 1 || summed.boxes.length <= MOST_BOXES) return summed;
  }
}

function sumUp(graph: RecordedGraph, inputs: readonly string[], depth: number): LayerGraph {
  const boxes: { key: string; path: string; label: string; ops: Set<string> }[] = [];
  const edges = new Map<string, GraphEdge>();
  const boxOf = new Map<GraphNode, number>();
  const stages = stagesOf(graph, depth);
  const nameOf = new Map(graph.arguments.map((node, i) => [node, inputs[i] ?? '']));
  for (const node of graph.nodes) {
    const name = nameOf.get(node) ?? '';
    // What does not come from the batch, such as a constant or a weight, belongs to the box that uses it.
    const comesFromBatch = name !== '' || node.inputs.some((input) => boxOf.has(input.node));
    if (node.phase !== 'forward' || !comesFromBatch || hasEffect(node) || readsState(node.op)) continue;
    const path = cut(node.path, depth);
    const key = name === '' ? (path === '' ? `stage ${stages.get(node)!}` : `layer ${path}`) : `input ${name}`;
    let box = boxes.findIndex((other) => other.key === key);
    if (box < 0) {
      box = boxes.length;
      boxes.push({ key, path, label: name === '' ? path : name, ops: new Set() });
    }
    boxOf.set(node, box);
    if (name === '' && !PLUMBING.test(node.op)) boxes[box]!.ops.add(node.op);
    for (const input of node.inputs) addEdge(edges, boxOf.get(input.node), box, input);
  }
  return { boxes: boxes.map(({ path, label, ops }) => ({ path, label, ops: [...ops] })), edges: [...edges.values()] };
}

function addEdge(
  edges: Map<string, GraphEdge>,
  from: number | undefined,
  to: number,
  { node, index }: GraphOutput,
): void {
  if (from === undefined || from === to) return;
  const { shape } = node.outputs[index]!;
  const key = `${from} ${to} ${shape.join()}`;
  if (!edges.has(key)) edges.set(key, { from, to, shape });
}

/** How many borders between layers and other ops lie before an op: ops outside of layers are taken together by it. */
function stagesOf(graph: RecordedGraph, depth: number): Map<GraphNode, number> {
  const stages = new Map<GraphNode, number>();
  for (const node of graph.nodes) {
    const path = cut(node.path, depth);
    const before = node.inputs.map(({ node: input }) => {
      const stage = stages.get(input) ?? 0;
      return LEAVES.has(input.op) || cut(input.path, depth) === path ? stage : stage + 1;
    });
    stages.set(node, Math.max(0, ...before));
  }
  return stages;
}

function cut(path: string, depth: number): string {
  return path.split('/').slice(0, depth).join('/');
}
