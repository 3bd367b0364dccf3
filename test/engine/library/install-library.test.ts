import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkLibraryFiles } from '../../../src/engine/library/check-library.js';
import { installedSets } from '../../../src/engine/library/engine-cache.js';
import { installLibrary } from '../../../src/engine/library/install-library.js';
import { removeLibrary } from '../../../src/engine/library/remove-library.js';
import { fakeElf } from './fake-library.js';
import { tensorflowEntries, writeFakeWheel, type ZipEntry } from './fake-wheel.js';

const kept = { ...process.env };
let folder: string;
let wheels: string;
let engine: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'adjoint-install-')));
  wheels = join(folder, 'wheels');
  engine = join(folder, 'cache', 'engine');
  Object.assign(process.env, { ADJOINT_CACHE: join(folder, 'cache'), PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels });
});
afterEach(() => {
  process.env = { ...kept };
  rmSync(folder, { recursive: true });
});

/** A pip that tells and does what the test wants, where the real one is too honest. */
function putPipFirst(behaviour: { sha256?: string; download?: string; version?: string }): void {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const script = `#!${process.execPath}
    const { copyFileSync, readdirSync, writeFileSync } = require('node:fs');
    const [command] = process.argv.slice(4);
    const value = (name) => process.argv[process.argv.indexOf(name) + 1];
    if (process.argv.includes('--version')) {
      console.log('pip ${behaviour.version ?? '24.0'} from somewhere');
      process.exit();
    }
    const file = readdirSync(${JSON.stringify(wheels)})[0];
    if (command === 'install') writeFileSync(value('--report'), JSON.stringify({ install: [{
      download_info: { url: 'https://index.example/' + file, archive_info: { hashes: { sha256: '${behaviour.sha256}' } } },
      metadata: { name: 'tensorflow-cpu', version: '2.21.0' } }] }));
    else ${behaviour.download ?? `copyFileSync(${JSON.stringify(`${wheels}/`)} + file, value('--dest') + '/' + file)`};`;
  for (const name of ['python3', 'python', 'py', 'pip3', 'pip']) {
    writeFileSync(join(bin, name), script);
    chmodSync(join(bin, name), 0o755);
  }
  process.env['PATH'] = bin;
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

describe('installLibrary', () => {
  it('lets pip fetch the wheel and unpacks just the libraries and their notices', async () => {
    const file = writeFakeWheel(wheels);
    const { set, fresh } = await installLibrary();
    expect(fresh).toBe(true);
    expect(set.directory).toBe(join(engine, 'tensorflow-2.21.0-cpu'));
    expect(() => checkLibraryFiles(set.library)).not.toThrow();
    expect(readdirSync(engine)).toEqual(['tensorflow-2.21.0-cpu']);
    const files = Object.keys(set.manifest.files).sort();
    expect(files).toEqual([
      'tensorflow/THIRD_PARTY_NOTICES.txt',
      'tensorflow/libtensorflow_cc.so.2',
      'tensorflow/libtensorflow_framework.so.2',
      'tensorflow_cpu-2.21.0.dist-info/LICENSE',
    ]);
    for (const name of files) expect(set.manifest.files[name]!.sha256).toBe(hashOf(join(set.directory, name)));
    expect(set.manifest.wheels).toEqual({ [file]: hashOf(join(wheels, file)) });
    expect(await installLibrary()).toMatchObject({ fresh: false });
  });

  it('mends a set that is damaged', async () => {
    writeFakeWheel(wheels);
    const { set } = await installLibrary();
    truncateSync(set.library, 100);
    expect((await installLibrary()).fresh).toBe(true);
    expect(() => checkLibraryFiles(set.library)).not.toThrow();
    expect(readdirSync(engine)).toEqual(['tensorflow-2.21.0-cpu']);
  });

  it('works whatever pip is configured to do with its own environment', async () => {
    writeFakeWheel(wheels);
    Object.assign(process.env, { PIP_USER: '1', PIP_REQUIRE_VIRTUALENV: '1' });
    expect((await installLibrary()).fresh).toBe(true);
  });

  it('says what pip says where there is no such wheel', async () => {
    writeFakeWheel(wheels);
    await expect(installLibrary({ version: '2.20.0' })).rejects.toThrow(
      /pip-failed[^]*tensorflow-cpu==2\.20\.0[^]*No matching/,
    );
    expect(readdirSync(engine)).toEqual([]);
  });

  it.each(['2', 'latest', '2.21.0; rm', '--help'])('refuses the version %s', async (version) => {
    await expect(installLibrary({ version })).rejects.toMatchObject({ kind: 'version-malformed' });
  });

  it('refuses an old version before anything is fetched', async () => {
    await expect(installLibrary({ version: '2.15.1' })).rejects.toMatchObject({ kind: 'library-too-old' });
  });

  it('names what is missing where there is no Python, no pip, or an old pip', async () => {
    const bin = join(folder, 'none');
    mkdirSync(bin);
    process.env['PATH'] = bin;
    await expect(installLibrary()).rejects.toThrow(
      /python-not-found[^]*apt install python3-pip[^]*ADJOINT_LIBTENSORFLOW/,
    );
    writeFileSync(join(bin, 'python3'), '#!/bin/sh\n[ "$1" = --version ]\n');
    chmodSync(join(bin, 'python3'), 0o755);
    await expect(installLibrary()).rejects.toThrow(/pip-not-found[^]*python3 -m ensurepip/);
    putPipFirst({ version: '21.3.1' });
    await expect(installLibrary()).rejects.toThrow(/pip-too-old[^]*pip 21\.3\.1[^]*install --upgrade pip/);
  });

  it('compares the file with the hash that pip reports', async () => {
    const file = writeFakeWheel(wheels);
    putPipFirst({ sha256: '0'.repeat(64) });
    await expect(installLibrary()).rejects.toThrow(/wheel-corrupt[^]*SHA-256 0{64}/);
    expect(readdirSync(engine)).toEqual([]);
    rmSync(join(folder, 'bin'), { recursive: true });
    putPipFirst({ sha256: hashOf(join(wheels, file)), download: '0' });
    await expect(installLibrary()).rejects.toThrow(/wheel-corrupt[^]*as pip fetched it/);
  });

  const some: ZipEntry = { name: 'nvidia/a/lib/liba.so', data: 'four' };
  const hostile: [string, ZipEntry[], string, RegExp][] = [
    ['a name that leads out', [{ name: 'tensorflow/../../../evil.so', data: 'x' }], 'wheel-unsafe', /evil/],
    ['an absolute name', [{ name: '/evil.so', data: 'x' }], 'wheel-unsafe', /evil/],
    ['a name with backslashes', [{ name: 'tensorflow\\..\\evil.so', data: 'x' }], 'wheel-unsafe', /evil/],
    ['a link', [{ name: 'nvidia/a/lib/liba.so', data: '/etc/passwd', mode: 0o120777 }], 'wheel-unsafe', /link/],
    ['a file smaller than it says', [{ ...some, claimedSize: 9e8 }], 'wheel-corrupt', /bytes in the stream/],
    ['a file larger than it says', [{ ...some, claimedSize: 1 }], 'wheel-corrupt', /bytes in the stream/],
    ['more than a disk should take', [1, 2, 3].map(() => ({ ...some, claimedSize: 4e9 })), 'wheel-unsafe', /unpack to/],
  ];
  it.each(hostile)('refuses a wheel with %s', async (_what, entries, kind, text) => {
    const file = writeFakeWheel(wheels, { entries: [...tensorflowEntries(), ...entries] });
    putPipFirst({ sha256: hashOf(join(wheels, file)) });
    await expect(installLibrary()).rejects.toMatchObject({ kind, message: expect.stringMatching(text) });
    expect(readdirSync(engine)).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['bin', 'cache', 'wheels']);
  });

  it('refuses a wheel whose libraries are none, or name others that are not there', async () => {
    const [library, framework] = tensorflowEntries();
    writeFakeWheel(wheels, { entries: [{ ...library!, data: 'text' }, framework!] });
    await expect(installLibrary()).rejects.toMatchObject({ kind: 'library-not-tensorflow' });
    const needed = ['libtensorflow_framework.so.2', 'libnowhere.so.7'];
    const data = fakeElf({ exports: ['TF_Version', 'TFE_Execute'], needed });
    writeFakeWheel(wheels, { entries: [{ ...library!, data }, framework!] });
    await expect(installLibrary()).rejects.toThrow(
      /library-incomplete[^]*no libnowhere\.so\.7, wanted by libtensorflow_cc/,
    );
    expect(readdirSync(engine)).toEqual([]);
  });

  it('removes what it began when it is aborted', async () => {
    writeFakeWheel(wheels, { entries: tensorflowEntries(400e6) });
    for (const phase of ['asking pip', 'unpacking']) {
      const controller = new AbortController();
      const stop = (text: string) => void (text.startsWith(phase) && setTimeout(() => controller.abort(), 50));
      const progress = { note: stop, begin: stop, advance: () => undefined, end: () => undefined };
      const work = installLibrary({ signal: controller.signal, progress });
      await expect(work).rejects.toMatchObject({ kind: 'install-interrupted' });
      expect(readdirSync(engine)).toEqual([]);
    }
  });

  it('sweeps what a killed process of this machine left, and nothing else', async () => {
    const host = hostname().replace(/[^A-Za-z0-9]/g, '_');
    const dead = `.partial-4194999-123-00aa00aa-${host}`;
    const reused = `.partial-${process.pid}-1-00aa00aa-${host}`;
    const elsewhere = '.partial-4194999-123-00aa00aa-another_machine';
    for (const name of [dead, reused, elsewhere]) mkdirSync(join(engine, name, 'set'), { recursive: true });
    writeFakeWheel(wheels);
    await installLibrary();
    expect(readdirSync(engine).sort()).toEqual([elsewhere, 'tensorflow-2.21.0-cpu']);
  });

  it('survives another install of the same at the same time', async () => {
    writeFakeWheel(wheels, { entries: tensorflowEntries(50e6) });
    const results = await Promise.all([installLibrary(), installLibrary(), installLibrary()]);
    for (const { set } of results) expect(() => checkLibraryFiles(set.library)).not.toThrow();
    expect(readdirSync(engine)).toEqual(['tensorflow-2.21.0-cpu']);
  });
});

describe('installLibrary with CUDA', () => {
  const searchPath = '$ORIGIN/:$ORIGIN/../nvidia/cublas/lib:$ORIGIN/../nvidia/nvshmem/lib';
  const requires = [
    'nvidia-cublas-cu12<13.0,>=12.5; extra == "and-cuda"',
    'numpy>=1.26',
    'nvidia-other; extra == "else"',
  ];
  const tags = 'py3-none-manylinux_2_17_x86_64';
  const cublas: ZipEntry[] = [
    { name: 'nvidia/cublas/lib/libcublas.so.12', data: fakeElf({ needed: ['libjit.so.12', 'libcuda.so.1'] }) },
    { name: 'nvidia/cublas/include/cublas.h', data: 'not wanted' },
  ];
  const jit: ZipEntry[] = [
    { name: 'nvidia/jit/lib/libjit.so.12', data: fakeElf() },
    { name: 'nvidia/jit/bin/ptxas', data: 'program' },
  ];

  it('fetches the wheels that TensorFlow names, and those that these name', async () => {
    writeFakeWheel(wheels, { name: 'tensorflow', requires, entries: tensorflowEntries(0, searchPath) });
    const needs = ['nvidia-jit-cu12'];
    writeFakeWheel(wheels, { name: 'nvidia_cublas_cu12', version: '12.9.1', tags, requires: needs, entries: cublas });
    writeFakeWheel(wheels, { name: 'nvidia_cublas_cu12', version: '13.0.0', tags, requires: needs, entries: cublas });
    writeFakeWheel(wheels, { name: 'nvidia_jit_cu12', version: '12.1.0', tags, entries: jit });
    const { set } = await installLibrary({ gpu: true });
    expect(set.name).toBe('2.21.0-gpu');
    const libraries = Object.keys(set.manifest.files).filter((name) => name.startsWith('nvidia/'));
    expect(libraries).toEqual([
      'nvidia/cublas/lib/libcublas.so.12',
      'nvidia/jit/lib/libjit.so.12',
      'nvidia/jit/bin/ptxas',
    ]);
    expect(Object.keys(set.manifest.wheels)).toContain(`nvidia_cublas_cu12-12.9.1-${tags}.whl`);
  });

  it('names a CUDA library that is in no wheel', async () => {
    writeFakeWheel(wheels, { name: 'tensorflow', entries: tensorflowEntries(0, searchPath) });
    await expect(installLibrary({ gpu: true })).rejects.toThrow(
      /no nvidia\/cublas\/lib\/\*\.so, wanted by libtensorflow_cc/,
    );
    expect(existsSync(join(engine, 'tensorflow-2.21.0-gpu'))).toBe(false);
  });
});

describe('removeLibrary', () => {
  it('removes a version at once, and says what there is where it does not know which', async () => {
    writeFakeWheel(wheels);
    writeFakeWheel(wheels, { version: '2.20.0' });
    await installLibrary();
    await installLibrary({ version: '2.20.0' });
    expect(installedSets().map(({ name }) => name)).toEqual(['2.21.0-cpu', '2.20.0-cpu']);
    expect(() => removeLibrary()).toThrow(/2\.21\.0-cpu, 2\.20\.0-cpu/);
    expect(() => removeLibrary('2.19.0')).toThrow(/nothing-to-remove/);
    expect(removeLibrary('2.21.0').map(({ name }) => name)).toEqual(['2.21.0-cpu']);
    expect(removeLibrary().map(({ name }) => name)).toEqual(['2.20.0-cpu']);
    expect(readdirSync(engine)).toEqual([]);
    expect(() => removeLibrary()).toThrow(/nothing installed/);
  });
});
