import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { elementCount, readValues, storeValues } from '../../src/storage/stored-tensor.js';
import type { StoredTensor, StoredType } from '../../src/storage/stored-tensor.js';

function stored(dtype: StoredType, bytes: number[], shape: number[]): StoredTensor {
  return { dtype, shape, data: Uint8Array.from(bytes) };
}

/** `count` numbers written by a DataView's setter. */
function written(
  dtype: StoredType,
  bytes: number,
  set: (view: DataView, i: number) => void,
  count: number,
): StoredTensor {
  const data = new Uint8Array(count * bytes);
  for (let i = 0; i < count; i++) set(new DataView(data.buffer), i);
  return { dtype, shape: [count], data };
}

describe('storeValues and readValues', () => {
  it('give back every bit, NaNs and negative zero included', () => {
    const values = Float32Array.of(1.5, -0, NaN, Infinity, 1e-45, -3.4028234663852886e38);
    const tensor = storeValues('float32', values, [2, 3]);
    expect(tensor).toMatchObject({ dtype: 'F32', shape: [2, 3] });
    const back = readValues(tensor, 'float32', 'x');
    expect([...new Uint32Array(back.buffer, back.byteOffset, 6)]).toEqual([...new Uint32Array(values.buffer)]);
    const integers = Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1);
    expect([...readValues(storeValues('int32', integers, [3]), 'int32', 'x')]).toEqual([...integers]);
    expect([...readValues(storeValues('bool', Uint8Array.of(1, 0), [2]), 'bool', 'x')]).toEqual([1, 0]);
  });

  it('copy nothing on the way out, and only what is not aligned on the way in', () => {
    const values = new Float32Array(4);
    const tensor = storeValues('float32', values.subarray(1), [3]);
    values[1] = 7;
    expect(readValues(tensor, 'float32', 'x')[0]).toBe(7);
    const shifted = new Uint8Array(9);
    shifted.set(Uint8Array.of(0, 0, 128, 63), 1);
    expect([...readValues({ dtype: 'F32', shape: [1], data: shifted.subarray(1, 5) }, 'float32', 'x')]).toEqual([1]);
  });

  it('refuse values that are not as many as the shape says', () => {
    expect(() => storeValues('float32', new Float32Array(3), [2, 2])).toThrow(/tensor-size[^]*4 values[^]*3 values/);
    expect(() => storeValues('float32', new Float32Array(3), [-3])).toThrow(/tensor-size/);
  });

  it('widen half precision as IEEE 754 has it', () => {
    // 1, -2, 65504 (the largest), the smallest subnormal, the largest subnormal, -0, infinities, NaN.
    const halves = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x8000, 0x7c00, 0xfc00, 0x7e01];
    const half = written('F16', 2, (view, i) => view.setUint16(2 * i, halves[i]!, true), halves.length);
    expect([...readValues(half, 'float32', 'x')]).toEqual([
      1,
      -2,
      65504,
      2 ** -24,
      1023 * 2 ** -24,
      -0,
      Infinity,
      -Infinity,
      NaN,
    ]);
    const brains = [0x3f80, 0xc000, 0x7f80, 0x8000, 0x0001, 0x7fc0];
    const brain = written('BF16', 2, (view, i) => view.setUint16(2 * i, brains[i]!, true), brains.length);
    expect([...readValues(brain, 'float32', 'x')]).toEqual([1, -2, Infinity, -0, 2 ** -133, NaN]);
  });

  it('round float64 to float32, and refuse what would become infinite', () => {
    const doubles = (values: number[]) =>
      written('F64', 8, (view, i) => view.setFloat64(8 * i, values[i]!, true), values.length);
    expect([...readValues(doubles([0.1, -Infinity, NaN]), 'float32', 'x')]).toEqual([Math.fround(0.1), -Infinity, NaN]);
    expect(() => readValues(doubles([0, 1e300]), 'float32', 'tensor "a"')).toThrow(
      /DataError \[tensor-value\] tensor "a"[^]*1e\+300 of type F64 at position 1/,
    );
  });

  it('take integers of every width where they fit', () => {
    const long = (values: bigint[]) =>
      written('I64', 8, (view, i) => view.setBigInt64(8 * i, values[i]!, true), values.length);
    expect([...readValues(long([-(2n ** 31n), 2n ** 31n - 1n]), 'int32', 'x')]).toEqual([-(2 ** 31), 2 ** 31 - 1]);
    expect(() => readValues(long([2n ** 31n]), 'int32', 'x')).toThrow(/tensor-value[^]*2147483648/);
    expect(() => readValues(long([2n ** 53n + 1n]), 'int32', 'x')).toThrow(/9007199254740993/);
    expect(() => readValues(stored('U32', [0, 0, 0, 128], [1]), 'int32', 'x')).toThrow(/tensor-value/);
    expect(() => readValues(stored('U64', [0, 0, 0, 128, 0, 0, 0, 0], [1]), 'int32', 'x')).toThrow(/tensor-value/);
    expect([...readValues(stored('I16', [255, 255], [1]), 'int32', 'x')]).toEqual([-1]);
    expect([...readValues(stored('U16', [255, 255], [1]), 'int32', 'x')]).toEqual([65535]);
    expect([...readValues(stored('I8', [255], [1]), 'int32', 'x')]).toEqual([-1]);
    expect([...readValues(stored('U8', [255], [1]), 'int32', 'x')]).toEqual([255]);
  });

  it('refuse types that do not go together, and bytes that are no booleans', () => {
    expect(() => readValues(stored('I32', [0, 0, 0, 0], [1]), 'float32', 'x')).toThrow(/tensor-type[^]*float32[^]*I32/);
    expect(() => readValues(stored('F32', [0, 0, 0, 0], [1]), 'int32', 'x')).toThrow(/tensor-type/);
    expect(() => readValues(stored('U8', [1], [1]), 'bool', 'x')).toThrow(/tensor-type/);
    expect(() => readValues(stored('F8_E4M3', [1], [1]), 'float32', 'x')).toThrow(/tensor-type/);
    expect(() => readValues(stored('BOOL', [0, 2], [2]), 'bool', 'x')).toThrow(/tensor-value[^]*2 at position 1/);
  });

  it('widen every half as float32 arithmetic would', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), (bits) => {
        const value = readValues(stored('BF16', [bits & 255, bits >> 8], [1]), 'float32', 'x');
        const expected = new Uint32Array(new Float32Array(new Uint32Array([bits * 65536]).buffer).buffer)[0];
        const isNaNValue = Number.isNaN(value[0]);
        expect(isNaNValue || new Uint32Array(value.buffer)[0] === expected).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('elementCount', () => {
  it('counts, and is NaN for what is no shape', () => {
    expect(elementCount([])).toBe(1);
    expect(elementCount([2, 0, 3])).toBe(0);
    for (const shape of [[-1], [1.5], [NaN], [2 ** 30, 2 ** 30], [2 ** 53]]) expect(elementCount(shape)).toBeNaN();
  });
});
