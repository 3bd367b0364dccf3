import { bytesPerElement, isFloat } from '../ffi/data-types.js';
import { hasEffect, type GraphNode, type OutputSpec } from './recorded-graph.js';

/** What kinds of non-finite numbers a value has. */
export interface Flags {
  readonly nan: boolean;
  readonly infinite: boolean;
}

/**
 * A value in a run of nodes: by the position of its node, and which of the node's values it is. Nodes that write variables
 * have the values that they leave there; a variable's handle has the value from before the run.
 */
export interface Place {
  readonly position: number;
  readonly slot: number;
}

/** A value in host memory. */
export interface NodeValue extends OutputSpec {
  readonly values: Float64Array;
}

/** Nodes in the order in which they ran, and for each of its values whether it is finite. */
export interface FlaggedRun {
  readonly nodes: readonly GraphNode[];
  readonly flags: readonly (readonly Flags[])[];
}

export const ALL_FINITE: Flags = { nan: false, infinite: false };

/** The handles among a node's inputs. */
export function handlesOf(node: GraphNode): GraphNode[] {
  return node.inputs.flatMap(({ node: input }) => (input.op === 'VarHandleOp' ? [input] : []));
}

/** Dtype and shape of each value of a node. */
export function slotsOf(node: GraphNode): readonly OutputSpec[] {
  if (node.op === 'VarHandleOp') return [heldBy(node)];
  return hasEffect(node) ? handlesOf(node).map(heldBy) : node.outputs;
}

/** Whether a value of this type can be other than finite. */
export function canBeNonFinite({ type, shape }: OutputSpec): boolean {
  return isFloat(type) && bytesPerElement(type) > 0 && !shape.includes(0);
}

/** For each node the values that it is computed from. */
export function sourcesOf(nodes: readonly GraphNode[]): Place[][] {
  const positions = new Map(nodes.map((node, i) => [node, i]));
  const held = new Map<GraphNode, Place>();
  return nodes.map((node, position) => {
    const inputs = node.op === 'AssignVariableOp' ? node.inputs.slice(1) : node.inputs;
    const sources = inputs.map(({ node: input, index }) =>
      input.op === 'VarHandleOp' ? held.get(input)! : { position: positions.get(input)!, slot: index },
    );
    if (node.op === 'VarHandleOp') held.set(node, { position, slot: 0 });
    if (hasEffect(node)) handlesOf(node).forEach((handle, slot) => held.set(handle, { position, slot }));
    return sources;
  });
}

export function isBad({ nan, infinite }: Flags): boolean {
  return nan || infinite;
}

export function flagsAt({ flags }: Pick<FlaggedRun, 'flags'>, { position, slot }: Place): Flags {
  return flags[position]?.[slot] ?? ALL_FINITE;
}

function heldBy(handle: GraphNode): OutputSpec {
  const value = (name: string) => handle.attributes.find((attribute) => attribute.name === name)!.value;
  return { type: value('dtype') as number, shape: value('shape') as readonly number[] };
}
