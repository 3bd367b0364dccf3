import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from '@jest/globals';
import ts from 'typescript';
import { firstUserPlace, userFrame } from '../../../src/engine/record/user-frame.js';
import { runEngineProcess } from '../../helpers/engine-process.js';

const folder = mkdtempSync(join(tmpdir(), 'user frame (it) '));
afterAll(() => rmSync(folder, { recursive: true }));

it('is the line that called, under this test runner', () => {
  const frame = userFrame(); // here
  const lines = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');
  const line = lines.findIndex((text) => text.endsWith('// here')) + 1;
  expect(frame).toMatch(new RegExp(` at .*test/engine/record/user-frame\\.test\\.ts:${line}:\\d+$`));
});

it('passes over frames of this package, of tfjs, of dependencies and of Node', () => {
  const stack = [
    'Error: with a text at /not/a/frame.ts:1:1, and more',
    '    at Recorder.refuse (/app/node_modules/adjoint/dist/engine/record/recorder.js:1:2)',
    '    at Recorder.refuse (/repository/src/engine/record/recorder.ts:1:2)',
    '    at tidy (/app/tfjs-core/src/engine.ts:647:22)',
    '    at Array.map (<anonymous>)',
    '    at async node:internal/main:1:2',
    '    at process.processTicks (node:internal/process/task_queues:95:5)',
    '    at async Mine.call [as call] (file:///users/me/my%20nets/mine.ts:12:34)',
    '    at other (/users/me/other.ts:5:6)',
  ].join('\n');
  expect(firstUserPlace(stack, ['/repository/src/'])).toBe('/users/me/my nets/mine.ts:12:34');
  expect(firstUserPlace('Error\n    at file:///a/b.mjs:1:2', [])).toBe('/a/b.mjs:1:2');
  expect(firstUserPlace('Error\n    at f (/a (1)/b.js:1:2)', [])).toBe('/a (1)/b.js:1:2');
  expect(firstUserPlace('Error\n    at f (C:\\nets\\b.js:1:2)', [])).toBe('C:\\nets\\b.js:1:2');
  expect(firstUserPlace('Error\n    at node:internal:1:2', [])).toBeUndefined();
});

it('is found under plain Node, by file URL and through spaces', () => {
  const own = join(folder, 'package', 'dist', 'engine', 'record');
  mkdirSync(own, { recursive: true });
  const source = readFileSync(new URL('../../../src/engine/record/user-frame.ts', import.meta.url), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  writeFileSync(join(own, 'user-frame.mjs'), outputText);
  const mine = join(folder, 'mine.mjs');
  writeFileSync(
    mine,
    "import { userFrame } from './package/dist/engine/record/user-frame.mjs';\n\nconsole.log(userFrame());\n",
  );
  const { stdout, stderr } = spawnSync(process.execPath, [mine], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  expect(stderr).toBe('');
  expect(stdout.trim()).toBe(`at ${mine}:3:13`);
});

it('is found under tsx, where tfjs and this package lie in between', () => {
  const mine = join(folder, 'mine.mts');
  writeFileSync(
    mine,
    [
      'export function call(x: { dataSync(): ArrayLike<number> }): number {',
      '  // a comment',
      '  return x.dataSync()[0]!;',
      '}',
    ].join('\n'),
  );
  const { stdout, stderr } = runEngineProcess(`
    import { RecordedFunction } from './src/engine/record/recorded-function.js';
    const { call } = await import(${JSON.stringify(mine)});
    startEngine();
    const x = tf.tensor1d([1]);
    try {
      RecordedFunction.record('mine', [x], () => tf.tidy(() => [tf.scalar(call(tf.neg(x)))]));
    } catch (error) {
      console.log(error.where);
    }
  `);
  expect(stderr).toBe('');
  expect(stdout.trim()).toMatch(new RegExp(`^a recorded function at .*mine\\.mts:3:\\d+$`));
  expect(stdout).toContain(folder);
});
