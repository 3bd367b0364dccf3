// Two networks that train into NaN, and what NonFiniteGuard says of them: `node scripts/run-example.mjs find-the-nan --help`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handwrittenDigits, NonFiniteGuard, startEngine, type NonFiniteReport } from 'adjoint';
import { Command, InvalidArgumentError } from 'commander';
import { CASES, type Case } from './networks.js';

interface Flags {
  seed: number;
  json?: boolean;
  smoke?: boolean;
}

/** Of the test digits, by the mended networks. */
const LEAST_ACCURACY = 0.85;
/** The image among the training digits whose pixels go to 255, as in its file, and not to 1. */
const UNSCALED = 123;

const wholeNumber = (text: string) => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('expected a whole number of at least 0');
};

const flags = new Command('find-the-nan')
  .description('Trains two networks into NaN, lets NonFiniteGuard find the op, and trains the mended ones.')
  .option('--seed <n>', 'seed of weights, digits and order', wholeNumber, 1)
  .option('--json', 'print the result as one JSON object on the last line')
  .option('--smoke', 'few digits, and no verdict on accuracies')
  .parse()
  .opts<Flags>();

const { seed, smoke = false } = flags;
const digits = handwrittenDigits(smoke ? { train: 256, test: 100, seed } : { train: 4000, test: 1000, seed });
const pixels = digits.train.x.values as Float32Array;
const perImage = pixels.length / digits.train.x.shape[0]!;
for (let i = UNSCALED * perImage; i < (UNSCALED + 1) * perImage; i++) pixels[i]! *= 255;
const options = { batchSize: 64, verbose: 0 } as const;

interface Outcome {
  readonly name: string;
  readonly where: string;
  readonly culprit: string;
  readonly reason: string;
  readonly examples: NonFiniteReport['examples'];
  /** Whether the op is the expected one, and a fresh model finds it again in the folder of the step. */
  readonly found: boolean;
  readonly accuracy: number;
}

async function findAndMend({ name, faulty, mended, expected }: Case, folder: string): Promise<Outcome> {
  console.log(`\n== ${name}`);
  const guard = new NonFiniteGuard({ reproDirectory: folder, onReport: (report) => console.log(report.table()) });
  const model = faulty(seed);
  const { stopReason } = await model.fit(digits.train, { ...options, epochs: 5, callbacks: [guard] });
  model.dispose();
  console.log(`Stopped: ${stopReason}`);
  const [report] = guard.reports;
  if (report === undefined) throw new Error(`${name}: nothing was found`);

  // As `adjoint replay` does, in another process and at another time.
  const fresh = faulty(seed + 1);
  const again = await fresh.replay(folder);
  fresh.dispose();

  const repaired = mended(seed);
  await repaired.fit(digits.train, { ...options, epochs: smoke ? 1 : 8, callbacks: [new NonFiniteGuard()] });
  const { accuracy } = await repaired.evaluate(digits.test);
  repaired.dispose();
  console.log(`Mended, it reads ${(100 * accuracy!).toFixed(1)} % of the test digits.`);
  const { where, culprit, reason, examples } = report;
  const found = culprit === expected && again.culprit === expected;
  return { name, where, culprit, reason, examples, found, accuracy: accuracy! };
}

async function main(): Promise<void> {
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}; ${digits.train.x.shape[0]} digits.`);
  const folder = mkdtempSync(join(tmpdir(), 'find-the-nan-'));
  const outcomes: Outcome[] = [];
  try {
    for (const [i, each] of CASES.entries()) outcomes.push(await findAndMend(each, join(folder, `repro-${i}`)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const works = outcomes.every(({ found, accuracy }) => found && (smoke || accuracy >= LEAST_ACCURACY));
  console.log(
    `\nVerdict: ${works ? 'ok' : 'FAILED'} (op and layer of ${outcomes.filter(({ found }) => found).length} of ${outcomes.length} found, twice each` +
      `${smoke ? '' : `; at least ${100 * LEAST_ACCURACY} % wanted of the mended networks`})`,
  );
  if (!works) process.exitCode = 1;
  if (flags.json === true) {
    console.log(
      JSON.stringify({
        engine: engine.name,
        tensorflow: engine.version,
        device: engine.device,
        cases: outcomes,
        verdict: works ? 'ok' : 'failed',
      }),
    );
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
