import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { CheckpointStore } from '../../src/storage/checkpoint-store.js';
import { temporaryFolders } from '../helpers/checkpoint-folder.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CHILD = join(ROOT, 'test', 'training', 'checkpoint-child.ts');
const folder = temporaryFolders();
const PATIENCE_MILLISECONDS = 120_000;

interface Child {
  /** Resolves once the process has written the text. */
  said(text: string): Promise<void>;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; output: string }>;
  kill(signal: NodeJS.Signals): void;
}

/** @param limit - what a shell is told before */
function start(args: readonly string[], limit = '', environment: NodeJS.ProcessEnv = {}): Child {
  const command = `${limit} exec "$0" --import tsx "$@"`;
  const child = spawn('sh', ['-c', command, process.execPath, CHILD, ...args], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const look of waiting) look();
    });
  }
  const ended = new Promise<Awaited<Child['ended']>>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
  return {
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (output.includes(text)) resolve();
        };
        waiting.add(look);
        look();
        void ended.then(() => reject(new Error(`ended without "${text}": ${output}`)));
      }),
    ended,
    kill: (signal) => void child.kill(signal),
  };
}

const lastLine = (output: string): unknown =>
  JSON.parse(output.split('\n').findLast((line) => line.startsWith('{')) ?? 'null');

async function newest(directory: string) {
  return (await new CheckpointStore(directory).newestComplete()).checkpoint;
}

describe('a signal', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends fit after a last checkpoint, from which a run goes on',
    async (signal) => {
      const directory = folder();
      const child = start([directory]);
      await child.said('training 2');
      child.kill(signal);
      const { code, output } = await child.ended;
      expect(code).toBe(0);
      const { epochs, ...told } = lastLine(output) as { epochs: number; stopReason: string; listening: number };
      expect(told).toEqual({ stopReason: expect.stringContaining(`${signal} was received`), listening: 0 });
      const { step } = (await newest(directory))!;
      // It may come when an epoch's four steps are done and its end is not.
      expect(step).toBeGreaterThanOrEqual(4 * epochs);
      expect(step).toBeLessThanOrEqual(4 * (epochs + 1));
      const finished = await start([directory, '4', String(epochs + 1)]).ended;
      expect(finished.output).toMatch(/goes on from/);
      expect(lastLine(finished.output)).toEqual({ stopReason: null, epochs: epochs + 1, listening: 0 });
    },
    PATIENCE_MILLISECONDS,
  );

  it(
    'a second one ends the process at once',
    async () => {
      const directory = folder();
      const child = start([directory]);
      await child.said('training 2');
      // Together: the first is still being heeded when the second comes.
      child.kill('SIGINT');
      child.kill('SIGTERM');
      const { code, signal } = await child.ended;
      expect([code, signal]).not.toEqual([0, null]);
    },
    PATIENCE_MILLISECONDS,
  );

  it(
    'ends a validation in its middle, which the next run does anew',
    async () => {
      const directory = folder();
      const child = start([directory], '', { SLOW_VALIDATION: '1' });
      await child.said('validating');
      child.kill('SIGTERM');
      const { code, output } = await child.ended;
      expect(code).toBe(0);
      expect(lastLine(output)).toMatchObject({ epochs: 0, listening: 0 });
      expect((await newest(directory))!.step).toBe(4);
      const finished = await start([directory, '4', '1', 'none']).ended;
      expect(finished.output).toMatch(/epoch 1 of 1, after 4 of its steps/);
      expect(lastLine(finished.output)).toMatchObject({ stopReason: null, epochs: 1 });
    },
    PATIENCE_MILLISECONDS,
  );

  it(
    'is heeded for a ModelCheckpoint too, and ends the process where nobody makes checkpoints',
    async () => {
      const directory = folder();
      const [saving, plain] = [
        start([directory, '4', '100000', 'ModelCheckpoint']),
        start([folder(), '4', '100000', 'none']),
      ];
      await Promise.all([saving.said('training 2'), plain.said('training 0')]);
      saving.kill('SIGTERM');
      plain.kill('SIGTERM');
      expect((await saving.ended).code).toBe(0);
      expect(await newest(directory)).toBeDefined();
      expect((await plain.ended).signal).toBe('SIGTERM');
    },
    PATIENCE_MILLISECONDS,
  );
});

describe('a checkpoint that cannot be written', () => {
  it(
    'where a file may not be so large: the error says so, and what was complete before is intact',
    async () => {
      const directory = folder();
      expect((await start([directory, '4', '2']).ended).code).toBe(0);
      const before = (await newest(directory))!;
      const other = join(dirname(directory), 'other');
      // A file of 128 blocks of 512 bytes or 1 KiB holds the small model's checkpoint, and not this one's.
      const { code, output } = await start([other, '20000', '2'], 'ulimit -f 128;').ended;
      expect(code).toBe(3);
      expect(output).toMatch(
        /CallbackError \[checkpoint-failed\] callback "Backup", checkpoint of step 8[^]*EFBIG[^]*ulimit -f/,
      );
      expect(readdirSync(other)).toEqual([]);
      expect(await newest(directory)).toEqual(before);
      const again = await start([directory, '4', '6'], 'ulimit -f 128;').ended;
      expect(again.code).toBe(0);
      expect((await newest(directory))!.step).toBe(24);
    },
    PATIENCE_MILLISECONDS,
  );

  it(
    'where there is no folder to be made: an error, and no process that hangs',
    async () => {
      const file = folder();
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, 'a file');
      const { code, output } = await start([join(file, 'run'), '4', '2']).ended;
      expect(code).toBe(3);
      expect(output).toMatch(/no-such-folder|checkpoint-failed/);
      expect(existsSync(join(file, 'run'))).toBe(false);
    },
    PATIENCE_MILLISECONDS,
  );
});
