import { sizeOf } from '../../core/shape.js';
import { bytesPerElement } from '../ffi/data-types.js';
import { LEAVES } from './run-comparison.js';
import type { GraphNode, GraphOutput, OutputSpec, RecordedGraph } from './recorded-graph.js';

/** Ops whose result is their first input's memory. */
const ALIASES: ReadonlySet<string> = new Set([
  'Identity',
  'Reshape',
  'ExpandDims',
  'Squeeze',
  'StopGradient',
  'PreventGradient',
]);

/** Whether a node's result is its input's memory. */
export function isAlias({ op }: GraphNode): boolean {
  return ALIASES.has(op);
}

/** Where the memory of a tensor comes from: reshapes share it. */
export function originOf(output: GraphOutput): GraphOutput {
  let origin = output;
  while (isAlias(origin.node)) origin = origin.node.inputs[0]!;
  return origin;
}

/** Bytes of a result. */
export function bytesOf({ type, shape }: OutputSpec): number {
  return sizeOf(shape) * bytesPerElement(type);
}

/** The results of the forward pass that the backward pass reads; constants, arguments and variables' values apart. */
export function keptForBackward(graph: RecordedGraph): GraphOutput[] {
  const kept = new Map<GraphNode, Map<number, GraphOutput>>();
  for (const { phase, inputs } of graph.nodes) {
    if (phase !== 'backward') continue;
    for (const input of inputs) {
      const origin = originOf(input);
      if (origin.node.phase !== 'forward' || origin.node.op === 'ReadVariableOp') continue;
      if (LEAVES.has(origin.node.op) && origin.node.op !== 'Placeholder') continue;
      const outputs = kept.get(origin.node) ?? new Map<number, GraphOutput>();
      kept.set(origin.node, outputs.set(origin.index, origin));
    }
  }
  return [...kept.values()].flatMap((outputs) => [...outputs.values()]);
}

/** Operations of an op: two for each multiplication of a product or convolution, else some for each number it makes. */
export function operationsOf({ op, inputs, outputs, attributes }: GraphNode): number {
  const made = outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const shapeOf = (index: number): readonly number[] => inputs[index]!.node.outputs[inputs[index]!.index]!.shape;
  if (/MatMul/.test(op) && inputs.length >= 2) {
    const turned = attributes.some(({ name, value }) => /^(adj_x|transpose_a)$/.test(name) && value === true);
    return 2 * made * shapeOf(0).at(turned ? -2 : -1)!;
  }
  if (/^Conv[23]D$/.test(op)) return 2 * made * sizeOf(shapeOf(1).slice(0, -1));
  if (op === 'Conv2DBackpropInput') return 2 * sizeOf(shapeOf(2)) * sizeOf(shapeOf(1).slice(0, -1));
  // Takes twice the time of the other gradient, as traced on a CPU.
  if (op === 'Conv2DBackpropFilter') return 4 * sizeOf(shapeOf(2)) * sizeOf(outputs[0]!.shape.slice(0, -1));
  if (op === 'DepthwiseConv2dNative') return 2 * made * sizeOf(shapeOf(1).slice(0, 2));
  return LEAVES.has(op) || ALIASES.has(op) ? 0 : OPERATIONS_PER_NUMBER * made;
}

/** An elementwise op is bound by memory: a number costs it what so many multiplications cost a product. */
const OPERATIONS_PER_NUMBER = 16;
