import type { Phase, Scope } from '../../core/path-scope.js';
import type { OpAttribute } from '../ffi/op-attributes.js';

/** Dtype and shape of one result of a node. */
export interface OutputSpec {
  /** `TF_DataType` of the native tensor. */
  readonly type: number;
  readonly shape: readonly number[];
}

/** One result of a node. */
export interface GraphOutput {
  readonly node: GraphNode;
  readonly index: number;
}

/** The bytes of a constant, row-major; strings as separate byte arrays. */
export interface ConstantValue extends OutputSpec {
  readonly content: Uint8Array | readonly Uint8Array[];
}

/** An op that the recorder saw, with the layer that ran it. */
export interface GraphNode {
  op: string;
  attributes: readonly OpAttribute[];
  inputs: readonly GraphOutput[];
  /** Nodes that must have run before this one, beyond what its inputs say. */
  controls: readonly GraphNode[];
  outputs: readonly OutputSpec[];
  /** Path of the layer whose call ran the op, `''` outside of layers. */
  path: string;
  /** Part of the step that the op belongs to; in the backward pass, `path` is the layer that is differentiated. */
  readonly phase: Phase;
  /** What of the step it computes, where that has a name: see `Scope`. */
  readonly part?: string;
  /** Only in constants. */
  readonly constant?: ConstantValue;
}

/** What was recorded: arguments, nodes in the order in which they ran, and results. */
export interface RecordedGraph {
  readonly arguments: readonly GraphNode[];
  readonly nodes: readonly GraphNode[];
  readonly results: readonly GraphOutput[];
}

/** A pass: a graph to an equivalent one. */
export type GraphPass = (graph: RecordedGraph) => RecordedGraph;

/** What of the step is computed in a scope: its named part, else the custom rule that runs there. */
export function partOf({ part, rule }: Scope): string | undefined {
  return part ?? rule;
}

/** Ops that write a resource or have another effect that must take place though nothing uses a result. */
export function hasEffect(node: GraphNode): boolean {
  return /^(Assign.*VariableOp|ResourceApply.*|ResourceScatter.*|ResourceSparseApply.*|Write.*Summary|.*Print.*|Assert)$/.test(
    node.op,
  );
}

/** Ops that take a variable's handle and leave its value as it is. */
export function readsState(op: string): boolean {
  return op === 'ReadVariableOp' || op === 'ResourceGather' || op === 'VariableShape';
}
