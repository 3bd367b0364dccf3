import fc from 'fast-check';
import { ELEMENT_BYTES, elementCount } from '../../src/storage/stored-tensor.js';
import type { StoredTensor, StoredType } from '../../src/storage/stored-tensor.js';

const REFUSED = new Set(['__proto__', 'constructor', 'prototype', '__metadata__']);
const TYPES = Object.keys(ELEMENT_BYTES) as StoredType[];

/** A file with any header text and length, right or not, and `dataBytes` zeros after it. */
export function rawSafetensors(header: unknown, dataBytes = 0, length?: number | bigint): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function storedTensor(): fc.Arbitrary<StoredTensor> {
  return fc
    .record({ dtype: fc.constantFrom(...TYPES), shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }) })
    .chain(({ dtype, shape }) => {
      const length = elementCount(shape) * ELEMENT_BYTES[dtype];
      return fc
        .uint8Array({ minLength: Math.min(length, 64), maxLength: Math.min(length, 64) })
        .map((start) => ({ dtype, shape, data: filled(start, length) }));
    });
}

function filled(start: Uint8Array, length: number): Uint8Array {
  const data = new Uint8Array(length);
  for (let at = 0; at < length; at++) data[at] = start[at % start.length]!;
  return data;
}

export function storedTensors(): fc.Arbitrary<Map<string, StoredTensor>> {
  const name = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' })).filter((text) => !REFUSED.has(text));
  return fc.array(fc.tuple(name, storedTensor()), { maxLength: 5 }).map((entries) => new Map(entries));
}
