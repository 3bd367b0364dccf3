import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { libraryPlatform } from '../../../src/engine/library/library-platform.js';
import { C_API, fakeElf } from './fake-library.js';

export interface ZipEntry {
  readonly name: string;
  readonly data: Buffer | string;
  /** Unix mode with the file type, e.g. 0o120777 for a symbolic link. */
  readonly mode?: number;
  /** What the archive claims, where that is not the truth. */
  readonly claimedSize?: number;
}

function zipArchive(entries: readonly ZipEntry[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, data, mode = 0o100644, claimedSize } of entries) {
    const content = Buffer.from(data);
    const packed = deflateRawSync(content, { level: 1 });
    const fileName = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(claimedSize ?? content.length, 18);
    common.writeUInt16LE(fileName.length, 22);
    const signature = Buffer.from('PK\x03\x04', 'latin1');
    local.push(signature, common, fileName, packed);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE((mode << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    central.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, rest, fileName);
    offset += signature.length + common.length + fileName.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}

export interface FakeWheel {
  readonly name?: string;
  readonly version?: string;
  readonly requires?: readonly string[];
  readonly entries?: readonly ZipEntry[];
  readonly tags?: string;
}

/** What TensorFlow's wheel has, in small; `padding` makes it take its time. */
export function tensorflowEntries(padding = 0, searchPath?: string): ZipEntry[] {
  const { libraries, framework } = libraryPlatform();
  const needed = [framework, 'libc.so.6'];
  return [
    { name: `tensorflow/${libraries[0]}`, data: fakeElf({ exports: C_API, needed, padding, searchPath }) },
    { name: `tensorflow/${framework}`, data: fakeElf({ exports: ['other'] }) },
    { name: 'tensorflow/THIRD_PARTY_NOTICES.txt', data: 'notices' },
    { name: 'tensorflow/python/other.so', data: 'not wanted' },
  ];
}

/** A wheel that pip accepts; returns its file name. */
export function writeFakeWheel(directory: string, wheel: FakeWheel = {}): string {
  const { name = 'tensorflow_cpu', version = '2.21.0', requires = [], tags = fakeTags() } = wheel;
  const info = `${name}-${version}.dist-info`;
  const needs = requires.map((line) => `Requires-Dist: ${line}\n`).join('');
  const metadata = `Metadata-Version: 2.1\nName: ${name.replaceAll('_', '-')}\nVersion: ${version}\n${needs}`;
  const entries = [
    ...(wheel.entries ?? tensorflowEntries()),
    { name: `${info}/METADATA`, data: `${metadata}Provides-Extra: and-cuda\n` },
    { name: `${info}/WHEEL`, data: `Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: ${tags}\n` },
    { name: `${info}/LICENSE`, data: 'licence' },
    { name: `${info}/RECORD`, data: '' },
  ];
  mkdirSync(directory, { recursive: true });
  const file = `${name}-${version}-${tags}.whl`;
  writeFileSync(join(directory, file), zipArchive(entries));
  return file;
}

function fakeTags(): string {
  return `cp311-cp311-manylinux_2_17_${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}`;
}
