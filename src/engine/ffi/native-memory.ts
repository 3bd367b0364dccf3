import { EngineError } from '../../core/errors.js';
import { cLibrary } from './c-library.js';

const encoder = new TextEncoder();
const interned = new Map<string, number>();

/** The address of a C string that lives for ever: for names of ops, attributes and devices, which are a bounded set. */
export function internedCString(text: string): number {
  let address = interned.get(text);
  if (address === undefined) {
    const bytes = encoder.encode(`${text}\0`);
    address = cLibrary().allocate(bytes.length);
    cLibrary().copyIn(address, bytes, bytes.length);
    interned.set(text, address);
  }
  return address;
}

const TWO_TO_32 = 4294967296;

/** TensorFlow's own limit on the rank of a tensor. */
const MAX_RANK = 254;

/** Reads the address that a C function wrote as entry `index` of an array of pointers. */
export function addressAt(words: Uint32Array, index: number): number {
  return words[2 * index]! + words[2 * index + 1]! * TWO_TO_32;
}

export function setAddressAt(words: Uint32Array, index: number, address: number): void {
  words[2 * index] = address % TWO_TO_32;
  words[2 * index + 1] = Math.floor(address / TWO_TO_32);
}

/** Memory that synchronous calls share: nothing in it outlives the call that filled it. */
export class Scratch {
  /** int64 dimensions as low and high words: no BigInt is made. */
  readonly dimensions = new Int32Array(2 * (MAX_RANK + 2));
  readonly bytes: Uint8Array;
  readonly floats: Float32Array;
  readonly integers: Int32Array;
  readonly resultCount = new Int32Array(32);
  #results = new Uint32Array(2 * 64);

  constructor() {
    // Longer than 64 bytes, so that V8 keeps it off its heap at one address.
    const buffer = new ArrayBuffer(1024);
    this.bytes = new Uint8Array(buffer);
    this.floats = new Float32Array(buffer);
    this.integers = new Int32Array(buffer);
  }

  /** Room for `count` pointers, zeroed. */
  results(count: number): Uint32Array {
    if (this.#results.length < 2 * count) this.#results = new Uint32Array(4 * count);
    return this.#results.fill(0, 0, 2 * count);
  }

  /** Writes a shape into `dimensions` and returns its rank. */
  putShape(shape: readonly number[], where: string): number {
    if (shape.length > MAX_RANK) {
      throw new EngineError('bad-shape', {
        where,
        expected: `a rank of at most ${MAX_RANK}`,
        received: `${shape.length}`,
      });
    }
    for (let i = 0; i < shape.length; i++) {
      const dimension: unknown = shape[i];
      if (typeof dimension !== 'number' || !Number.isSafeInteger(dimension)) {
        throw new EngineError('bad-shape', { where, expected: 'whole numbers', received: `[${shape.join(', ')}]` });
      }
      this.dimensions[2 * i] = dimension | 0;
      this.dimensions[2 * i + 1] = Math.floor(dimension / TWO_TO_32);
    }
    return shape.length;
  }
}
