import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { NonFiniteGuard } from '../../src/debug/non-finite-guard.js';
import { tf } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import type { NonFiniteReport } from '../../src/training/non-finite-report.js';

const root = process.cwd();
const TSX = pathToFileURL(createRequire(join(root, 'package.json')).resolve('tsx')).href;
const MAIN = ['--import', TSX, resolve(root, 'src/cli/main.ts')];
/** The package under test, in the place of the one that `adjoint` would resolve to. */
const SOURCE = pathToFileURL(resolve(root, 'src/index.ts')).href;
const TIMEOUT_MS = 60_000;

const MODEL = `
import { layers, sequential, tf } from '${SOURCE}';
export default async () => {
  const log = layers.activation({ activation: (x) => tf.log(x), name: 'logarithm' });
  const model = sequential([log, layers.dense({ units: 1 })]);
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError', execution: process.env.MODE });
  return model;
};
`;

let folder: string;
let repro: string;
let found: NonFiniteReport;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'adjoint-replay-')));
  repro = join(folder, 'repro');
  const log = layers.activation({ activation: (x) => tf.log(x), name: 'logarithm' });
  const model = sequential([log, layers.dense({ units: 1 })]);
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
  const guard = new NonFiniteGuard({ onReport: () => undefined, reproDirectory: repro });
  await model.fit([[1], [2], [0], [4]], [[1], [1], [1], [1]], { verbose: 0, shuffle: false, callbacks: [guard] });
  model.dispose();
  found = guard.reports[0]!;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function replay(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  // tsx reads the settings of decorators from the working folder.
  const child = spawn(process.execPath, [...MAIN, 'replay', ...args], { cwd: root });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => (text[name] += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number];
  return { status, ...text };
}

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('adjoint replay', () => {
  it(
    'prints the report of the run, as text and as JSON',
    async () => {
      const model = write('model.mts', MODEL);
      const text = await replay(repro, '--model', model);
      expect([text.status, text.stderr]).toEqual([0, '']);
      expect(text.stdout.trimEnd()).toBe(found.table());
      const json = await replay(repro, '--model', model, '--json');
      expect(json.status).toBe(0);
      expect(JSON.parse(json.stdout)).toEqual({
        ...(JSON.parse(JSON.stringify(found)) as object),
        directory: repro,
        culprit: 'Log in the forward pass of layer "logarithm"',
      });
    },
    2 * TIMEOUT_MS,
  );

  it(
    'ends with 1 where the step is finite with this model',
    async () => {
      const mended = write('mended.mts', MODEL.replace('tf.log(x)', 'tf.log1p(x)'));
      const { status, stdout } = await replay(repro, '--model', mended);
      expect(stdout).toContain('nothing that a second run shows');
      expect(status).toBe(1);
    },
    TIMEOUT_MS,
  );

  it(
    'ends with 2 and a sentence where folder or file cannot be used',
    async () => {
      const model = write('model.mts', MODEL);
      const none = write('none.mts', 'export const other = 1;');
      const outcomes = await Promise.all([
        replay(folder, '--model', model),
        replay(repro, '--model', none),
        replay(repro, '--model', join(folder, 'nowhere.ts')),
        replay(repro),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([2, 2, 2, 2]);
      const [damaged, empty, missing, asked] = outcomes.map(({ stderr }) => stderr);
      expect(damaged).toContain('manifest.json');
      expect(empty).toContain('SetupError [no-model]');
      expect(missing).toContain('OptionsError [no-such-file]');
      expect(asked).toContain('--model');
    },
    TIMEOUT_MS,
  );
});
