import fc from 'fast-check';
import { AdjointError } from '../../../src/core/errors.js';

/** One reader and what it is fed with. */
export interface Target {
  readonly name: string;
  /** How many of a hundred cases. */
  readonly percent: number;
  readonly inputs: fc.Arbitrary<Uint8Array>;
  read(bytes: Uint8Array): unknown;
}

export interface FuzzResult {
  readonly cases: number;
  /** How many were read without an error: a fuzz that never gets through tests the first check alone. */
  readonly accepted: number;
  /** Kinds of errors and how often. */
  readonly kinds: ReadonlyMap<string, number>;
  /** What went wrong, one for each target at most: the search ends there. */
  readonly crashes: string[];
}

/** Far above what a case takes; a case that takes longer is one that a reader can be stopped with. */
const LONGEST_CASE_MS = 5000;

/** Feeds the targets; only an AdjointError may come back, and soon. */
export async function runFuzz(targets: readonly Target[], cases: number, seed: number): Promise<FuzzResult> {
  const kinds = new Map<string, number>();
  const crashes: string[] = [];
  let accepted = 0;
  let run = 0;
  for (const { name, percent, inputs, read } of targets) {
    const property = fc.asyncProperty(inputs, async (bytes) => {
      run++;
      const start = performance.now();
      try {
        await read(bytes);
        accepted++;
      } catch (error) {
        if (!(error instanceof AdjointError)) throw error;
        kinds.set(error.kind, (kinds.get(error.kind) ?? 0) + 1);
      }
      const took = performance.now() - start;
      if (took > LONGEST_CASE_MS) throw new Error(`took ${took.toFixed(0)} ms`);
    });
    const result = await fc.check(property, { numRuns: Math.ceil((cases * percent) / 100), seed });
    if (!result.failed) continue;
    const bytes = Buffer.from(result.counterexample?.[0] ?? []);
    const cause = result.errorInstance instanceof Error ? result.errorInstance.stack : String(result.errorInstance);
    crashes.push(`${name}: ${cause}\nwith ${JSON.stringify(bytes.toString('latin1'))}`);
  }
  if (({} as { polluted?: unknown }).polluted !== undefined) crashes.push('a prototype was written to');
  return { cases: run, accepted, kinds, crashes };
}
