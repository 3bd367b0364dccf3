import { DATA_TYPES } from '../ffi/data-types.js';
import type { ConstantValue, GraphNode, GraphOutput, RecordedGraph } from './recorded-graph.js';

/** Nodes that are told apart by what they are, not by when they were written down. */
export const LEAVES: ReadonlySet<string> = new Set(['Const', 'Placeholder', 'VarHandleOp']);

/** Compares the ops of one run with those of an earlier one, as they come. */
export class RunComparison {
  private readonly earlier: readonly GraphNode[];
  private readonly positions = new Map<GraphNode, number | string>();
  private count = 0;

  /** @param argumentNodes - arguments of the run that is compared */
  constructor(
    private readonly before: RecordedGraph,
    argumentNodes: readonly GraphNode[],
  ) {
    this.earlier = before.nodes.filter(({ op }) => !LEAVES.has(op));
    this.earlier.forEach((node, i) => this.positions.set(node, i));
    for (const nodes of [before.arguments, argumentNodes]) {
      nodes.forEach((node, i) => this.positions.set(node, `argument ${i}`));
    }
  }

  /** What is different about the next op; `undefined` where nothing is. */
  next(node: GraphNode): string | undefined {
    if (LEAVES.has(node.op)) return undefined;
    const other = this.earlier[this.count];
    this.positions.set(node, this.count++);
    if (other === undefined) return `op ${node.op}, which an earlier run did not come to`;
    if (other.op !== node.op) return `op ${other.op} in one run and ${node.op} in the next`;
    if (JSON.stringify(other.attributes) !== JSON.stringify(node.attributes)) {
      return `op ${node.op} with ${JSON.stringify(other.attributes)} in one run and ${JSON.stringify(node.attributes)} in the next`;
    }
    return this.inputs(`op ${node.op}`, other.inputs, node.inputs);
  }

  /** What is different about the end of the run. */
  end(results: readonly GraphOutput[]): string | undefined {
    const missing = this.earlier[this.count];
    if (missing !== undefined) return `op ${missing.op} in one run, and none in its place in the next`;
    return this.inputs('a result', this.before.results, results);
  }

  private inputs(what: string, before: readonly GraphOutput[], now: readonly GraphOutput[]): string | undefined {
    if (before.length !== now.length)
      return `${what} of ${before.length} tensors in one run and ${now.length} in the next`;
    for (const [i, { node, index }] of now.entries()) {
      const other = before[i]!;
      const [a, b] = [other.node.constant, node.constant];
      if (a !== undefined && b !== undefined) {
        const change = changed(a, b);
        if (change !== undefined) return `${what} on ${change}`;
      } else if (this.nameOf(other.node) !== this.nameOf(node) || other.index !== index) {
        return `${what} on another tensor`;
      }
    }
    return undefined;
  }

  private nameOf(node: GraphNode): number | string | undefined {
    if (node.op === 'VarHandleOp') return String(node.attributes.find(({ name }) => name === 'shared_name')!.value);
    return this.positions.get(node);
  }
}

/** How one constant differs from another: `the number 3 in one run and 4 in the next`. */
function changed(a: ConstantValue, b: ConstantValue): string | undefined {
  const [first, second] = [a, b].map(({ type, shape }) => `${type} [${shape.join(', ')}]`);
  if (first !== second)
    return `a constant of shape [${a.shape.join(', ')}] in one run and [${b.shape.join(', ')}] in the next`;
  const [one, two] = [bytesOf(a), bytesOf(b)];
  if (Buffer.compare(one, two) === 0) return undefined;
  const [before, after] = [numbersOf(a.type, one), numbersOf(b.type, two)];
  if (before === undefined || after === undefined) return 'a constant that changes from run to run';
  const at = before.findIndex((value, i) => !Object.is(value, after[i]));
  return `the number ${before[at]} in one run and ${after[at]} in the next`;
}

function bytesOf({ content }: ConstantValue): Buffer {
  return Buffer.concat([content].flat() as Uint8Array[]);
}

function numbersOf(type: number, bytes: Buffer): number[] | undefined {
  // A copy, because a view needs an aligned start.
  const { buffer } = Uint8Array.from(bytes);
  if (type === DATA_TYPES.float32) return Array.from(new Float32Array(buffer));
  if (type === DATA_TYPES.float64) return Array.from(new Float64Array(buffer));
  return type === DATA_TYPES.int32 ? Array.from(new Int32Array(buffer)) : undefined;
}
