import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { gunzipSync, constants } from 'node:zlib';
import { DataError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';

/** Element types of the IDX format. */
export type IdxType = 'uint8' | 'int8' | 'int16' | 'int32' | 'float32' | 'float64';

/** The array that an IDX file holds, in row-major order. */
export interface IdxArray {
  readonly type: IdxType;
  readonly shape: readonly number[];
  readonly values: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

const ELEMENTS = {
  0x08: { type: 'uint8', Values: Uint8Array },
  0x09: { type: 'int8', Values: Int8Array },
  0x0b: { type: 'int16', Values: Int16Array },
  0x0c: { type: 'int32', Values: Int32Array },
  0x0d: { type: 'float32', Values: Float32Array },
  0x0e: { type: 'float64', Values: Float64Array },
} as const;

/** The most that a header can take: magic number and 255 dimensions. */
const LONGEST_HEADER = 4 + 4 * 255;
/** Deflate makes at most this many bytes of one, and a little from its last ones. */
const DEFLATE_RATIO = 1032;

interface Header {
  readonly element: (typeof ELEMENTS)[keyof typeof ELEMENTS];
  readonly shape: readonly number[];
  readonly headerBytes: number;
  readonly totalBytes: number;
}

/**
 * Reads an array in the IDX format, plain or compressed with gzip.
 *
 * The format: two zero bytes, a type code, the number of dimensions, each dimension as a big-endian unsigned 32-bit number, then the elements, big
 * endian. Compressed data is inflated up to the size that its header tells and no further.
 *
 * @param bytes - the file's contents
 * @param where - what the bytes are, for error messages
 * @throws DataError [idx-magic | idx-type | idx-truncated | idx-overlong | idx-overflow | idx-gzip]
 *
 * @example
 * ```ts
 * import { readIdx } from 'adjoint';
 *
 * const labels = readIdx(new Uint8Array([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]));
 * console.log(labels.shape, labels.values); // [3] Uint8Array [7, 2, 1]
 * ```
 *
 * @see http://yann.lecun.com/exdb/mnist/ (the format's description, at the end of the page)
 */
export function readIdx(bytes: Uint8Array, where = 'the bytes given to readIdx'): IdxArray {
  const isGzip = bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
  const header = parseHeader(isGzip ? inflateHead(bytes, where) : bytes, where);
  const { totalBytes } = header;
  if (isGzip && totalBytes > (bytes.length + 1) * DEFLATE_RATIO) {
    throw truncated(where, header, `${bytes.length} compressed bytes, which cannot hold as much`);
  }
  const plain = isGzip ? inflate(bytes, totalBytes, where) : bytes;
  if (plain.length < totalBytes) throw truncated(where, header, `${plain.length} bytes`);
  if (plain.length > totalBytes) {
    throw new DataError('idx-overlong', {
      where,
      expected: `${totalBytes} bytes for ${describe(header)}`,
      received: isGzip ? 'more' : `${plain.length} bytes`,
      fix: 'fetch the file again: its header and its contents do not belong together',
    });
  }
  return { type: header.element.type, shape: header.shape, values: decode(plain, header) };
}

/**
 * Reads an IDX file, plain or compressed with gzip; see {@link readIdx}.
 *
 * @throws DataError [idx-magic | idx-type | idx-truncated | idx-overlong | idx-overflow | idx-gzip], and the system's own error where the
 * file cannot be read
 *
 * @example
 * ```ts
 * import { mkdtemp, rm, writeFile } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { readIdxFile } from 'adjoint';
 *
 * const directory = await mkdtemp(join(tmpdir(), 'idx-'));
 * const path = join(directory, 'labels-idx1-ubyte');
 * await writeFile(path, new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 4, 9]));
 * console.log((await readIdxFile(path)).values); // Uint8Array [4, 9]
 * await rm(directory, { recursive: true });
 * ```
 */
export async function readIdxFile(path: string): Promise<IdxArray> {
  return readIdx(await readFile(path), path);
}

function parseHeader(bytes: Uint8Array, where: string): Header {
  if (bytes.length < 4) {
    throw new DataError('idx-truncated', {
      where,
      expected: 'the 4 bytes of an IDX magic number',
      received: `${bytes.length} bytes`,
      fix: 'fetch the file again',
    });
  }
  const [zero0, zero1, code, rank] = bytes as unknown as [number, number, number, number];
  if (zero0 !== 0 || zero1 !== 0) {
    throw new DataError('idx-magic', {
      where,
      expected: 'an IDX file, which starts with the bytes 00 00',
      received: [zero0, zero1].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
      fix: 'check that the path names an IDX file, plain or gzip, and not e.g. a page that a server sent in its place',
    });
  }
  const element = (ELEMENTS as Record<number, Header['element'] | undefined>)[code];
  if (element === undefined) {
    throw new DataError('idx-type', {
      where,
      expected: 'an IDX type code: 08 (uint8), 09 (int8), 0b (int16), 0c (int32), 0d (float32) or 0e (float64)',
      received: code.toString(16).padStart(2, '0'),
      fix: 'check that the path names an IDX file',
    });
  }
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes) {
    throw new DataError('idx-truncated', {
      where,
      expected: `a header of ${headerBytes} bytes for ${rank} dimensions`,
      received: `${bytes.length} bytes`,
      fix: 'fetch the file again',
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  // Without the zeros, so that [2^32 - 1, 2^32 - 1, 0] does not slip through as nothing.
  const extent = shape.reduce(
    (product, dimension) => product * Math.max(1, dimension),
    element.Values.BYTES_PER_ELEMENT,
  );
  if (extent > 2 ** 32) {
    throw new DataError('idx-overflow', {
      where,
      expected: 'dimensions of at most 4 GiB in all',
      received: `${element.type} ${formatShape(shape)}`,
      fix: 'fetch the file again, or split it',
    });
  }
  return { element, shape, headerBytes, totalBytes: headerBytes + (shape.includes(0) ? 0 : extent) };
}

/** The first bytes of the inflated data, as many as a header may take. */
function inflateHead(bytes: Uint8Array, where: string): Uint8Array {
  for (let length = 4096; ; length *= 2) {
    const all = length >= bytes.length;
    // A flush in the middle ends without an error where the input does.
    const head = tryInflate(where, () =>
      gunzipSync(bytes.subarray(0, length), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: (length + 1) * DEFLATE_RATIO,
      }),
    );
    if (all || head.length >= LONGEST_HEADER) return head;
  }
}

function inflate(bytes: Uint8Array, totalBytes: number, where: string): Uint8Array {
  const options = { maxOutputLength: totalBytes, chunkSize: Math.max(64, totalBytes + 1) };
  return tryInflate(where, () => gunzipSync(bytes, options));
}

function tryInflate(where: string, run: () => Uint8Array): Uint8Array {
  try {
    return run();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const [kind, expected] = {
      ERR_BUFFER_TOO_LARGE: ['idx-overlong', 'compressed data of the size that its header tells'],
      Z_BUF_ERROR: ['idx-truncated', 'a whole gzip file'],
    }[code ?? ''] ?? ['idx-gzip', 'a sound gzip file'];
    throw new DataError(kind!, { where, expected, received: message, fix: 'fetch the file again', cause });
  }
}

function decode(bytes: Uint8Array, { element, headerBytes, totalBytes }: Header): IdxArray['values'] {
  const body = Buffer.from(Uint8Array.prototype.slice.call(bytes, headerBytes, totalBytes).buffer);
  const { BYTES_PER_ELEMENT: size } = element.Values;
  if (endianness() === 'LE') {
    if (size === 2) body.swap16();
    else if (size === 4) body.swap32();
    else if (size === 8) body.swap64();
  }
  return new element.Values(body.buffer, body.byteOffset, body.length / size);
}

function describe({ element, shape, headerBytes }: Header): string {
  return `${element.type} ${formatShape(shape)} with a header of ${headerBytes}`;
}

function truncated(where: string, header: Header, received: string): DataError {
  return new DataError('idx-truncated', {
    where,
    expected: `${header.totalBytes} bytes for ${describe(header)}`,
    received,
    fix: 'fetch the file again: it ends too early',
  });
}
