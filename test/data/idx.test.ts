import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { readIdx, readIdxFile } from '../../src/data/idx.js';

const fault = (kind: string) => expect.objectContaining({ kind });

function idx(code: number, shape: readonly number[], body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head[2] = code;
  head[3] = shape.length;
  shape.forEach((dimension, i) => head.writeUInt32BE(dimension, 4 + 4 * i));
  return Buffer.concat([head, body]);
}

function bigEndian(
  size: number,
  values: readonly number[],
  write: (view: DataView, at: number, value: number) => void,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(size * values.length));
  values.forEach((value, i) => write(view, i * size, value));
  return new Uint8Array(view.buffer);
}

const cases = [
  ['uint8', 0x08, [0, 128, 255], bigEndian(1, [0, 128, 255], (view, at, value) => view.setUint8(at, value))],
  ['int8', 0x09, [-128, 0, 127], bigEndian(1, [-128, 0, 127], (view, at, value) => view.setInt8(at, value))],
  ['int16', 0x0b, [-32768, 2, 300], bigEndian(2, [-32768, 2, 300], (view, at, value) => view.setInt16(at, value))],
  [
    'int32',
    0x0c,
    [-5, 7, 2 ** 31 - 1],
    bigEndian(4, [-5, 7, 2 ** 31 - 1], (view, at, value) => view.setInt32(at, value)),
  ],
  [
    'float32',
    0x0d,
    [-0.5, 1.25, 1e10],
    bigEndian(4, [-0.5, 1.25, 1e10], (view, at, value) => view.setFloat32(at, value)),
  ],
  [
    'float64',
    0x0e,
    [Math.PI, -1e300, 0],
    bigEndian(8, [Math.PI, -1e300, 0], (view, at, value) => view.setFloat64(at, value)),
  ],
] as const;

describe('readIdx', () => {
  it.each(cases)('reads %s, plain and gzip', (type, code, values, body) => {
    const plain = idx(code, [3, 1], body);
    for (const bytes of [plain, gzipSync(plain)]) {
      const array = readIdx(bytes);
      expect(array).toMatchObject({ type, shape: [3, 1] });
      expect([...array.values]).toEqual([...values]);
    }
    // A view at an odd place of a larger buffer.
    const shifted = new Uint8Array(plain.length + 3).fill(7);
    shifted.set(plain, 3);
    expect([...readIdx(shifted.subarray(3)).values]).toEqual([...values]);
  });

  it('copies: the array does not share the file’s memory', () => {
    const bytes = idx(0x08, [2], new Uint8Array([1, 2]));
    const { values } = readIdx(bytes);
    bytes.fill(9);
    expect([...values]).toEqual([1, 2]);
  });

  it('reads no dimensions, empty dimensions, and a header longer than a first look', () => {
    expect(readIdx(idx(0x08, [], new Uint8Array([5])))).toMatchObject({ shape: [], values: new Uint8Array([5]) });
    expect(readIdx(idx(0x08, [0, 28, 28], new Uint8Array(0))).values.length).toBe(0);
    const long = idx(0x08, Array<number>(255).fill(1), new Uint8Array([6]));
    expect(readIdx(gzipSync(long)).shape).toHaveLength(255);
  });

  it('looks for the header behind a long file name in gzip', () => {
    const plain = idx(0x08, [2], new Uint8Array([1, 2]));
    const packed = gzipSync(plain);
    const name = Buffer.from(`${'n'.repeat(20_000)}\0`);
    const named = Buffer.concat([packed.subarray(0, 10), name, packed.subarray(10)]);
    named[3] = 8;
    expect([...readIdx(named).values]).toEqual([1, 2]);
  });

  const good = idx(0x08, [4, 2], new Uint8Array(8));
  const random = Uint8Array.from({ length: 60_000 }, (_, i) => Math.imul(i * i + 12345, 2654435761) >>> 13);
  const packedRandom = gzipSync(idx(0x08, [60_000], random));
  const corrupt = Buffer.from(packedRandom);
  corrupt[corrupt.length - 8]! ^= 1;

  it.each([
    ['nothing', new Uint8Array(0), 'idx-truncated'],
    ['three bytes', new Uint8Array(3), 'idx-truncated'],
    ['a page', Buffer.from('<html></html>'), 'idx-magic'],
    ['a compressed page', gzipSync(Buffer.from('<html></html>')), 'idx-magic'],
    ['an unknown type', idx(0x0a, [1], new Uint8Array(1)), 'idx-type'],
    ['half a header', good.subarray(0, 9), 'idx-truncated'],
    ['a missing byte', good.subarray(0, good.length - 1), 'idx-truncated'],
    ['a missing byte in gzip', gzipSync(good.subarray(0, good.length - 1)), 'idx-truncated'],
    ['a byte too many', Buffer.concat([good, new Uint8Array(1)]), 'idx-overlong'],
    ['a byte too many in gzip', gzipSync(Buffer.concat([good, new Uint8Array(1)])), 'idx-overlong'],
    ['a gzip file cut short', packedRandom.subarray(0, packedRandom.length / 2), 'idx-truncated'],
    ['a gzip file cut by its last byte', packedRandom.subarray(0, packedRandom.length - 1), 'idx-truncated'],
    ['a gzip header only', Buffer.from([0x1f, 0x8b]), 'idx-truncated'],
    ['a damaged gzip file', corrupt, 'idx-gzip'],
    ['dimensions beyond any memory', idx(0x08, [2 ** 32 - 1, 2 ** 32 - 1], new Uint8Array(4)), 'idx-overflow'],
    ['huge dimensions hidden by a zero', idx(0x08, [2 ** 32 - 1, 2 ** 32 - 1, 0], new Uint8Array(0)), 'idx-overflow'],
    ['wide elements beyond 4 GiB', idx(0x0e, [2 ** 30], new Uint8Array(8)), 'idx-overflow'],
    ['a small gzip file that claims a gigabyte', gzipSync(idx(0x08, [2 ** 30], new Uint8Array(4))), 'idx-truncated'],
  ])('refuses %s', (_what, bytes, kind) => {
    expect(() => readIdx(bytes, 'some.idx')).toThrow(fault(kind));
    expect(() => readIdx(bytes, 'some.idx')).toThrow(/some\.idx/);
  });

  it('inflates a gzip bomb no further than its header tells', () => {
    // Members of one file follow each other; so 400 MiB are packed without being held here.
    const member = gzipSync(new Uint8Array(1024 * 1024));
    const bomb = Buffer.concat([gzipSync(idx(0x08, [10], new Uint8Array(10))), ...Array<Buffer>(400).fill(member)]);
    const before = process.resourceUsage().maxRSS;
    expect(() => readIdx(bomb)).toThrow(fault('idx-overlong'));
    // In kilobytes: far less than the 400 MiB inside, with room for the reader's first look.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(50 * 1024);
  });
});

describe('readIdxFile', () => {
  it('names the path in errors', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'adjoint-idx-'));
    try {
      const path = join(directory, 'labels');
      writeFileSync(path, idx(0x08, [2], new Uint8Array([3, 4])));
      expect([...(await readIdxFile(path)).values]).toEqual([3, 4]);
      writeFileSync(path, 'nonsense');
      await expect(readIdxFile(path)).rejects.toMatchObject({ kind: 'idx-magic', where: path });
      await expect(readIdxFile(join(directory, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
