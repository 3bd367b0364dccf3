import type { Phase } from '../../core/path-scope.js';
import type { SessionRun } from '../ffi/traced-session.js';
import type { Tensor } from '../tfjs.js';
import { hasEffect, type GraphNode, type RecordedGraph } from './recorded-graph.js';
import { runOnCopies, sharedNameOf } from './run-on-copies.js';
import { decodeStepStats, type NodeStats } from './step-stats.js';

/** What one node of a graph took in one run. */
export interface TracedOp {
  /** Name of the node that TensorFlow ran. */
  readonly name: string;
  /** Op that TensorFlow ran; it may have fused several into one. */
  readonly op: string;
  /** The layer that the node belongs to, `''` outside of layers. */
  readonly path: string;
  /** Name of the variable that it reads or writes, `''` for none. */
  readonly variable: string;
  /** `undefined` for a node that TensorFlow added. */
  readonly phase: Phase | undefined;
  /** Since the first op of the run. */
  readonly startMicroseconds: number;
  readonly microseconds: number;
  /** Memory that it allocated. */
  readonly bytes: number;
  /** What of that was held at the moment when the run held most. */
  readonly bytesAtPeak: number;
}

/** One traced run. */
export interface GraphTrace {
  readonly ops: readonly TracedOp[];
  /** The most memory that ops of the run held at once; variables and arguments, which were there before, apart. */
  readonly peakBytes: number;
}

/** Runs of a graph with copies of the variables. */
export interface GraphTraces {
  /** Milliseconds of each run without tracing. */
  readonly milliseconds: readonly number[];
  /** Paths of layers in the order in which they first ran an op. */
  readonly paths: readonly string[];
  readonly traces: readonly GraphTrace[];
}

/**
 * Runs a graph in a session of its own, which has copies of the variables' values and writes nothing back.
 *
 * @param inputs - the graph's arguments
 * @param runs - how many runs are timed, and again how many traced
 */
export async function traceGraph(
  name: string,
  graph: RecordedGraph,
  inputs: readonly Tensor[],
  runs: number,
): Promise<GraphTraces> {
  return runOnCopies(`trace of ${name}`, graph, async ({ session, names, feeds }) => {
    const step: SessionRun = {
      feeds: feeds(inputs),
      fetches: graph.results.map(({ node, index }) => [names.get(node)!, index]),
      targets: graph.nodes.filter(hasEffect).map((node) => names.get(node)!),
    };
    const find = finder(new Map(graph.nodes.map((node) => [names.get(node)!, node])));
    // Optimises the graph, and lets the variables part with the memory that they share with the real ones.
    await session.trace(step);
    await session.run(step);
    const milliseconds: number[] = [];
    const traces: GraphTrace[] = [];
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      await session.run(step);
      milliseconds.push(performance.now() - start);
      traces.push(readTrace(decodeStepStats(await session.trace(step)), find));
    }
    return { milliseconds, paths: [...new Set(graph.nodes.map(({ path }) => path))], traces };
  });
}

/** Finds the recorded node behind the name of one that was run; the names that TensorFlow makes up contain ours. */
function finder(nodes: ReadonlyMap<string, GraphNode>): (name: string) => GraphNode | undefined {
  const found = new Map<string, GraphNode | undefined>();
  const longestFirst = [...nodes.keys()].sort((a, b) => b.length - a.length);
  return (name) => {
    if (nodes.has(name)) return nodes.get(name);
    if (!found.has(name)) {
      const inside = longestFirst.find((known) => containsName(name, known));
      found.set(name, inside === undefined ? undefined : nodes.get(inside));
    }
    return found.get(name);
  };
}

/** Whether `known` stands in `name` as a whole: `Conv2D_1` is not in `Conv2D_12`. */
function containsName(name: string, known: string): boolean {
  for (let at = name.indexOf(known); at >= 0; at = name.indexOf(known, at + 1)) {
    if (!/\d/.test(name[at + known.length] ?? '') && !/[A-Za-z0-9.]/.test(name[at - 1] ?? '')) return true;
  }
  return false;
}

function readTrace(stats: readonly NodeStats[], find: (name: string) => GraphNode | undefined): GraphTrace {
  const { peakBytes, held } = peakOf(stats);
  const first = Math.min(...stats.map(({ startMicroseconds }) => startMicroseconds));
  const ops = stats.map((node): TracedOp => {
    const recorded = find(node.name);
    return {
      name: node.name,
      op: node.op === '' ? (recorded?.op ?? '') : node.op,
      path: recorded?.path ?? '',
      variable: variableOf(recorded),
      phase: recorded?.phase,
      startMicroseconds: node.startMicroseconds - first,
      microseconds: node.microseconds,
      bytes: node.allocations.reduce((sum, { bytes }) => sum + Math.max(0, bytes), 0),
      bytesAtPeak: held.get(node) ?? 0,
    };
  });
  return { ops, peakBytes };
}

function variableOf(node: GraphNode | undefined): string {
  const handle = node?.inputs.find(({ node: input }) => input.op === 'VarHandleOp')?.node;
  return handle === undefined ? '' : sharedNameOf(handle).replace(/#\d+$/, '');
}

/** The largest sum of what was allocated and not yet given back, and who held how much of it then. */
function peakOf(stats: readonly NodeStats[]): { peakBytes: number; held: Map<NodeStats, number> } {
  const events = stats
    .flatMap((node) => node.allocations.map((allocation) => ({ node, ...allocation })))
    .sort((a, b) => a.atMicroseconds - b.atMicroseconds);
  let live = 0;
  let peakBytes = 0;
  let end = 0;
  for (const [i, { bytes }] of events.entries()) {
    live += bytes;
    if (live <= peakBytes) continue;
    peakBytes = live;
    end = i + 1;
  }
  const held = new Map<NodeStats, number>();
  for (const { node, bytes } of events.slice(0, end)) held.set(node, (held.get(node) ?? 0) + bytes);
  return { peakBytes, held };
}
