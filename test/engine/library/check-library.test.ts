import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineError } from '../../../src/core/errors.js';
import { checkLibrary, checkLoadedVersion, checkLibraryFiles } from '../../../src/engine/library/check-library.js';
import { libraryPlatform } from '../../../src/engine/library/library-platform.js';
import { C_API, fakeElf, writeFakeLibraries, writeFakeSet } from './fake-library.js';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'adjoint-check-')));
});
afterEach(() => rmSync(folder, { recursive: true }));

function refusal(path: string): EngineError {
  try {
    checkLibrary(path);
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError);
    return error as EngineError;
  }
  throw new Error(`${path} was accepted`);
}

describe('checkLibrary', () => {
  it('accepts TensorFlow’s two files', () => {
    expect(() => checkLibraryFiles(writeFakeLibraries(folder))).not.toThrow();
  });

  it('accepts links to both files in one folder', () => {
    const library = writeFakeLibraries(join(folder, 'real'));
    const linked = join(folder, 'linked');
    mkdirSync(linked);
    for (const name of [libraryPlatform().libraries[0]!, libraryPlatform().framework]) {
      symlinkSync(join(dirname(library), name), join(linked, name));
    }
    expect(() => checkLibraryFiles(join(linked, libraryPlatform().libraries[0]!))).not.toThrow();
  });

  it.each([
    ['an empty file', () => Buffer.alloc(0), 'library-not-tensorflow', 'an empty file'],
    ['a text file', () => Buffer.from('hello'), 'library-not-tensorflow', 'a text file'],
    ['a wheel', () => Buffer.from('PK\x03\x04...'), 'library-not-tensorflow', 'wheel'],
    ['bytes', () => Buffer.alloc(9000, 0), 'library-not-tensorflow', 'another kind'],
    ['a Windows library', () => Buffer.from('MZ'.padEnd(200, '\0')), 'library-not-tensorflow', 'operating system'],
    [
      'another shared library',
      () => fakeElf({ exports: ['cos'] }),
      'library-not-tensorflow',
      'TF_Version and TFE_Execute',
    ],
    [
      'one that lacks a part',
      () => fakeElf({ exports: ['TF_Version'] }),
      'library-not-tensorflow',
      'without TFE_Execute',
    ],
    ['one for 32 bits', () => fakeElf({ exports: C_API }).fill(1, 4, 5), 'library-wrong-architecture', '32-bit'],
    ['one for RISC-V', () => fakeElf({ exports: C_API, machine: 243 }), 'library-wrong-architecture', 'machine 243'],
    ['the begin of a header', () => fakeElf({ exports: C_API }).subarray(0, 40), 'library-corrupt', '40 bytes'],
    [
      'half a library',
      () => fakeElf({ exports: C_API, padding: 5000 }).subarray(0, 3000),
      'library-corrupt',
      '3000 bytes',
    ],
    [
      'the begin of a real program',
      () => readFileSync(process.execPath).subarray(0, 1e6),
      'library-corrupt',
      '1000000 bytes',
    ],
  ])('names %s', (_what, content, kind, text) => {
    const path = writeFakeLibraries(folder);
    writeFileSync(path, content());
    const error = refusal(path);
    expect(error.kind).toBe(kind);
    expect(error.received).toContain(text);
    expect(error.fix).toContain('engine install');
  });

  it('names a file that is missing, and a folder', () => {
    expect(refusal(join(folder, 'none.so')).kind).toBe('library-not-found');
    expect(refusal(folder).received).toBe('not a file');
  });

  it('wants the framework beside the library, whole', () => {
    const path = writeFakeLibraries(folder);
    const framework = join(folder, libraryPlatform().framework);
    truncateSync(framework, 300);
    expect(refusal(path)).toMatchObject({ kind: 'library-corrupt', where: expect.stringContaining(framework) });
    rmSync(framework);
    expect(refusal(path)).toMatchObject({
      kind: 'library-incomplete',
      expected: expect.stringContaining('libtensorflow_framework'),
    });
  });

  it('compares an installed file with the size it had', () => {
    const set = writeFakeSet(folder, 'tensorflow-2.21.0-cpu', '2.21.0');
    const path = join(set, 'tensorflow', libraryPlatform().libraries[0]!);
    expect(() => checkLibraryFiles(path)).not.toThrow();
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('more')]));
    expect(refusal(path)).toMatchObject({ kind: 'library-corrupt', expected: expect.stringContaining('as installed') });
  });

  it('refuses an old version that a manifest, Python’s metadata or a file name tells', () => {
    const set = writeFakeSet(folder, 'tensorflow-2.15.1-cpu', '2.15.1');
    expect(refusal(join(set, 'tensorflow', libraryPlatform().libraries[0]!)).kind).toBe('library-too-old');

    const inPython = writeFakeLibraries(join(folder, 'site-packages', 'tensorflow'));
    mkdirSync(join(folder, 'site-packages', 'tensorflow_cpu-2.16.0rc0.dist-info'));
    expect(refusal(inPython).received).toContain('2.16.0rc0');

    const real = writeFakeLibraries(join(folder, 'deps'));
    copyFileSync(real, join(folder, 'deps', 'libtensorflow.so.2.9.1'));
    symlinkSync('libtensorflow.so.2.9.1', join(folder, 'deps', 'libtensorflow.so.2'));
    expect(refusal(join(folder, 'deps', 'libtensorflow.so.2')).received).toBe('TensorFlow 2.9.1');
  });

  it('judges the version that TensorFlow itself tells', () => {
    expect(() => checkLoadedVersion('2.16.1', '/some/library')).not.toThrow();
    expect(() => checkLoadedVersion('2.100.0-rc1', '/some/library')).not.toThrow();
    expect(() => checkLoadedVersion('2.9.1', '/some/library')).toThrow(/library-too-old[^]*2\.9\.1/);
  });

  it('answers to any damage with an error of its own, or not at all', () => {
    const path = writeFakeLibraries(folder);
    const whole = readFileSync(path);
    let state = 1;
    const random = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
    let refused = 0;
    for (let round = 0; round < 1500; round++) {
      const damaged = Buffer.from(whole.subarray(0, round % 3 === 0 ? random(whole.length) : whole.length));
      for (let flips = 0; flips < 3 && damaged.length > 0; flips++) damaged[random(damaged.length)] = random(256);
      writeFileSync(path, damaged);
      try {
        checkLibrary(path);
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});

describe('a second library in the process', () => {
  const map = `
    import koffi from 'koffi';
    import { openSync, statSync } from 'node:fs';
    import { checkLibrary } from './src/engine/library/check-library.js';
    const [mapped, wanted] = process.argv.slice(-2);
    const mmap = koffi.load(null).func('uintptr_t mmap(uintptr_t, size_t, int, int, int, long)');
    if (mmap(0, statSync(mapped).size, 1, 2, openSync(mapped, 'r'), 0) <= 0) throw new Error('not mapped');
    try {
      checkLibrary(wanted);
      console.log('accepted');
    } catch (error) {
      console.log(error.kind + ': ' + error.received);
    }`;

  function checkAfterMapping(mapped: string, wanted: string): string {
    const script = join(folder, 'map.mts');
    writeFileSync(
      script,
      map
        .replaceAll('./src', join(process.cwd(), 'src'))
        .replace("'koffi'", `'${join(process.cwd(), 'node_modules/koffi/index.js')}'`),
    );
    const child = spawnSync(process.execPath, ['--import', 'tsx', script, mapped, wanted], { encoding: 'utf8' });
    return child.stdout.trim() || child.stderr;
  }

  it('is named before the load', () => {
    const wanted = writeFakeLibraries(join(folder, 'a'));
    const other = join(dirname(writeFakeLibraries(join(folder, 'b'))), libraryPlatform().framework);
    expect(checkAfterMapping(other, wanted)).toBe(
      `second-library: ${other} is loaded already, by another package or by an earlier engine`,
    );
  });

  it('is not seen in the files of the library itself', () => {
    const wanted = writeFakeLibraries(join(folder, 'a'));
    expect(checkAfterMapping(wanted, wanted)).toBe('accepted');
    expect(checkAfterMapping(join(dirname(wanted), libraryPlatform().framework), wanted)).toBe('accepted');
  });
});
