import { gatherRows } from '../data/gather-rows.js';
import type { Batch } from '../data/example.js';
import type { NodeValue } from '../engine/record/node-values.js';

/** More are not listed. */
const MOST_EXAMPLES = 16;
/** Runs that a search may take. */
const MOST_RUNS = 200;
/** Examples that are tried by themselves first: where each is faulty, so are probably all. */
const SAMPLES = 4;

/** Indices of the examples that cause a fault, `'all'` where it does not depend on single ones. */
export type FaultyExamples = readonly number[] | 'all';

/**
 * Finds the examples of a batch that cause a fault, by running the step on batches of the same size that are filled with
 * some of the examples only.
 *
 * @param output - the value that is not finite
 * @param isFaulty - whether the same op makes non-finite values for another batch
 */
export async function findFaultyExamples(
  batch: Batch,
  output: NodeValue,
  isFaulty: (batch: Batch) => Promise<boolean>,
): Promise<FaultyExamples> {
  const { size } = batch;
  const all = Array.from({ length: size }, (_, i) => i);
  if (size === 1) return all;
  const fails = (examples: readonly number[]): Promise<boolean> => isFaulty(filledWith(batch, examples));
  const rows = badRows(output, size);
  if (rows.length === size) return 'all';
  if (rows.length > 0) {
    // The first axis may be as long as the batch and be another one.
    const rest = all.filter((i) => !rows.includes(i));
    if ((await fails(rows)) && !(await fails(rest))) return rows.slice(0, MOST_EXAMPLES);
  }
  return search(all, fails);
}

/** A batch of the same size that holds these examples alone, each as often as it takes. */
function filledWith({ size, x, y, sampleWeight }: Batch, examples: readonly number[]): Batch {
  const order = Int32Array.from({ length: size }, (_, i) => examples[i % examples.length]!);
  const pick = (array: Batch['x']) => gatherRows(array, order, 0, size);
  return { size, x: pick(x), y: y && pick(y), sampleWeight: sampleWeight && pick(sampleWeight) };
}

async function search(
  all: readonly number[],
  fails: (examples: readonly number[]) => Promise<boolean>,
): Promise<FaultyExamples> {
  const samples = Array.from({ length: Math.min(SAMPLES, all.length) }, (_, i) =>
    Math.floor((i * all.length) / Math.min(SAMPLES, all.length)),
  );
  let failed = 0;
  for (const sample of samples) if (await fails([sample])) failed++;
  if (failed === samples.length) return 'all';
  const found: number[] = [];
  let runs = 0;
  const look = async (examples: readonly number[]): Promise<void> => {
    if (found.length >= MOST_EXAMPLES || runs++ >= MOST_RUNS || !(await fails(examples))) return;
    if (examples.length === 1) found.push(examples[0]!);
    else {
      const middle = examples.length >> 1;
      await look(examples.slice(0, middle));
      await look(examples.slice(middle));
    }
  };
  await look(all);
  // What several examples cause together is nobody's alone.
  return found.length === 0 || found.length === all.length ? 'all' : found;
}

/** First indices of what is not finite, where the first axis may be the batch's. */
function badRows({ shape, values }: NodeValue, size: number): number[] {
  if (shape[0] !== size) return [];
  const width = values.length / size;
  const rows: number[] = [];
  for (let row = 0; row < size; row++) {
    if (values.subarray(row * width, (row + 1) * width).some((value) => !Number.isFinite(value))) rows.push(row);
  }
  return rows;
}
