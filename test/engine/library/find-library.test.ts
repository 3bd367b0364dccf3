import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findLibrary, searchPlaces } from '../../../src/engine/library/find-library.js';
import { libraryPlatform } from '../../../src/engine/library/library-platform.js';
import { writeFakeLibraries, writeFakeSet } from './fake-library.js';

const LIBRARY = libraryPlatform().libraries[0]!;
const here = process.cwd();
const kept = { ...process.env };
let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'adjoint-find-')));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'work'));
  process.env['PATH'] = join(folder, 'bin');
  process.env['ADJOINT_CACHE'] = join(folder, 'cache');
  delete process.env['ADJOINT_LIBTENSORFLOW'];
  process.chdir(join(folder, 'work'));
});
afterEach(() => {
  process.chdir(here);
  process.env = { ...kept };
  rmSync(folder, { recursive: true });
});

function addPython(name: string, answer: string): void {
  const file = join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/sh\n${answer}\n`);
  chmodSync(file, 0o755);
}

function addTfjsNode(version: string, name = 'tfjs-node'): string {
  const root = join(folder, 'work', 'node_modules', '@tensorflow', name);
  const real = writeFakeLibraries(join(root, 'deps', 'lib'));
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: `@tensorflow/${name}`, version: '4.22.0' }));
  renameSync(real, join(dirname(real), `libtensorflow.so.${version}`));
  symlinkSync(`libtensorflow.so.${version}`, join(dirname(real), 'libtensorflow.so.2'));
  return join(dirname(real), 'libtensorflow.so.2');
}

describe('findLibrary', () => {
  it('asks the four places in order and stops at the first', () => {
    const inPython = writeFakeLibraries(join(folder, 'site', 'tensorflow'));
    addPython('python3', `echo ${dirname(inPython)}`);
    expect(findLibrary()).toEqual({ path: inPython, source: 'python' });

    const inPackage = addTfjsNode('2.18.0');
    expect(findLibrary()).toEqual({ path: inPackage, source: 'tfjs-node' });

    const set = writeFakeSet(join(folder, 'cache'), 'tensorflow-2.19.0-cpu', '2.19.0');
    expect(findLibrary()).toEqual({ path: join(set, 'tensorflow', LIBRARY), source: 'adjoint engine install' });

    const named = writeFakeLibraries(join(folder, 'own'));
    process.env['ADJOINT_LIBTENSORFLOW'] = named;
    expect(findLibrary()).toEqual({ path: named, source: 'ADJOINT_LIBTENSORFLOW' });
    process.env['ADJOINT_LIBTENSORFLOW'] = dirname(named);
    expect(findLibrary()).toEqual({ path: named, source: 'ADJOINT_LIBTENSORFLOW' });
  });

  it('takes the newest installed version, and of one version the one for GPUs', () => {
    const cache = join(folder, 'cache');
    for (const version of ['2.9.9', '2.18.0', '2.100.0']) writeFakeSet(cache, `tensorflow-${version}-cpu`, version);
    expect(findLibrary().path).toContain('tensorflow-2.100.0-cpu');
    writeFakeSet(cache, 'tensorflow-2.100.0-gpu', '2.100.0', true);
    expect(findLibrary().path).toContain('tensorflow-2.100.0-gpu');
  });

  it('never replaces what the user names by something else', () => {
    writeFakeSet(join(folder, 'cache'), 'tensorflow-2.21.0-cpu', '2.21.0');
    process.env['ADJOINT_LIBTENSORFLOW'] = join(folder, 'nowhere.so');
    expect(findLibrary).toThrow(/library-not-found[^]*nowhere\.so: no such file[^]*correct ADJOINT_LIBTENSORFLOW/);
    process.env['ADJOINT_LIBTENSORFLOW'] = join(folder, 'work');
    expect(findLibrary).toThrow(/a folder without libtensorflow_cc/);
  });

  it('passes over a library that is too old and says so', () => {
    const old = addTfjsNode('2.9.1', 'tfjs-node-gpu');
    const usable = addTfjsNode('2.18.0', 'tfjs-node');
    expect(findLibrary().path).toBe(usable);
    expect(searchPlaces()).toContainEqual({
      source: 'tfjs-node',
      place: old,
      outcome: 'TensorFlow 2.9.1 is older than 2.16.1',
    });
  });

  it('lists every place and the command that helps where nothing is found', () => {
    addPython('python3', 'echo');
    addPython('python', 'exit 3');
    mkdirSync(join(folder, 'cache', 'engine', 'tensorflow-2.21.0-cpu', 'tensorflow'), { recursive: true });
    expect(searchPlaces().map(({ outcome }) => outcome)).toEqual([
      'not set',
      'nothing installed',
      'not installed',
      'not installed',
      'has no tensorflow',
      'failed to answer',
    ]);
    expect(findLibrary).toThrow(/library-not-found[^]*tfjs-node-gpu: not installed[^]*npx adjoint engine install/);
    writeFileSync(join(folder, 'work', 'package.json'), '{"name": "adjoint"}');
    expect(findLibrary).toThrow(/npm run adjoint -- engine install/);
  });

  it('does not take a folder of the working directory for Python’s package', () => {
    symlinkSync('/usr/bin/env', join(folder, 'bin', 'env'));
    writeFakeLibraries(join(folder, 'work', 'tensorflow'));
    const python = (kept['PATH'] ?? '').split(':').map((directory) => join(directory, 'python3'));
    addPython(
      'python3',
      `PATH='${kept['PATH']}'; for p in ${python.join(' ')}; do [ -x "$p" ] && exec "$p" "$@"; done`,
    );
    const answer = searchPlaces().find(({ source }) => source === 'python');
    expect(answer?.path ?? '').not.toContain(folder);
  });
});
