import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkLibraryFiles } from '../../src/engine/library/check-library.js';
import { installedSets } from '../../src/engine/library/engine-cache.js';
import { findLibrary } from '../../src/engine/library/find-library.js';
import { writeFakeLibraries, writeFakeSet } from '../engine/library/fake-library.js';
import { tensorflowEntries, writeFakeWheel } from '../engine/library/fake-wheel.js';

const MAIN = ['--import', 'tsx', join(process.cwd(), 'src', 'cli', 'main.ts')];
/** Bytes of zeros in the library, so that unpacking takes long enough to be killed in. */
const SLOW = 300e6;

let folder: string;
let cache: string;
let environment: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'adjoint-cli-')));
  cache = join(folder, 'cache');
  const wheels = join(folder, 'wheels');
  mkdirSync(wheels);
  environment = { ...process.env, ADJOINT_CACHE: cache, PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels };
  delete environment['ADJOINT_LIBTENSORFLOW'];
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

function adjoint(...args: string[]) {
  return spawnSync(process.execPath, [...MAIN, ...args], { encoding: 'utf8', env: environment });
}

function start(...args: string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [...MAIN, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
}

async function until(text: string, child: ChildProcess, output: () => string): Promise<void> {
  while (!output().includes(text)) {
    if (child.exitCode !== null) throw new Error(`ended without "${text}":\n${output()}`);
    await sleep(5);
  }
}

describe('adjoint', () => {
  it('explains itself', () => {
    const help = adjoint('engine', '--help');
    expect(help.status).toBe(0);
    for (const command of ['doctor', 'install', 'list', 'remove']) expect(help.stdout).toContain(command);
    expect(adjoint('engine', 'install', '--help').stdout).toMatch(/--gpu[^]*--version <version>[^]*--if-missing/);
    expect(adjoint('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('suggests the nearest command', () => {
    const wrong = adjoint('engine', 'instal');
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain('Did you mean install?');
  });

  it('prints an error as its message, without a stack', () => {
    const failed = adjoint('engine', 'install', '--version', '2.9.1');
    expect(failed.status).toBe(1);
    expect(failed.stderr).toMatch(/^EngineError \[library-too-old\][^]*\n {2}fix /);
    expect(failed.stderr).not.toMatch(/\n\s+at /);
  });
});

describe('adjoint engine install, list and remove', () => {
  it('install with plain lines, list and remove', () => {
    writeFakeWheel(environment['PIP_FIND_LINKS']!);
    const installed = adjoint('engine', 'install');
    expect(installed.stderr).toMatch(/asking pip for tensorflow-cpu==2\.21\.0\nunpacking tensorflow_cpu-2\.21\.0/);
    expect(installed.stdout).toContain(`installed TensorFlow 2.21.0-cpu`);
    expect(adjoint('engine', 'install').stdout).toContain('already installed: TensorFlow 2.21.0-cpu');
    expect(adjoint('engine', 'list').stdout).toMatch(/^2\.21\.0-cpu \(\d/);
    expect(adjoint('engine', 'remove').stdout).toContain('removed TensorFlow 2.21.0-cpu');
    expect(adjoint('engine', 'list').stdout).toContain('nothing installed');
  });

  it('--if-missing leaves a usable library alone and replaces a broken one', () => {
    const library = writeFakeLibraries(join(folder, 'own'));
    environment['ADJOINT_LIBTENSORFLOW'] = library;
    expect(adjoint('engine', 'install', '--if-missing').stdout).toBe('');
    writeFileSync(library, 'no library');
    writeFakeWheel(environment['PIP_FIND_LINKS']!);
    expect(adjoint('engine', 'install', '--if-missing').stdout).toContain('installed TensorFlow 2.21.0-cpu');
  });

  const moments: [string, number][] = [
    ['asking pip', 0],
    ['asking pip', 300],
    ['unpacking', 0],
    ['unpacking', 150],
    ['unpacking', 500],
    ['unpacking', 1000],
  ];
  it('shows nothing half done, whenever it is killed', async () => {
    writeFakeWheel(environment['PIP_FIND_LINKS']!, { entries: tensorflowEntries(SLOW) });
    const engine = join(cache, 'engine');
    let leftovers = 0;
    for (const [phase, wait] of moments) {
      const { child, output } = start('engine', 'install');
      await until(phase, child, output);
      await sleep(wait);
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
      leftovers += readdirSync(engine).filter((name) => name.startsWith('.partial-')).length;
      const listed = adjoint('engine', 'list').stdout;
      if (listed.startsWith('nothing installed')) continue;
      // The kill came too late: then the set has to be whole.
      expect(() => checkLibraryFiles(installedSets(engine)[0]!.library)).not.toThrow();
      expect(adjoint('engine', 'remove').status).toBe(0);
    }
    expect(leftovers).toBeGreaterThanOrEqual(3);
    expect(adjoint('engine', 'install').status).toBe(0);
    expect(readdirSync(engine)).toEqual(['tensorflow-2.21.0-cpu']);
  });

  it('cleans up when it is interrupted', async () => {
    writeFakeWheel(environment['PIP_FIND_LINKS']!, { entries: tensorflowEntries(SLOW) });
    const { child, output } = start('engine', 'install');
    await until('unpacking', child, output);
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(130);
    expect(output()).toContain('install-interrupted');
    expect(readdirSync(join(cache, 'engine'))).toEqual([]);
  });

  it('may run twice at a time', async () => {
    writeFakeWheel(environment['PIP_FIND_LINKS']!, { entries: tensorflowEntries(SLOW / 5) });
    const both = [start('engine', 'install'), start('engine', 'install')];
    const codes = await Promise.all(both.map(({ child }) => once(child, 'close')));
    expect(codes.map(([code]) => code as number)).toEqual([0, 0]);
    expect(readdirSync(join(cache, 'engine'))).toEqual(['tensorflow-2.21.0-cpu']);
  });
});

describe('adjoint engine doctor', () => {
  it('loads the library and computes with it', () => {
    const { path } = findLibrary();
    environment['ADJOINT_LIBTENSORFLOW'] = path;
    const text = adjoint('engine', 'doctor');
    expect(text.stdout).toMatch(
      /-> ADJOINT_LIBTENSORFLOW +found[^]*256 x 256 matmul right[^]*device +CPU:0[^]*the engine works/,
    );
    expect(text.status).toBe(0);
    const json = JSON.parse(adjoint('engine', 'doctor', '--json').stdout) as Record<string, unknown>;
    expect(json).toMatchObject({
      library: { path, version: expect.stringMatching(/^2\./) },
      trial: { device: 'CPU:0' },
    });
    const { speedups } = json['trial'] as { speedups: Record<string, Record<string, number>> };
    for (const op of ['matmul', 'convolution']) {
      for (const type of ['bfloat16', 'float16']) {
        // How fast half precision is differs a lot between processors; that a kernel was timed does not.
        expect(speedups[op]![type]).toBeGreaterThan(0);
        expect(text.stdout).toMatch(
          new RegExp(`${type} +speed against float32: matmul [\\d.]+x, convolution [\\d.]+x`),
        );
      }
    }
    expect(json).not.toHaveProperty('problem');
  });

  it('says what is wrong, and what with', () => {
    environment['ADJOINT_LIBTENSORFLOW'] = join(folder, 'text.so');
    writeFileSync(environment['ADJOINT_LIBTENSORFLOW'], 'no library');
    const wrong = adjoint('engine', 'doctor');
    expect(wrong.status).toBe(1);
    expect(wrong.stdout).toMatch(/EngineError \[library-not-tensorflow\][^]*a text file/);
  });

  it('outlives a library that cannot be loaded, and names its damaged files', () => {
    const set = writeFakeSet(cache, 'tensorflow-2.21.0-cpu', '2.21.0');
    expect(adjoint('engine', 'doctor').stdout).toMatch(/2 files as installed[^]*the trial ended with/);
    writeFileSync(join(set, 'tensorflow', 'libtensorflow_framework.so.2'), '');
    expect(adjoint('engine', 'doctor').stdout).toMatch(/libtensorflow_framework\.so\.2 is damaged[^]*library-corrupt/);
  });
});
