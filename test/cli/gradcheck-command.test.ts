import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = process.cwd();
const TSX = pathToFileURL(createRequire(join(root, 'package.json')).resolve('tsx')).href;
const MAIN = ['--import', TSX, resolve(root, 'src/cli/main.ts')];
/** The package under test, in the place of the one that `adjoint` would resolve to. */
const SOURCE = pathToFileURL(resolve(root, 'src/index.ts')).href;
const GELU = readFileSync(resolve(root, 'examples/custom-gelu/gelu.ts'), 'utf8').replace("'adjoint'", `'${SOURCE}'`);
/** What the checked example has to stay below. */
const WANTED = 1e-7;
const TIMEOUT_MS = 60_000;

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'adjoint-gradcheck-')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function gradcheck(...args: string[]): Promise<Outcome> {
  // tsx reads the settings of decorators from the working folder.
  const child = spawn(process.execPath, [...MAIN, 'gradcheck', ...args], { cwd: root });
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

interface JsonOutput {
  readonly passed: boolean;
  readonly checks: readonly { name: string; passed: boolean; error: number; problems: string[] }[];
}

describe('adjoint gradcheck', () => {
  it(
    'passes the custom GELU of the examples',
    async () => {
      const { status, stdout, stderr } = await gradcheck(write('gelu.mts', GELU), '--json');
      expect([status, stderr]).toEqual([0, '']);
      const { passed, checks } = JSON.parse(stdout) as JsonOutput;
      expect(passed).toBe(true);
      expect(checks.map(({ name }) => name)).toEqual(['gelu', 'gelu, second order']);
      for (const { error } of checks) expect(error).toBeLessThan(WANTED);
    },
    TIMEOUT_MS,
  );

  it(
    'fails it with one sign flipped, and names rule, input and element',
    async () => {
      const wrong = GELU.replace('tf.sub(1, tf.square(tanh))', 'tf.add(1, tf.square(tanh))');
      expect(wrong).not.toBe(GELU);
      const { status, stdout, stderr } = await gradcheck(write('wrong.mts', wrong));
      expect([status, stderr]).toEqual([1, '']);
      expect(stdout).toMatch(/^check +worst error +verdict\ngelu +\d\.\de[+-]\d+ +FAILED\n/);
      expect(stdout).toMatch(/^gelu: rule "example\/gelu", input "x", element \[\d\]: rule -?\d.*, differences -?\d/m);
    },
    TIMEOUT_MS,
  );

  it(
    'reports kinks, and goes on after a check that throws, without a stack',
    async () => {
      const file = write(
        'several.mjs',
        `import { tf } from '${SOURCE}';
         export const gradchecks = [
           { name: 'throws', fn: () => { throw new RangeError('no such row'); }, inputs: [tf.scalar(1)] },
           { name: 'integers', fn: (x) => tf.cast(x, 'float32'), inputs: [tf.scalar(1, 'int32')] },
           { name: 'kinked', fn: (x) => tf.relu(x), inputs: [tf.tensor1d([0, 1])], options: { names: ['x'] } },
         ];`,
      );
      const { status, stdout, stderr } = await gradcheck(file);
      expect([status, stderr]).toEqual([1, '']);
      expect(stdout).toMatch(/throws +- +FAILED\nintegers +- +FAILED\nkinked +\S+ +ok, 1 at kinks\n/);
      expect(stdout).toContain('throws: RangeError: no such row');
      expect(stdout).toContain('integers: GradientError [no-float-input]');
      expect(stdout).not.toMatch(/\n\s+at /);
    },
    TIMEOUT_MS,
  );

  const misuses: [string, () => string[], RegExp][] = [
    ['no file', () => [], /missing required argument/],
    ['a file that is not there', () => [join(folder, 'missing.js')], /\[no-such-file\]/],
    ['a folder', () => [folder], /\[no-such-file\][^]*no file/],
    ['no name', () => [''], /\[no-such-file\]/],
    [
      'a file that never loads',
      () => [write('never.mjs', 'await new Promise(() => {}); export const gradchecks = [];')],
      /ended before the checks/,
    ],
    ['a file that ends the process', () => [write('exit.mjs', 'process.exit(0);')], /ended before the checks/],
    [
      'options that are no object',
      () => [write('opt.mjs', "export const gradchecks = [{ name: 'a', fn() {}, inputs: [], options: 3 }];")],
      /"options" of gradchecks\[0\]/,
    ],
    ['a file that does not load', () => [write('broken.mjs', 'export const = 1;')], /\[module-failed\][^]*SyntaxError/],
    [
      'a file that throws',
      () => [write('throws.mjs', "throw new Error('no data here');")],
      /received {2}Error: no data here/,
    ],
    [
      'no export',
      () => [write('empty.mjs', 'export const checks = [];')],
      /\[no-gradchecks\][^]*exports checks[^]*fix/,
    ],
    ['no checks', () => [write('none.mjs', 'export const gradchecks = [];')], /\[no-gradchecks\]/],
    [
      'a check without a function',
      () => [write('nofn.mjs', "export const gradchecks = [{ name: 'a', inputs: [] }];")],
      /"fn" of gradchecks\[0\][^]*a function/,
    ],
    [
      'an unknown key',
      () => [write('key.mjs', "export const gradchecks = [{ name: 'a', fn() {}, inputs: [], option: {} }];")],
      /did you mean "options"/,
    ],
  ];
  it(
    'exits with 2 where it is not used as it should, without a stack',
    async () => {
      for (const [what, args, message] of misuses) {
        const { status, stdout, stderr } = await gradcheck(...args());
        expect([what, status, stdout]).toEqual([what, 2, '']);
        expect(stderr).toMatch(message);
        expect(stderr).not.toMatch(/\n\s+at /);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'asks for tsx where TypeScript cannot be loaded',
    async () => {
      const main = pathToFileURL(resolve(root, 'src/cli/main.ts')).href;
      // A folder without packages, from which the command is run.
      const start = `process.chdir(${JSON.stringify(folder)}); await import('${main}');`;
      const args = ['--import', TSX, '--input-type=module', '-e', start, 'gradcheck', write('plain.ts', 'export {};')];
      const child = spawn(process.execPath, args, { cwd: root });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const [status] = (await once(child, 'close')) as [number];
      expect(stderr).toMatch(/\[no-tsx\][^]*npm install --save-dev tsx/);
      expect(status).toBe(2);
    },
    TIMEOUT_MS,
  );
});
