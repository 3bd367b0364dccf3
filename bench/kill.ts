// Kills a training by SIGKILL at random moments, resumes it until it is done, and compares what it has learnt with an
// uninterrupted run, to the bit: `npm run test:kill -- --rounds 30 --json`. Exits with 1 where a round differs or is lost.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';

/** A round is let finish after so many kills, so that it ends. */
const MOST_KILLS = 3;
const MODES = ['eager', 'recorded'] as const;

interface Options {
  readonly rounds: number;
  readonly seed: number;
  readonly json?: boolean;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('give a whole number');
  return value;
}

const options = new Command('test:kill')
  .description('Kills a training at random moments and looks whether anything is lost.')
  .option('--rounds <n>', 'number of rounds; eager and recorded alternate', count, 10)
  .option('--seed <n>', 'seed of the moments', count, Date.now() % 1e6)
  .option('--json', 'ends with one line of JSON')
  .parse()
  .opts<Options>();

/** What became of a process. */
type Outcome = { readonly learnt: string; readonly milliseconds: number } | 'killed';

const CHILD = fileURLToPath(new URL('./kill/child.ts', import.meta.url));

/** @param killAfter - milliseconds of training; `undefined` lets it finish */
function train(mode: string, directory: string, killAfter: number | undefined): Promise<Outcome> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, mode, directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  let timer: NodeJS.Timeout | undefined;
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (killAfter === undefined || timer !== undefined || !output.includes('training\n')) return;
    timer = setTimeout(() => child.kill('SIGKILL'), killAfter);
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const last = output.trim().split('\n').at(-1) ?? '';
      if (signal === 'SIGKILL') resolve('killed');
      else if (code === 0 && last.startsWith('{')) resolve(JSON.parse(last) as Exclude<Outcome, 'killed'>);
      else reject(new Error(`the training ended with ${code ?? signal}: ${errors.trim() || output.trim()}`));
    });
  });
}

/** Numbers from 0 to 1 by a seed: mulberry32. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

const temporary = (): string => mkdtempSync(join(tmpdir(), 'adjoint-kill-'));

interface Reference {
  readonly learnt: string;
  readonly milliseconds: number;
}

async function uninterrupted(mode: string): Promise<Reference> {
  const directory = temporary();
  try {
    return (await train(mode, join(directory, 'run'), undefined)) as Reference;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Round {
  readonly kills: number;
  /** Kills that left a checkpoint half written. */
  readonly whileWriting: number;
  readonly verdict: 'identical' | 'other bits' | 'lost';
  readonly note: string;
}

async function round(mode: string, seed: number, reference: Reference): Promise<Round> {
  const folder = temporary();
  const directory = join(folder, 'run');
  const draw = random(seed);
  let [kills, whileWriting] = [0, 0];
  try {
    for (;;) {
      // Some fall behind the end, and let the process finish.
      const killAfter = kills < MOST_KILLS ? draw() * reference.milliseconds * 0.8 : undefined;
      const outcome = await train(mode, directory, killAfter);
      if (outcome !== 'killed') {
        const verdict = outcome.learnt === reference.learnt ? 'identical' : 'other bits';
        return { kills, whileWriting, verdict, note: '' };
      }
      kills++;
      if (readdirSync(folder, { recursive: true }).some((name) => String(name).includes('.partial-'))) whileWriting++;
    }
  } catch (error) {
    return { kills, whileWriting, verdict: 'lost', note: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const references = new Map<string, Reference>();
for (const mode of MODES) references.set(mode, await uninterrupted(mode));
const rounds: Round[] = [];
for (let i = 0; i < options.rounds; i++) {
  const mode = MODES[i % MODES.length]!;
  const seed = options.seed + i;
  const done = await round(mode, seed, references.get(mode)!);
  rounds.push(done);
  const { kills, whileWriting, verdict, note } = done;
  console.log(
    `round ${i + 1}, ${mode}, seed ${seed}: killed ${kills} times, ${whileWriting} of them while a checkpoint was written; ` +
      `${verdict}${note === '' ? '' : `\n${note}`}`,
  );
}
const of = (verdict: Round['verdict']): number => rounds.filter((one) => one.verdict === verdict).length;
const kills = rounds.reduce((sum, one) => sum + one.kills, 0);
const whileWriting = rounds.reduce((sum, one) => sum + one.whileWriting, 0);
console.log(
  `${kills} kills, ${whileWriting} while a checkpoint was written; ${of('identical')} of ${rounds.length} rounds identical.`,
);
if (options.json === true) {
  console.log(JSON.stringify({ rounds: rounds.length, identical: of('identical'), lost: of('lost') }));
}
process.exitCode = of('identical') === rounds.length ? 0 : 1;
