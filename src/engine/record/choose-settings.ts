import { DEFAULT_SETTINGS, type NativeFunction, type RunSettings } from '../ffi/native-function.js';
import { DATA_TYPES } from '../ffi/data-types.js';
import { engine, engineOptions } from '../start-engine.js';
import { sizeOf } from '../../core/shape.js';
import { defineFunction } from './define-function.js';
import { hasEffect, type RecordedGraph } from './recorded-graph.js';
import { removeDeadNodes } from './remove-dead-nodes.js';

/** Graphs that compute more elements than this are not tried: their ops are worth spreading over threads. */
const SMALL_GRAPH_ELEMENTS = 2_000_000;
/** Handing a call to another thread costs some 20 us: below this share of the work it is worth it. */
const SYNCHRONOUS_BELOW_MS = 0.5;
/** Making the trial of a graph of more ops takes longer than it can save. */
const MOST_OPS = 5000;
const WARM_UP_RUNS = 3;
const TIMED_RUNS = 15;
/** A setting must win by more than noise. */
const CLEARLY_FASTER = 0.97;

const CANDIDATES: readonly RunSettings[] = [
  { executor: 'default', synchronous: true },
  { executor: 'SINGLE_THREADED_EXECUTOR', synchronous: true },
];

/** How to run a function, and how long it then takes where that was measured. */
export interface Choice {
  readonly settings: RunSettings;
  readonly milliseconds: number | undefined;
}

/** Settings for a function that takes so long by that executor. */
export function settingsFor(executor: RunSettings['executor'], milliseconds: number): RunSettings {
  return { executor, synchronous: milliseconds < SYNCHRONOUS_BELOW_MS };
}

/**
 * Finds how a small graph runs fastest, by a short trial on a variant that writes no state, among settings whose
 * results are equal to the bit; one in half precision keeps the default. Large graphs, and `useEngine({ deterministic: true })`, take the defaults.
 */
export async function chooseSettings(name: string, graph: RecordedGraph, inputIds: readonly number[]): Promise<Choice> {
  const isLarge = graph.nodes.length > MOST_OPS || countElements(graph) > SMALL_GRAPH_ELEMENTS;
  if (engineOptions().deterministic === true || isLarge) {
    return { settings: DEFAULT_SETTINGS, milliseconds: undefined };
  }
  const candidates = computesInHalf(graph) ? CANDIDATES.slice(0, 1) : CANDIDATES;
  const trial = defineFunction(`${name}_trial`, withoutEffects(graph));
  try {
    const times = candidates.map(() => [] as number[]);
    const results: Uint8Array[][] = [];
    for (const settings of candidates) results.push(await contentOf(trial, inputIds, settings));
    for (let run = 0; run < WARM_UP_RUNS + TIMED_RUNS; run++) {
      for (const [i, settings] of candidates.entries()) {
        const start = performance.now();
        release(await trial.call(inputIds, settings));
        if (run >= WARM_UP_RUNS) times[i]!.push(performance.now() - start);
      }
    }
    const medians = times.map((list) => list.sort((a, b) => a - b)[TIMED_RUNS >> 1]!);
    const isFaster = candidates.length > 1 && medians[1]! < CLEARLY_FASTER * medians[0]!;
    const best = isFaster && equalBits(results[0]!, results[1]!) ? 1 : 0;
    const milliseconds = medians[best]!;
    return { settings: settingsFor(candidates[best]!.executor, milliseconds), milliseconds };
  } finally {
    trial.delete();
  }
}

/**
 * TensorFlow fuses a product, its bias and its activation under one executor and not under the other, which rounds once
 * or three times: what is equal on the trial's inputs is not on others, and the same program would give other numbers
 * when another executor won.
 */
function computesInHalf(graph: RecordedGraph): boolean {
  return graph.nodes.some(({ outputs }) =>
    outputs.some(({ type }) => type === DATA_TYPES.bfloat16 || type === DATA_TYPES.float16),
  );
}

function countElements(graph: RecordedGraph): number {
  return graph.nodes.reduce(
    (sum, node) => sum + node.outputs.reduce((total, { shape }) => total + sizeOf(shape), 0),
    0,
  );
}

/** The same computation, with what would be written to state as results. */
function withoutEffects(graph: RecordedGraph): RecordedGraph {
  const written = graph.nodes
    .filter(hasEffect)
    .flatMap(({ inputs }) => inputs.filter(({ node, index }) => node.outputs[index]!.type !== DATA_TYPES.resource));
  const effects = new Set(graph.nodes.filter(hasEffect));
  const nodes = graph.nodes.filter((node) => !effects.has(node));
  return removeDeadNodes(detached({ ...graph, nodes, results: [...graph.results, ...written] }, effects));
}

/** A copy of the graph whose nodes wait for none of `gone`; the original stays as it is. */
function detached(graph: RecordedGraph, gone: ReadonlySet<object>): RecordedGraph {
  const copies = new Map(graph.nodes.map((node) => [node, { ...node }]));
  for (const copy of copies.values()) {
    copy.inputs = copy.inputs.map(({ node, index }) => ({ node: copies.get(node)!, index }));
    copy.controls = copy.controls.filter((control) => !gone.has(control)).map((control) => copies.get(control)!);
  }
  return {
    arguments: graph.arguments.map((node) => copies.get(node)!),
    nodes: [...copies.values()],
    results: graph.results.map(({ node, index }) => ({ node: copies.get(node)!, index })),
  };
}

async function contentOf(
  trial: NativeFunction,
  inputIds: readonly number[],
  settings: RunSettings,
): Promise<Uint8Array[]> {
  const { binding } = engine().backend;
  const made = await trial.call(inputIds, settings);
  const content = made.map(({ id }) => binding.readContent(id)).flat();
  release(made);
  return content;
}

function release(made: readonly { readonly id: number }[]): void {
  for (const { id } of made) engine().backend.binding.deleteTensor(id);
}

function equalBits(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, i) => Buffer.compare(bytes, b[i]!) === 0);
}
