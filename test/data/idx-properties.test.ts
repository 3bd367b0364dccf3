import { gzipSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DataError } from '../../src/core/errors.js';
import { readIdx } from '../../src/data/idx.js';

const UINT8 = 0x08;

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 });

/** A sound file of unsigned bytes with its values. */
const files = shapes.chain((shape) => {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const header = [0, 0, UINT8, shape.length, ...shape.flatMap((dimension) => [0, 0, 0, dimension])];
  return fc
    .uint8Array({ minLength: size, maxLength: size })
    .map((values) => ({ shape, values, bytes: new Uint8Array([...header, ...values]) }));
});

const packings = fc.constantFrom(
  (bytes: Uint8Array) => bytes,
  (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)),
);

/** What reading does: the array, or the error's class. */
function outcome(bytes: Uint8Array): unknown {
  try {
    return readIdx(bytes);
  } catch (error) {
    return error instanceof DataError ? 'refused' : error;
  }
}

it('gives back the shape and values of any file, plain or compressed', () => {
  fc.assert(
    fc.property(files, packings, ({ shape, values, bytes }, pack) => {
      const read = readIdx(pack(bytes));
      expect(read.shape).toEqual(shape);
      expect([...read.values]).toEqual([...values]);
    }),
  );
});

it('refuses every file that was cut off or grew', () => {
  fc.assert(
    fc.property(files, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 9 }), ({ bytes }, at, more) => {
      expect(outcome(bytes.subarray(0, at % bytes.length))).toBe('refused');
      expect(outcome(new Uint8Array([...bytes, ...more]))).toBe('refused');
    }),
  );
});

it('refuses arbitrary bytes with an error of its own', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      // Behind a sound magic number, so that the checks after it are reached too.
      for (const input of [bytes, new Uint8Array([0, 0, UINT8, ...bytes])]) {
        const result = outcome(input);
        if (result !== 'refused') expect(result).toHaveProperty('values');
      }
    }),
  );
});
