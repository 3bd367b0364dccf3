import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { libraryPlatform } from '../../../src/engine/library/library-platform.js';

export interface FakeElf {
  readonly exports?: readonly string[];
  readonly needed?: readonly string[];
  readonly searchPath?: string;
  readonly machine?: number;
  /** Bytes after the tables, for a file that takes a while. */
  readonly padding?: number;
}

export const C_API = ['TF_Version', 'TFE_Execute', 'TF_NewStatus'];

/** A shared library with nothing but what a loader reads first: program headers, dynamic section, symbols. */
export function fakeElf(options: FakeElf = {}): Buffer {
  const { exports = [], needed = [], searchPath, machine = libraryPlatform().machine, padding = 0 } = options;
  const texts = ['', ...exports, ...needed, ...(searchPath === undefined ? [] : [searchPath])];
  const strings = Buffer.from(texts.map((text) => `${text}\0`).join(''));
  const at = (text: string) => strings.indexOf(`\0${text}\0`) + 1;

  const symbols = Buffer.alloc(24 * (exports.length + 1));
  exports.forEach((name, index) => {
    symbols.writeUInt32LE(at(name), 24 * (index + 1));
    symbols.writeUInt16LE(1, 24 * (index + 1) + 6);
  });
  const hash = Buffer.alloc(16 + 8 + 4 + 4 * exports.length);
  [1, 1, 1, 0].forEach((word, index) => hash.writeUInt32LE(word, index * 4));
  hash.writeUInt32LE(exports.length > 0 ? 1 : 0, 24);
  exports.forEach((name, index) => {
    const value = [...Buffer.from(name)].reduce((sum, byte) => (Math.imul(sum, 33) + byte) >>> 0, 5381);
    hash.writeUInt32LE(((value & ~1) | (index === exports.length - 1 ? 1 : 0)) >>> 0, 28 + index * 4);
  });

  const tables = 64 + 2 * 56;
  const [symbolsAt, hashAt] = [tables, tables + symbols.length];
  const stringsAt = hashAt + hash.length;
  const dynamicAt = stringsAt + strings.length;
  const entries: [number, number][] = [
    ...needed.map((name): [number, number] => [1, at(name)]),
    [5, stringsAt],
    [6, symbolsAt],
    [10, strings.length],
    ...(searchPath === undefined ? [] : [[29, at(searchPath)] as [number, number]]),
    [0x6ffffef5, hashAt],
    [0, 0],
  ];
  const dynamic = Buffer.alloc(entries.length * 16);
  entries.forEach(([tag, value], index) => {
    dynamic.writeBigUInt64LE(BigInt(tag), index * 16);
    dynamic.writeBigUInt64LE(BigInt(value), index * 16 + 8);
  });

  const size = dynamicAt + dynamic.length + padding;
  const header = Buffer.alloc(tables);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(3, 16);
  header.writeUInt16LE(machine, 18);
  header.writeBigUInt64LE(64n, 32);
  [64, 56, 2, 64, 0].forEach((value, index) => header.writeUInt16LE(value, 52 + index * 2));
  [
    [1, 0, size],
    [2, dynamicAt, dynamic.length],
  ].forEach(([type, offset, length], index) => {
    const start = 64 + index * 56;
    header.writeUInt32LE(type!, start);
    header.writeBigUInt64LE(BigInt(offset!), start + 8);
    header.writeBigUInt64LE(BigInt(offset!), start + 16);
    header.writeBigUInt64LE(BigInt(length!), start + 32);
  });
  return Buffer.concat([header, symbols, hash, strings, dynamic, Buffer.alloc(padding)]);
}

/** Both of TensorFlow's files in `directory`; returns the path of the C API's. */
export function writeFakeLibraries(directory: string, options: FakeElf = {}): string {
  const { libraries, framework } = libraryPlatform();
  mkdirSync(directory, { recursive: true });
  const path = join(directory, libraries[0]!);
  writeFileSync(path, fakeElf({ exports: C_API, needed: [framework, 'libc.so.6'], ...options }));
  writeFileSync(join(directory, framework), fakeElf({ exports: ['other'] }));
  return path;
}

/** A set as `adjoint engine install` leaves it; returns its folder. */
export function writeFakeSet(cache: string, name: string, version: string, gpu = false): string {
  const directory = join(cache, 'engine', name);
  const library = writeFakeLibraries(join(directory, 'tensorflow'));
  const { framework } = libraryPlatform();
  const files = Object.fromEntries(
    [library, join(dirname(library), framework)].map((path) => [
      path.slice(directory.length + 1),
      { size: fakeSizeOf(path === library), sha256: '' },
    ]),
  );
  const manifest = { version, gpu, installed: '2026-01-02T03:04:05.000Z', wheels: {}, files };
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));
  return directory;
}

function fakeSizeOf(isLibrary: boolean): number {
  const { framework } = libraryPlatform();
  return fakeElf(isLibrary ? { exports: C_API, needed: [framework, 'libc.so.6'] } : { exports: ['other'] }).length;
}
