import { expect } from '@jest/globals';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import type { GraphNode, RecordedGraph } from '../../src/engine/record/recorded-graph.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';

/** What is alive: a leak shows as a difference. */
export function alive(): { tensors: number; handles: number; variables: number } {
  const { tensors, handles, variables } = engine().counters();
  return { tensors, handles, variables };
}

/** A tensor as type, shape and bytes: equal texts mean equal bits. */
export function bitsOf(tensor: Tensor): string {
  const { backend } = engine();
  const content = [backend.binding.readContent(backend.nativeId(tensor))].flat() as Uint8Array[];
  const bytes = content.map((part) => Buffer.from(part).toString('hex')).join(' ');
  return `${tensor.dtype} [${tensor.shape.join(', ')}] ${bytes}`;
}

/** Calls a recorded function and gives its results as numbers; nothing is left behind. */
export async function valuesOf(recorded: RecordedFunction, ...inputs: Tensor[]): Promise<number[][]> {
  const outputs = await recorded.call(inputs);
  const values = outputs.map((output) => Array.from(output.dataSync()));
  tf.dispose(outputs);
  return values;
}

/** The bits of what `fn` gives run op by op, and run from a recording of it. */
export async function inBothModes(
  inputs: readonly Tensor[],
  fn: () => Tensor[],
): Promise<{ eager: string[]; recorded: string[] }> {
  const results = tf.tidy(() => fn());
  const eager = results.map(bitsOf);
  tf.dispose(results);
  const recordedFunction = RecordedFunction.record('both_modes', inputs, () => tf.tidy(() => fn()));
  try {
    const outputs = await recordedFunction.call(inputs);
    const recorded = outputs.map(bitsOf);
    tf.dispose(outputs);
    return { eager, recorded };
  } finally {
    recordedFunction.dispose();
  }
}

/** Softmax and products of matrices round otherwise once recorded; a few units in the last place of float32. */
const ROUNDING = 2e-6;

/** Compares a recorded result with the eager one. */
export function expectSameNumbers(actual: Tensor, wanted: Tensor): void {
  expect([actual.dtype, actual.shape]).toEqual([wanted.dtype, wanted.shape]);
  const [a, b] = [actual.dataSync(), wanted.dataSync()];
  const scale = Math.max(...Array.from(b, Math.abs), Number.MIN_VALUE);
  for (const [i, value] of a.entries()) expect(Math.abs(value - b[i]!)).toBeLessThanOrEqual(ROUNDING * scale);
}

/** Names of a graph's ops, in order. */
export function opsOf({ nodes }: RecordedGraph): string[] {
  return nodes.map(({ op }) => op);
}

export function nodesOf({ nodes }: RecordedGraph, op: string): GraphNode[] {
  return nodes.filter((node) => node.op === op);
}

/** What a function throws. */
export function thrownBy(fn: () => unknown): Error {
  try {
    fn();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
