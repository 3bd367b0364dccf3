import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DataError } from '../../src/core/errors.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/storage/safetensors.js';
import { readSafetensorsFile, readSafetensorsHeader } from '../../src/storage/safetensors-file.js';
import { readValues, storeValues } from '../../src/storage/stored-tensor.js';
import type { StoredTensor } from '../../src/storage/stored-tensor.js';
import { rawSafetensors, storedTensors } from '../helpers/storage-arbitraries.js';

/** Written by the Python package safetensors 0.7: float32, float16, int64, bool, a float64 scalar, an empty tensor. */
const FROM_PYTHON =
  'kAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJzdGVwcyI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzAsMTZdfSwic2NhbGUiOnsiZHR5cGUiOiJGNjQiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sImRlbnNlL2tlcm5lbCI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwzXSwiZGF0YV9vZmZzZXRzIjpbMjQsNDhdfSwiZW1wdHkiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzAsNF0sImRhdGFfb2Zmc2V0cyI6WzQ4LDQ4XX0sImRlbnNlL2JpYXMiOnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOls0OCw1NF19LCJtYXNrIjp7ImR0eXBlIjoiQk9PTCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzU0LDU3XX19BwAAAAAAAAD//////////5qZmZmZmbk/AAAAAAAAgD4AAAA/AABAPwAAgD8AAKA/AD4AwP97AQAB';

const join8 = (pieces: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(pieces));
const tensor = (dtype: string, shape: unknown, ...offsets: unknown[]) => ({ dtype, shape, data_offsets: offsets });

describe('decodeSafetensors', () => {
  it('reads a file that Python wrote', () => {
    const { tensors, metadata } = decodeSafetensors(new Uint8Array(Buffer.from(FROM_PYTHON, 'base64')), 'file "a"');
    expect([...metadata]).toEqual([['format', 'pt']]);
    expect([...tensors.keys()].sort()).toEqual(['dense/bias', 'dense/kernel', 'empty', 'mask', 'scale', 'steps']);
    const read = (name: string, dtype: 'float32' | 'int32' | 'bool') => [
      ...readValues(tensors.get(name)!, dtype, name),
    ];
    expect(read('dense/kernel', 'float32')).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25]);
    expect(read('dense/bias', 'float32')).toEqual([1.5, -2, 65504]);
    expect(read('steps', 'int32')).toEqual([7, -1]);
    expect(read('mask', 'bool')).toEqual([1, 0, 1]);
    expect(read('scale', 'float32')).toEqual([Math.fround(0.1)]);
    expect(tensors.get('empty')!.shape).toEqual([0, 4]);
  });

  it('writes the same bytes as Python, but for the order of tensors of one width', () => {
    const original = new Uint8Array(Buffer.from(FROM_PYTHON, 'base64'));
    const { tensors, metadata } = decodeSafetensors(original, 'file "a"');
    const again = join8(encodeSafetensors(tensors, metadata));
    expect(again.length).toBe(original.length);
    expect(decodeSafetensors(again, 'file "b"').metadata).toEqual(metadata);
  });

  it('gives views on the bytes', () => {
    const bytes = join8(encodeSafetensors(new Map([['a', storeValues('float32', Float32Array.of(1), [1])]])));
    const { data } = decodeSafetensors(bytes, 'x').tensors.get('a')!;
    expect(data.buffer).toBe(bytes.buffer);
    expect(data.byteOffset % 8).toBe(0);
  });

  it('gives back what was encoded, whatever the names, types and shapes', () => {
    fc.assert(
      fc.property(storedTensors(), fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }), (tensors, texts) => {
        const metadata = new Map(Object.entries(texts));
        if (['__proto__', 'constructor', 'prototype'].some((key) => metadata.has(key))) return;
        const bytes = join8(encodeSafetensors(tensors, metadata));
        const back = decodeSafetensors(bytes, 'x');
        expect(new Map(back.metadata)).toEqual(metadata);
        expect([...back.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
        for (const [name, { dtype, shape, data }] of tensors) {
          const read = back.tensors.get(name)!;
          expect(read).toMatchObject({ dtype, shape });
          expect(Buffer.compare(read.data, data)).toBe(0);
        }
        // Equal content, equal bytes: the order of the map does not matter.
        expect(Buffer.compare(join8(encodeSafetensors(new Map([...tensors].reverse()), metadata)), bytes)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  const f32 = (...offsets: number[]) => tensor('F32', [1], ...offsets);
  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /8 bytes with the length[^]*0 bytes/],
    ['a short prefix', new Uint8Array(7), /7 bytes/],
    ['no header', new Uint8Array(8), /\[json\]/],
    ['a length beyond the file', rawSafetensors('{}', 0, 9), /at most 2 bytes[^]*length 9/],
    ['the largest length', rawSafetensors('{}', 0, 2n ** 64n - 1n), /18446744073709551615/],
    ['a header that is an array', rawSafetensors('[]'), /object as header/],
    ['a header cut short', rawSafetensors('{"a": '), /\[json\]/],
    [
      'a duplicate name',
      rawSafetensors(`{"a":${JSON.stringify(f32(0, 4))},"a":${JSON.stringify(f32(0, 4))}}`, 4),
      /json-key/,
    ],
    ['a prototype', rawSafetensors(`{"__proto__":${JSON.stringify(f32(0, 4))}}`, 4), /json-key/],
    ['deep JSON', rawSafetensors('{"a":'.repeat(5000)), /json-limit/],
    [
      'overlapping tensors',
      rawSafetensors({ a: f32(0, 4), b: f32(2, 6) }, 6),
      /"b"[^]*begin at 4[^]*2, which overlaps/,
    ],
    ['tensors on one place', rawSafetensors({ a: f32(0, 4), b: f32(0, 4) }, 4), /overlaps/],
    ['a gap', rawSafetensors({ a: f32(0, 4), b: f32(8, 12) }, 12), /leaves a gap/],
    ['a gap at the start', rawSafetensors({ a: f32(4, 8) }, 8), /leaves a gap/],
    ['bytes after the last', rawSafetensors({ a: f32(0, 4) }, 5), /4 bytes of tensors[^]*5 bytes/],
    ['bytes missing', rawSafetensors({ a: f32(0, 4) }, 3), /4 bytes of tensors[^]*3 bytes[^]*cut short/],
    ['offsets the wrong way', rawSafetensors({ a: f32(4, 0) }, 4), /data_offsets/],
    ['negative offsets', rawSafetensors({ a: f32(-4, 0) }, 4), /data_offsets/],
    ['one offset', rawSafetensors({ a: f32(4) }, 4), /data_offsets/],
    ['three offsets', rawSafetensors({ a: f32(0, 4, 4) }, 4), /data_offsets/],
    ['fractional offsets', rawSafetensors({ a: f32(0.5, 4.5) }, 4), /data_offsets/],
    ['a size that is not the shape', rawSafetensors({ a: tensor('F32', [2], 0, 4) }, 4), /8 bytes for F32 \[2\]/],
    ['a negative size', rawSafetensors({ a: tensor('F32', [-1], 0, 4) }, 4), /shape/],
    ['a fractional size', rawSafetensors({ a: tensor('F32', [0.5, 2], 0, 4) }, 4), /shape/],
    ['a huge size', rawSafetensors({ a: tensor('F32', [1e15, 1e15], 0, 4) }, 4), /shape/],
    ['sizes that overflow to the right one', rawSafetensors({ a: tensor('F32', [2 ** 32, 2 ** 32], 0, 0) }), /shape/],
    ['a size beyond the file', rawSafetensors({ a: tensor('U8', [2 ** 50], 0, 2 ** 50) }, 4), /cut short/],
    ['a text as size', rawSafetensors({ a: tensor('F32', ['1'], 0, 4) }, 4), /shape/],
    ['too many axes', rawSafetensors({ a: tensor('F32', Array(300).fill(1), 0, 4) }, 4), /254/],
    ['no shape', rawSafetensors({ a: tensor('F32', undefined, 0, 4) }, 4), /shape/],
    ['an unknown type', rawSafetensors({ a: tensor('F128', [1], 0, 16) }, 16), /dtype of F64/],
    ['a type of the prototype', rawSafetensors({ a: tensor('toString', [1], 0, 16) }, 16), /dtype of F64/],
    ['a number as tensor', rawSafetensors({ a: 1 }), /object \{ dtype/],
    ['metadata that is a text', rawSafetensors({ __metadata__: 'x' }), /object of strings/],
    ['metadata with a number', rawSafetensors({ __metadata__: { a: 1 } }), /object of strings/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'file "a.safetensors"')).toThrow(message);
    expect(() => decodeSafetensors(bytes, 'file "a.safetensors"')).toThrow(DataError);
  });
});

describe('encodeSafetensors', () => {
  const one: StoredTensor = storeValues('float32', Float32Array.of(1), [1]);
  it.each<[string, StoredTensor]>([
    ['__metadata__', one],
    ['__proto__', one],
    ['constructor', one],
    ['\ud800', one],
    ['short', { ...one, shape: [2] }],
  ])('refuses a tensor %j', (name, stored) => {
    expect(() => encodeSafetensors(new Map([[name, stored]]))).toThrow(DataError);
  });

  it('pads the header with spaces to 8 bytes, and copies no tensor', () => {
    const [head, data] = encodeSafetensors(new Map([['a', one]]));
    expect(head!.length % 8).toBe(0);
    expect(Buffer.from(head!).toString('latin1', 8)).toBe(
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.padEnd(56),
    );
    expect(data).toBe(one.data);
  });
});

describe('readSafetensorsFile', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'adjoint-storage-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('reads what decodeSafetensors reads, and the header alone', async () => {
    const path = join(folder, 'a.safetensors');
    writeFileSync(path, Buffer.from(FROM_PYTHON, 'base64'));
    const file = await readSafetensorsFile(path);
    const decoded = decodeSafetensors(new Uint8Array(Buffer.from(FROM_PYTHON, 'base64')), 'x');
    expect([...file.tensors.keys()]).toEqual([...decoded.tensors.keys()]);
    for (const [name, { data }] of decoded.tensors) {
      expect(Buffer.compare(file.tensors.get(name)!.data, data)).toBe(0);
    }
    const { places } = await readSafetensorsHeader(path);
    expect(places.map(({ name }) => name)).toEqual([...decoded.tensors.keys()]);
  });

  it('allocates nothing for what the file does not have', async () => {
    const path = join(folder, 'a.safetensors');
    writeFileSync(path, rawSafetensors({ a: tensor('U8', [2 ** 50], 0, 2 ** 50) }, 4));
    await expect(readSafetensorsFile(path)).rejects.toThrow(/safetensors\] file[^]*cut short/);
    writeFileSync(path, rawSafetensors('{}', 0, 99_000_000));
    await expect(readSafetensorsFile(path)).rejects.toThrow(/99000000/);
  });

  it('names a path that is no file', async () => {
    await expect(readSafetensorsFile(join(folder, 'b'))).rejects.toThrow(/no-such-file/);
    await expect(readSafetensorsFile(folder)).rejects.toThrow(/not-a-file[^]*a folder/);
  });
});
