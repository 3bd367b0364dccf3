import { AGAIN_PART } from '../core/path-scope.js';
import type { Origin } from '../engine/record/non-finite-origin.js';
import { handlesOf, sourcesOf, type Place } from '../engine/record/node-values.js';
import { hasEffect, type GraphNode } from '../engine/record/recorded-graph.js';
import { sharedNameOf } from '../engine/record/run-on-copies.js';
import { liveVariables } from '../engine/live-variables.js';
import type { Variable } from '../engine/variable.js';
import { argumentNames, type PastStep } from './replay-step.js';

/** How many ops a gradient takes from the forward op's input to where it divides, at most. */
const NEAR = 6;
/** Ops whose gradient is infinite somewhere. */
const SINGULAR: ReadonlySet<string> = new Set(['Log', 'Sqrt', 'Rsqrt', 'Acos', 'Asin', 'Acosh', 'Atanh']);

/** What the values of a run are called, for people. */
export class StepNames {
  private readonly args: readonly string[];
  private readonly sources: readonly (readonly Place[])[];
  /** Paths of weights and names of all else, by the shared names of their variables. */
  private readonly variables = new Map<string, { readonly name: string; readonly isWeight: boolean }>();
  private readonly weights: readonly string[];

  constructor(
    step: PastStep,
    private readonly nodes: readonly GraphNode[],
  ) {
    this.args = argumentNames(step);
    this.sources = sourcesOf(nodes);
    for (const variable of liveVariables.values() as Iterable<Variable>) {
      this.variables.set(variable.sharedName, { name: variable.name, isWeight: false });
    }
    const weights = [...step.model.weightTree()];
    this.weights = weights.map(([path]) => path);
    for (const [path, { handle }] of weights) {
      this.variables.set(handle.variable.sharedName, { name: path, isWeight: true });
    }
  }

  /** What the argument at a position is. */
  argument(position: number): string {
    return this.args[position]!;
  }

  isWeight(position: number): boolean {
    return this.variable(this.nodes[position]!).isWeight;
  }

  /** A value: `weight dense/kernel`, `x`, `Square of dense`. */
  of({ position, slot }: Place): string {
    const node = this.nodes[position]!;
    if (node.op === 'Placeholder') return this.argument(position);
    if (node.op === 'Const') return 'constant';
    const handle = node.op === 'VarHandleOp' ? node : hasEffect(node) ? handlesOf(node)[slot] : undefined;
    const read = handle ?? (node.op === 'ReadVariableOp' ? handlesOf(node)[0] : undefined);
    if (read !== undefined) {
      const { name, isWeight } = this.variable(read);
      return `${isWeight ? 'weight' : 'state'} ${name}${hasEffect(node) ? ' after the update' : ''}`;
    }
    const place = node.path !== '' ? ` of ${node.path}` : node.part === undefined ? '' : ` of ${node.part}`;
    return `${node.op}${place}`;
  }

  /** The one weight that a value of the update is for, or the name of the state; `''` for none or several. */
  weightOf(position: number): string {
    const node = this.nodes[position]!;
    const [own] = node.op === 'VarHandleOp' ? [node] : handlesOf(node);
    if (own !== undefined) return this.weightBehind(own);
    const found = new Set<string>();
    const reached = new Set([position]);
    for (let i = position + 1; i < this.nodes.length; i++) {
      if (!this.sources[i]!.some((source) => reached.has(source.position))) continue;
      const later = this.nodes[i]!;
      if (hasEffect(later)) found.add(this.weightBehind(handlesOf(later)[0]!));
      else if (later.phase === 'update') reached.add(i);
    }
    return found.size === 1 ? [...found][0]! : '';
  }

  /** The forward op whose gradient an op of the backward pass belongs to, where it is one that has no gradient somewhere. */
  differentiated({ node, sources }: Origin): string {
    if (node.phase !== 'backward') return '';
    let edge = sources.map(({ position }) => position);
    for (let hop = 0; hop < NEAR; hop++) {
      const near = new Set(edge);
      const found = this.nodes.find(
        (other, i) =>
          SINGULAR.has(other.op) &&
          other.path === node.path &&
          this.isForward(other) &&
          this.sources[i]!.some(({ position }) => near.has(position)),
      );
      if (found !== undefined) return found.op;
      edge = edge.flatMap((position) => this.sources[position]!.map((place) => place.position));
    }
    return '';
  }

  private isForward({ phase, part }: GraphNode): boolean {
    return phase === 'forward' || part === AGAIN_PART;
  }

  private variable(handle: GraphNode): { readonly name: string; readonly isWeight: boolean } {
    const sharedName = sharedNameOf(handle);
    return this.variables.get(sharedName) ?? { name: sharedName, isWeight: false };
  }

  /** A slot's weight. */
  private weightBehind(handle: GraphNode): string {
    const { name } = this.variable(handle);
    return this.weights.find((path) => name === path || name.startsWith(`optimizer/${path}/`)) ?? name;
  }
}
