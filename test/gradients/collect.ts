import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outcome, Truth } from './measure.js';
import type { Answer, KernelCounts, OwnRow } from './worker.js';

export interface Row extends OwnRow {
  /** Of plain tfjs, by order; `null` where it has nothing to compare. */
  readonly plain: readonly [Outcome, Outcome] | null;
}

export interface Coverage {
  readonly counts: KernelCounts;
  readonly rows: readonly Row[];
}

/** As many as the smallest machine has cores. */
const PROCESSES = 2;
const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** Measures every case by Adjoint's rules, then by those of plain tfjs in other processes. */
export async function collectCoverage(): Promise<Coverage> {
  const shares = Array.from({ length: PROCESSES }, (_, share) => share);
  const answers = await Promise.all(shares.map((share) => runWorker(['ours', String(share), String(PROCESSES)])));
  const counts = answers[0]!.flatMap((answer) => ('counts' in answer ? [answer.counts] : []))[0]!;
  const own = interleave(answers.map((part) => part.flatMap((answer) => ('own' in answer ? [answer.own] : []))));
  const plainAnswers = await Promise.all(
    shares.map((share) => {
      const mine = own.filter((row, i) => i % PROCESSES === share && row.comparable);
      return runWorker(['plain'], Object.fromEntries(mine.map(({ id, truth }) => [id, truth])));
    }),
  );
  const plain = new Map(
    plainAnswers
      .flat()
      .flatMap((answer) => ('plain' in answer ? [[answer.plain.id, answer.plain.outcomes] as const] : [])),
  );
  return { counts, rows: own.map((row) => ({ ...row, plain: plain.get(row.id) ?? null })) };
}

function interleave<T>(parts: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...parts.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => parts.flatMap((part) => part.slice(i, i + 1))).flat();
}

function runWorker(args: readonly string[], truths?: Readonly<Record<string, Truth>>): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const child = fork(WORKER, args, { serialization: 'advanced' });
    const answers: Answer[] = [];
    child.on('message', (message) => answers.push(message as Answer));
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve(answers);
      else reject(new Error(`${args.join(' ')} ended with ${signal ?? `exit code ${code}`}`));
    });
    if (truths !== undefined) child.send(truths);
  });
}
