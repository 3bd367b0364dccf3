import { sizeOf } from '../../core/shape.js';
import { bytesPerElement } from '../ffi/data-types.js';
import { isAlias, originOf } from './graph-memory.js';
import { hasEffect, type GraphNode, type GraphOutput, type RecordedGraph } from './recorded-graph.js';
import { LEAVES } from './run-comparison.js';

/** Two recordings of one step, with batches of two sizes: what a step of any batch size takes lies on the line. */
export class StepMemory {
  private readonly sizes = new Map<GraphNode, (batch: number) => readonly number[]>();

  constructor(
    private readonly graph: RecordedGraph,
    batch: number,
    other: RecordedGraph,
    otherBatch: number,
  ) {
    const [ours, theirs] = [graph, other].map(({ nodes }) => nodes.filter(({ op }) => !LEAVES.has(op)));
    ours!.forEach((node, i) => {
      const twin = theirs![i];
      this.sizes.set(node, (at) =>
        node.outputs.map(({ type, shape }, index) => {
          const here = sizeOf(shape);
          const there = sizeOf(twin?.outputs[index]?.shape ?? shape);
          const numbers = here + ((there - here) * (at - batch)) / (otherBatch - batch);
          return Math.max(numbers, 0) * bytesPerElement(type);
        }),
      );
    });
  }

  /** Bytes of a result in a step of so many examples. */
  bytes({ node, index }: GraphOutput, batch: number): number {
    return this.sizes.get(node)?.(batch)[index] ?? 0;
  }

  /**
   * The most that the ops of a step hold at once, weights, state and batch apart.
   *
   * The ops run one by one in the order in which they become ready, updates when nothing else is. Reshapes and reads take nothing, an elementwise op
   * takes over an input that nobody else reads, and a tensor is freed after its last reader.
   */
  peak(batch: number): number {
    const { readers, waiting } = dependenciesOf(this.graph);
    const left = new Map<GraphNode, number[]>();
    const at = ({ node, index }: GraphOutput): number => left.get(node)?.[index] ?? Infinity;
    const use = ({ node, index }: GraphOutput, change: number): void => {
      const counts = left.get(node) ?? node.outputs.map(() => 0);
      left.set(node, counts);
      counts[index] = (counts[index] ?? 0) + change;
    };
    for (const node of this.graph.nodes) if (!isAlias(node)) for (const input of node.inputs) use(originOf(input), 1);
    for (const result of this.graph.results) use(originOf(result), 1);

    let held = 0;
    let peak = 0;
    const ready = this.graph.nodes.filter((node) => waiting.get(node) === 0);
    const updates: GraphNode[] = [];
    const take = (): GraphNode | undefined => {
      for (let node = ready.shift(); node !== undefined; node = ready.shift()) {
        if (node.phase !== 'update') return node;
        updates.push(node);
      }
      return updates.shift();
    };
    for (let node = take(); node !== undefined; node = take()) {
      const origins = isAlias(node) ? [] : node.inputs.map(originOf);
      const sizes = this.sizes.get(node)?.(batch) ?? [];
      const taken = new Set<number>();
      const isFree = isAlias(node) || node.op === 'ReadVariableOp' || hasEffect(node);
      sizes.forEach((bytes, index) => {
        if (isFree) return;
        const given = IN_PLACE.test(node.op)
          ? origins.findIndex((origin, i) => !taken.has(i) && at(origin) === 1 && this.isOwn(origin) && this.bytes(origin, batch) === bytes)
          : -1;
        if (given >= 0) {
          // The input's memory goes on as the output's.
          taken.add(given);
          held -= this.bytes(origins[given]!, batch);
        }
        held += bytes;
        if (!((left.get(node)?.[index] ?? 0) > 0)) use({ node, index }, 0);
      });
      peak = Math.max(peak, held);
      origins.forEach((origin, i) => {
        use(origin, -1);
        if (at(origin) === 0 && this.isOwn(origin) && !taken.has(i) && !keepsValue(node, i)) held -= this.bytes(origin, batch);
      });
      if (!isFree) {
        sizes.forEach((bytes, index) => {
          if (at({ node, index }) === 0) held -= bytes;
        });
      }
      for (const reader of readers.get(node) ?? []) {
        const more = waiting.get(reader)! - 1;
        waiting.set(reader, more);
        if (more === 0) ready.push(reader);
      }
    }
    return peak;
  }

  private isOwn({ node }: GraphOutput): boolean {
    return !LEAVES.has(node.op) && node.op !== 'ReadVariableOp';
  }
}

/** Ops whose kernels write over an input that nobody else reads. */
const IN_PLACE =
  /^(Relu|Relu6|Elu|Selu|LeakyRelu|Sigmoid|Tanh|Softplus|Softsign|Exp|Log|Log1p|Expm1|Erf|Neg|Abs|Square|Sqrt|Rsqrt|Inv|Reciprocal|Sign|Floor|Ceil|Sin|Cos|Cast|Add|AddV2|AddN|Sub|Mul|MulNoNan|Div|RealDiv|DivNoNan|Maximum|Minimum|Pow|SquaredDifference|BiasAdd|ReluGrad|Relu6Grad|EluGrad|TanhGrad|SigmoidGrad|SqrtGrad|RsqrtGrad|SoftplusGrad|Softmax|LogSoftmax|SelectV2|Select|ClipByValue|FusedBatchNormGradV3)$/;

/** Whether a variable takes the input over as its new value. */
function keepsValue(node: GraphNode, input: number): boolean {
  return node.op === 'AssignVariableOp' && input === 1;
}

function dependenciesOf(graph: RecordedGraph) {
  const readers = new Map<GraphNode, GraphNode[]>();
  const waiting = new Map<GraphNode, number>();
  for (const node of graph.nodes) {
    const before = new Set([...node.inputs.map((input) => input.node), ...node.controls]);
    waiting.set(node, before.size);
    for (const other of before) {
      const list = readers.get(other);
      if (list === undefined) readers.set(other, [node]);
      else list.push(node);
    }
  }
  return { readers, waiting };
}
