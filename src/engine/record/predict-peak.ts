import { rngKey, uniform } from '../../core/rng-key.js';
import { sizeOf } from '../../core/shape.js';
import { bytesPerElement } from '../ffi/data-types.js';
import { isAlias, operationsOf, originOf } from './graph-memory.js';
import { hasEffect, type GraphNode, type GraphOutput, type RecordedGraph } from './recorded-graph.js';
import { LEAVES } from './run-comparison.js';

/** Two recordings of one step, with batches of two sizes: what a step of any batch size takes lies on the line. */
export class StepMemory {
  private readonly sizes = new Map<GraphNode, (batch: number) => readonly number[]>();
  private readonly operations = new Map<GraphNode, (batch: number) => number>();

  constructor(
    private readonly graph: RecordedGraph,
    batch: number,
    other: RecordedGraph,
    otherBatch: number,
  ) {
    const [ours, theirs] = [graph, other].map(({ nodes }) => nodes.filter(({ op }) => !LEAVES.has(op)));
    ours!.forEach((node, i) => {
      const twin = theirs![i];
      const line = (here: number, there: number, at: number): number =>
        Math.max(here + ((there - here) * (at - batch)) / (otherBatch - batch), 0);
      this.sizes.set(node, (at) =>
        node.outputs.map(({ type, shape }, index) => {
          const here = sizeOf(shape);
          const there = sizeOf(twin?.outputs[index]?.shape ?? shape);
          return line(here, there, at) * bytesPerElement(type);
        }),
      );
      this.operations.set(
        node,
        (at) => OPERATIONS_PER_OP + line(operationsOf(node), operationsOf(twin ?? node), at) + operationsOfUpdate(node),
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
   * How long ops take differs from run to run, and with it which of them are held at once: several runs are followed, and
   * the highest counts.
   */
  peak(batch: number): number {
    const copies = copyingUpdates(this.graph);
    const peaks = Array.from({ length: RUNS }, (_, run) => {
      const scales = uniform(rngKey(run, 'memory'), this.graph.nodes.length);
      return this.peakOfRun(batch, copies, (i) => (run === 0 ? 1 : MOST_SCALE ** (2 * scales[i]! - 1)));
    });
    return Math.max(...peaks);
  }

  /**
   * Two ops run at a time, each as long as it has operations, in the order in which they become ready. Reshapes and reads
   * take nothing, an elementwise op takes over an input that nobody else reads, and a tensor is freed after its last
   * reader. What kernels need for themselves while they run is not known.
   *
   * @param scaleOf - factor of the time that the op at this place takes
   */
  private peakOfRun(batch: number, copies: ReadonlySet<GraphNode>, scaleOf: (index: number) => number): number {
    const places = new Map(this.graph.nodes.map((node, i) => [node, i]));
    const timeOf = (node: GraphNode): number =>
      isAlias(node) ? 0 : (this.operations.get(node)?.(batch) ?? 0) * scaleOf(places.get(node)!);
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
    const start = (node: GraphNode): readonly number[] => {
      const sizes = this.sizes.get(node)?.(batch) ?? [];
      if (isAlias(node) || node.op === 'ReadVariableOp') return [];
      if (hasEffect(node)) {
        held += copies.has(node) ? bytesOfVariable(node) : 0;
        peak = Math.max(peak, held);
        return [];
      }
      const origins = node.inputs.map(originOf);
      const taken: number[] = [];
      sizes.forEach((bytes, index) => {
        const isFit = (origin: GraphOutput, i: number): boolean =>
          !taken.includes(i) && at(origin) === 1 && this.isOwn(origin) && this.bytes(origin, batch) === bytes;
        const given = IN_PLACE.test(node.op) ? origins.findIndex(isFit) : -1;
        // The input's memory goes on as the output's.
        if (given >= 0) taken.push(given);
        else held += bytes;
        use({ node, index }, 0);
      });
      peak = Math.max(peak, held);
      return taken;
    };
    const end = (node: GraphNode, taken: readonly number[]): void => {
      if (!isAlias(node)) {
        node.inputs.map(originOf).forEach((origin, i) => {
          use(origin, -1);
          const isFreed = at(origin) === 0 && this.isOwn(origin) && !taken.includes(i) && !keepsValue(node, i);
          if (isFreed) held -= this.bytes(origin, batch);
        });
      }
      node.outputs.forEach((_, index) => {
        if (at({ node, index }) === 0) held -= this.bytes({ node, index }, batch);
      });
    };

    const ready = this.graph.nodes.filter((node) => waiting.get(node) === 0);
    const running: { readonly node: GraphNode; readonly until: number; readonly taken: readonly number[] }[] = [];
    let now = 0;
    while (ready.length > 0 || running.length > 0) {
      while (ready.length > 0 && running.length < WORKERS) {
        const node = ready.shift()!;
        running.push({ node, until: now + timeOf(node), taken: start(node) });
      }
      const first = running.reduce((a, b) => (b.until < a.until ? b : a));
      running.splice(running.indexOf(first), 1);
      now = first.until;
      end(first.node, first.taken);
      for (const reader of readers.get(first.node) ?? []) {
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

const WORKERS = 2;
const FLOAT_BYTES = 4;
/** Runs that are followed. */
const RUNS = 16;
/** An op takes from half to twice the time that its operations say. */
const MOST_SCALE = 2;
/** What it takes to start an op, as a number of operations. */
const OPERATIONS_PER_OP = 1e5;
const OPERATIONS_PER_UPDATE = 16;

/** Ops whose kernels write over an input that nobody else reads. */
const IN_PLACE =
  /^(Relu|Relu6|Elu|Selu|LeakyRelu|Sigmoid|Tanh|Softplus|Softsign|Exp|Log|Log1p|Expm1|Erf|Neg|Abs|Square|Sqrt|Rsqrt|Inv|Reciprocal|Sign|Floor|Ceil|Sin|Cos|Cast|Add|AddV2|AddN|Sub|Mul|MulNoNan|Div|RealDiv|DivNoNan|Maximum|Minimum|Pow|SquaredDifference|BiasAdd|ReluGrad|Relu6Grad|EluGrad|TanhGrad|SigmoidGrad|SqrtGrad|RsqrtGrad|SoftplusGrad|Softmax|LogSoftmax|SelectV2|Select|ClipByValue|FusedBatchNormGradV3)$/;

/**
 * The updates that may come while an op still reads the variable's old value: reading shares memory, so that it is copied.
 * Such a reader is none of the ops that the update waits for.
 */
function copyingUpdates({ nodes }: RecordedGraph): Set<GraphNode> {
  const readers = new Map<GraphNode, GraphNode[]>();
  for (const node of nodes) {
    for (const { node: input } of node.inputs.map(originOf)) {
      if (input.op !== 'ReadVariableOp' || isAlias(node)) continue;
      const handle = input.inputs[0]!.node;
      readers.set(handle, [...(readers.get(handle) ?? []), node]);
    }
  }
  return new Set(
    nodes.filter((update) => {
      if (sizeOfVariable(update) === 0) return false;
      const before = new Set<GraphNode>([update]);
      for (const node of before)
        for (const input of [...node.inputs.map((input) => input.node), ...node.controls]) before.add(input);
      return (readers.get(update.inputs[0]!.node) ?? []).some((reader) => !before.has(reader));
    }),
  );
}

function sizeOfVariable({ op, inputs }: GraphNode): number {
  const shape = inputs[0]?.node.attributes.find(({ name }) => name === 'shape')?.value as readonly number[] | undefined;
  return op.startsWith('ResourceApply') && shape !== undefined ? sizeOf(shape) : 0;
}

function bytesOfVariable(node: GraphNode): number {
  return FLOAT_BYTES * sizeOfVariable(node);
}

function operationsOfUpdate(node: GraphNode): number {
  return OPERATIONS_PER_UPDATE * sizeOfVariable(node);
}

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
