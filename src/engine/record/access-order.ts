import type { GraphNode } from './recorded-graph.js';

/** Keeps the reads and writes of each variable in the order in which they were made, by control edges. */
export class AccessOrder<Variable> {
  private readonly last = new Map<Variable, { write: GraphNode | undefined; reads: GraphNode[] }>();

  /** Lets `node` wait for what it must not overtake. */
  add(node: GraphNode, variable: Variable, isRead: boolean): void {
    const { write, reads } = this.last.get(variable) ?? { write: undefined, reads: [] };
    const earlier = isRead ? [write] : [write, ...reads];
    const controls = new Set([...node.controls, ...earlier.filter((other) => other !== undefined)]);
    controls.delete(node);
    node.controls = [...controls];
    this.last.set(variable, isRead ? { write, reads: [...reads, node] } : { write: node, reads: [] });
  }
}
