import Table from 'cli-table3';
import type { Phase } from '../core/path-scope.js';
import type { GraphTraces, TracedOp } from '../engine/record/trace-graph.js';

/** Part of a step that an op belongs to; `graph` for what TensorFlow added when it optimised the graph. */
export type ProfilePhase = Phase | 'graph';

/** What one op of a step took. */
export interface OpProfile {
  /** Name of the node in the graph that TensorFlow ran, `body/conv2d/Conv2D_3`. */
  readonly name: string;
  /** The op that TensorFlow ran, which may stand for several that it fused: `_FusedConv2D`. */
  readonly op: string;
  /** Path of the layer that the op, or the gradient that it computes, belongs to; `''` outside of layers. */
  readonly path: string;
  /** Name of the weight or other variable that the op reads or writes, `''` for none. */
  readonly variable: string;
  readonly phase: ProfilePhase;
  /** From the step's first op to this one, median over the runs. */
  readonly startMicroseconds: number;
  /** Median over the runs. */
  readonly microseconds: number;
  /** Part of the sum over all ops, 0 to 1. */
  readonly share: number;
  /** Memory that the op allocated. */
  readonly bytes: number;
  /** What of it was held when the step held most. */
  readonly bytesAtPeak: number;
}

/** What all ops of a layer took. */
export interface LayerProfile {
  /** Path of the layer; `(outside layers)`, `(update)` and `(graph)` for the rest. */
  readonly path: string;
  readonly forwardMicroseconds: number;
  readonly backwardMicroseconds: number;
  /** Forward, backward and, in `(update)` and `(graph)`, the rest. */
  readonly microseconds: number;
  /** Part of the sum over all ops, 0 to 1. */
  readonly share: number;
  /** Memory that the ops allocated. */
  readonly bytes: number;
  /** What of it was held when the step held most. */
  readonly bytesAtPeak: number;
}

const OUTSIDE = '(outside layers)';
const UPDATE = '(update)';
const GRAPH = '(graph)';

/**
 * Where the time and the memory of a training step go, op by op and layer by layer; made by `model.profile`.
 *
 * Ops run side by side on several threads and then take longer each: their sum may exceed the step. Times are the
 * processor's; on a GPU they end when a kernel is launched.
 *
 * @example
 * ```ts
 * import { layers, sequential, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 64, activation: 'relu' }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
 * const profile = await model.profile(tf.ones([32, 100]), tf.ones([32, 1]));
 * console.log(profile.layers.map(({ path }) => path)); // ['dense', 'dense_1', '(outside layers)', '(update)', ...]
 * console.log(profile.table({ ops: 5 }));
 * model.dispose();
 * ```
 */
export class Profile {
  /** Milliseconds of one step without tracing, median over the runs. */
  readonly stepMilliseconds: number;
  /** Sum of what the ops took, in milliseconds. */
  readonly opMilliseconds: number;
  /** The most memory that the step held at once; weights, state and the batch, which were there before, apart. */
  readonly peakBytes: number;
  /** The slowest first. */
  readonly ops: readonly OpProfile[];
  /** In the order in which they ran, then the rest of the step. */
  readonly layers: readonly LayerProfile[];
  readonly #print: (text: string) => void;

  /**
   * @param title - first line of the tables
   * @param print - where {@link Profile.print} writes
   * @internal
   */
  constructor(
    readonly title: string,
    { milliseconds, traces, paths }: GraphTraces,
    print: (text: string) => void,
  ) {
    this.stepMilliseconds = median(milliseconds);
    this.peakBytes = median(traces.map(({ peakBytes }) => peakBytes));
    const ops = overRuns(traces.map((trace) => trace.ops));
    const total = ops.reduce((sum, { microseconds }) => sum + microseconds, 0);
    this.opMilliseconds = total / 1000;
    this.ops = ops
      .map((op) => ({ ...op, share: total === 0 ? 0 : op.microseconds / total }))
      .sort((a, b) => b.microseconds - a.microseconds);
    this.layers = byLayer(this.ops, paths);
    this.#print = print;
  }

  /**
   * The slowest ops and all layers as two tables.
   *
   * @param options - `ops`: how many ops are listed, default 15
   */
  table({ ops = 15 }: { readonly ops?: number } = {}): string {
    const slowest = newTable(['op', 'layer or weight', 'phase', 'time (µs)', '% of ops', 'allocated']);
    for (const op of this.ops.slice(0, ops)) {
      slowest.push([
        op.op,
        op.path || op.variable,
        op.phase,
        micros(op.microseconds),
        percent(op.share),
        bytes(op.bytes),
      ]);
    }
    const layers = newTable(['layer', 'forward (µs)', 'backward (µs)', 'all (µs)', '% of ops', 'allocated', 'at peak']);
    for (const layer of this.layers) {
      layers.push([
        layer.path,
        micros(layer.forwardMicroseconds),
        micros(layer.backwardMicroseconds),
        micros(layer.microseconds),
        percent(layer.share),
        bytes(layer.bytes),
        bytes(layer.bytesAtPeak),
      ]);
    }
    return [
      this.title,
      `One step ${this.stepMilliseconds.toFixed(2)} ms; its ${this.ops.length} ops ${this.opMilliseconds.toFixed(2)} ms, ` +
        `some side by side; at most ${bytes(this.peakBytes)} held beside weights and batch`,
      slowest.toString(),
      layers.toString(),
    ].join('\n');
  }

  /** The same as {@link Profile.table}. */
  toString(): string {
    return this.table();
  }

  /**
   * Prints the tables.
   *
   * @param print - where the text goes; default the logger
   */
  print(print: (text: string) => void = this.#print): void {
    print(this.table());
  }
}

/** One entry for each node: the medians over the runs. */
function overRuns(runs: readonly (readonly TracedOp[])[]): Omit<OpProfile, 'share'>[] {
  const byName = new Map<string, TracedOp[][]>();
  for (const [run, ops] of runs.entries()) {
    for (const op of ops) {
      let entry = byName.get(op.name);
      if (entry === undefined) byName.set(op.name, (entry = runs.map(() => [])));
      entry[run]!.push(op);
    }
  }
  return [...byName].map(([name, perRun]) => {
    const present = perRun.filter((ops) => ops.length > 0);
    const { op, path, variable, phase = 'graph' } = present[0]![0]!;
    // A node inside a loop runs several times a step.
    const sum = (of: (traced: TracedOp) => number) =>
      median(present.map((ops) => ops.reduce((total, traced) => total + of(traced), 0)));
    return {
      name,
      op,
      path,
      variable,
      phase,
      startMicroseconds: median(present.map(([first]) => first!.startMicroseconds)),
      microseconds: sum(({ microseconds }) => microseconds),
      bytes: sum((traced) => traced.bytes),
      bytesAtPeak: sum(({ bytesAtPeak }) => bytesAtPeak),
    };
  });
}

function byLayer(ops: readonly OpProfile[], paths: readonly string[]): LayerProfile[] {
  const groups = new Map<string, OpProfile[]>();
  for (const path of [...paths.filter((path) => path !== ''), OUTSIDE, UPDATE, GRAPH]) groups.set(path, []);
  for (const op of ops) groups.get(groupOf(op))!.push(op);
  return [...groups]
    .filter(([, members]) => members.length > 0)
    .map(([path, members]) => {
      const sum = (of: (op: OpProfile) => number, kept = members) => kept.reduce((total, op) => total + of(op), 0);
      const time = (phase: ProfilePhase) =>
        sum(
          ({ microseconds }) => microseconds,
          members.filter((op) => op.phase === phase),
        );
      return {
        path,
        forwardMicroseconds: time('forward'),
        backwardMicroseconds: time('backward'),
        microseconds: sum(({ microseconds }) => microseconds),
        share: sum(({ share }) => share),
        bytes: sum((op) => op.bytes),
        bytesAtPeak: sum(({ bytesAtPeak }) => bytesAtPeak),
      };
    });
}

function groupOf({ path, phase }: OpProfile): string {
  if (path !== '') return path;
  if (phase === 'update') return UPDATE;
  return phase === 'graph' ? GRAPH : OUTSIDE;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function newTable(head: string[]): InstanceType<typeof Table> {
  const colAligns = head.map(
    (name) => (/^(op|layer|layer or weight|phase)$/.test(name) ? 'left' : 'right') as 'left' | 'right',
  );
  return new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
}

function micros(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}

function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} kB` : `${(count / 1024 / 1024).toFixed(1)} MB`;
}
