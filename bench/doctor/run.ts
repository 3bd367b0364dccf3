// Trains broken and healthy networks with the doctor attached, and counts what it found: `npm run doctor:suite -- --help`.
import Table from 'cli-table3';
import { Command, InvalidArgumentError, Option } from 'commander';
import { GradientDoctor, startEngine } from 'adjoint';
import { allCases } from './all-cases.js';
import type { Outcome, SuiteCase } from './suite-case.js';
import { trainCase } from './train-case.js';

interface Flags {
  seed: number;
  half: 'first' | 'closing' | 'all';
  only?: string;
  json?: boolean;
}

interface Score {
  readonly suiteCase: SuiteCase;
  /** By the doctor, each once. */
  readonly causes: readonly string[];
  readonly outcome: Outcome | null;
  readonly refused: boolean;
  readonly crash: string | null;
  readonly right: boolean;
  readonly seconds: number;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('expected a whole number of at least 0');
}

const flags = new Command('doctor:suite')
  .description('Trains broken and healthy networks with the doctor attached, and counts what it found.')
  .option('--seed <n>', 'seed of sizes, rates, data and weights; drawn by default', wholeNumber, Date.now() % 1_000_000)
  .addOption(new Option('--half <half>', 'which cases').choices(['first', 'closing', 'all']).default('all'))
  .option('--only <text>', 'cases whose name or cause contains this')
  .option('--json', 'print the counts as one JSON object on the last line')
  .parse()
  .opts<Flags>();

const messageOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

async function score(suiteCase: SuiteCase): Promise<Score> {
  const began = performance.now();
  const doctor = new GradientDoctor({ print: false });
  let outcome: Outcome | null = null;
  let crash: string | null = null;
  try {
    outcome = await trainCase(suiteCase, flags.seed, [doctor]);
  } catch (error) {
    crash = messageOf(error);
  }
  const thrown = outcome?.error ?? null;
  const refused = thrown !== null && suiteCase.refusal !== undefined && suiteCase.refusal.test(thrown.message);
  if (thrown !== null && !refused) crash = messageOf(thrown);
  const causes = [...new Set(doctor.findings.map(({ cause }) => cause as string))];
  const found = refused || causes.includes(suiteCase.cause ?? '');
  const right = suiteCase.cause === null ? causes.length === 0 && crash === null : found;
  return { suiteCase, causes, outcome, refused, crash, right, seconds: (performance.now() - began) / 1000 };
}

function chosen({ name, cause, half }: SuiteCase): boolean {
  const { only } = flags;
  const named = only === undefined || name.includes(only) || (cause ?? 'healthy').includes(only);
  return named && (flags.half === 'all' || half === flags.half);
}

async function main(): Promise<void> {
  console.log(`seed ${flags.seed}, ${flags.half} half, TensorFlow ${startEngine().version}`);
  const scores: Score[] = [];
  const table = new Table({
    head: ['case', 'half', 'expected', 'doctor', 'seconds', ''],
    style: { head: [], border: [], compact: true },
  });
  for (const suiteCase of allCases.filter(chosen)) {
    const one = await score(suiteCase);
    scores.push(one);
    const { causes, refused, right, crash, seconds } = one;
    const said = [...(refused ? ['(refused with an error)'] : []), ...causes].join(', ');
    const verdict = suiteCase.cause === null ? (right ? 'quiet' : 'FALSE ALARM') : right ? 'found' : 'MISSED';
    table.push([
      suiteCase.name,
      suiteCase.half,
      suiteCase.cause ?? 'healthy',
      said === '' ? '-' : said,
      seconds.toFixed(1),
      crash === null ? verdict : `${verdict}, crashed`,
    ]);
  }
  console.log(table.toString());
  for (const { suiteCase, crash } of scores) if (crash !== null) console.log(`${suiteCase.name}:\n  ${crash}`);
  const faults = scores.filter(({ suiteCase }) => suiteCase.cause !== null);
  const healthy = scores.filter(({ suiteCase }) => suiteCase.cause === null);
  const counts = {
    faults: faults.length,
    found: faults.filter(({ right }) => right).length,
    healthy: healthy.length,
    falseAlarms: healthy.filter(({ right }) => !right).length,
  };
  console.log(
    flags.json === true
      ? JSON.stringify(counts)
      : `${counts.found} of ${counts.faults} faults found, ${counts.falseAlarms} false alarms in ${counts.healthy} healthy runs.`,
  );
  if (counts.found < counts.faults || counts.falseAlarms > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
