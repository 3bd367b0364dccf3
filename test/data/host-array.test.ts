import { describe, expect, it } from '@jest/globals';
import { sliceRows, toHostArray, type HostArrayInput } from '../../src/data/host-array.js';
import { tf } from '../../src/engine/tfjs.js';

const fault = (kind: string, where?: string) =>
  expect.objectContaining(where === undefined ? { kind } : { kind, where });

describe('toHostArray', () => {
  it('takes nested numbers and booleans', () => {
    expect(
      toHostArray(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        'x',
      ),
    ).toEqual({ values: new Float32Array([1, 2, 3, 4, 5, 6]), shape: [2, 3], dtype: 'float32' });
    expect(toHostArray([true, false], 'x')).toEqual({ values: new Uint8Array([1, 0]), shape: [2], dtype: 'bool' });
    expect(toHostArray(7, 'x')).toEqual({ values: new Float32Array([7]), shape: [], dtype: 'float32' });
    expect(toHostArray([[], []], 'x')).toEqual({ values: new Float32Array(0), shape: [2, 0], dtype: 'float32' });
  });

  it.each([
    ['a short row', [[1, 2], [3]], 'ragged-array', 'x, element [1]'],
    [
      'a deep ragged row',
      [
        [
          [1, 2],
          [3, 4],
        ],
        [[5, 6], [7]],
      ],
      'ragged-array',
      'x, element [1][1]',
    ],
    ['a number among rows', [[1], 2], 'ragged-array', 'x, element [1]'],
    ['a row among numbers', [1, [2]], 'ragged-array', 'x, element [1]'],
    [
      'a text',
      [
        [1, 2],
        [3, 'a'],
      ],
      'array-type',
      'x, element [1][1]',
    ],
    ['a hole', [1, undefined], 'array-type', 'x, element [1]'],
    ['a boolean among numbers', [1, true], 'array-type', 'x, element [1]'],
  ])('refuses %s and names its place', (_what, input, kind, where) => {
    expect(() => toHostArray(input as HostArrayInput, 'x')).toThrow(fault(kind, where));
  });

  it('takes typed arrays, with or without a shape', () => {
    const floats = new Float32Array([1, 2, 3, 4]);
    expect(toHostArray(floats, 'x').values).toBe(floats);
    expect(toHostArray(floats, 'x', { shape: [2, 2] }).shape).toEqual([2, 2]);
    expect(toHostArray(new Int32Array([1]), 'y').dtype).toBe('int32');
    expect(toHostArray(new Float64Array([0.5]), 'x')).toEqual({
      values: new Float32Array([0.5]),
      shape: [1],
      dtype: 'float32',
    });
    expect(toHostArray(new Int16Array([-3]), 'y')).toEqual({
      values: new Int32Array([-3]),
      shape: [1],
      dtype: 'int32',
    });
    expect(toHostArray(new Uint8Array([255]), 'x')).toEqual({
      values: new Uint8Array([255]),
      shape: [1],
      dtype: 'float32',
    });
    expect(toHostArray(new Uint8ClampedArray([9]), 'x')).toEqual({
      values: new Uint8Array([9]),
      shape: [1],
      dtype: 'float32',
    });
  });

  it('refuses a shape that does not fit, and one where the input has its own', () => {
    expect(() => toHostArray(new Float32Array(5), 'x', { shape: [2, 2] })).toThrow(fault('array-shape'));
    expect(() => toHostArray(new Float32Array(4), 'x', { shape: [-2, -2] })).toThrow(fault('array-shape'));
    expect(() => toHostArray([1, 2], 'x', { shape: [2] })).toThrow(fault('array-shape'));
    expect(() => toHostArray({ values: new Float32Array(3), shape: [2], dtype: 'float32' }, 'x')).toThrow(
      fault('array-shape'),
    );
  });

  it.each([
    ['text', 'abc'],
    ['null', null],
    ['an object', { a: 1 }],
    ['64-bit integers', new BigInt64Array(2)],
    ['a host array of the wrong class', { values: new Float64Array(1), shape: [1], dtype: 'float32' }],
    ['a host array of an unknown dtype', { values: new Float32Array(1), shape: [1], dtype: 'half' }],
  ])('refuses %s', (_what, input) => {
    expect(() => toHostArray(input as unknown as HostArrayInput, 'x')).toThrow(fault('array-type', 'x'));
  });

  it('reads a tensor back without touching it', async () => {
    // Silences the backend's advice to install another one.
    tf.env().set('IS_TEST', true);
    await tf.setBackend('cpu');
    const tensor = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    const array = toHostArray(tensor, 'x');
    array.values[0] = 9;
    expect([...tensor.dataSync()]).toEqual([1, 2, 3, 4]);
    expect(array).toMatchObject({ shape: [2, 2], dtype: 'float32' });
    expect(toHostArray(tf.tensor1d([1, 2], 'int32'), 'y').dtype).toBe('int32');
    expect(() => toHostArray(tf.tensor1d(['a']), 'x')).toThrow(fault('tensor-dtype'));
    tensor.dispose();
    expect(() => toHostArray(tensor, 'x')).toThrow(fault('tensor-disposed'));
  });

  it('slices rows without a copy', () => {
    const array = toHostArray(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      'x',
    );
    const rows = sliceRows(array, 1, 3);
    expect(rows).toEqual({ values: new Float32Array([3, 4, 5, 6]), shape: [2, 2], dtype: 'float32' });
    expect(rows.values.buffer).toBe(array.values.buffer);
  });
});
