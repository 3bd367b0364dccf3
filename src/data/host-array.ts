import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape, sizeOf } from '../core/shape.js';
import type { Tensor } from '../engine/tfjs.js';

/** The element types of data on the host. */
export type HostDataType = 'float32' | 'int32' | 'bool';

/**
 * Numbers in JavaScript's memory with a shape, in row-major order.
 *
 * `values` is a `Float32Array`, `Int32Array` or (for `bool`) a `Uint8Array`. A `Uint8Array` with dtype `float32` holds pixels
 * from 0 to 255, a quarter of the memory; batches made from it hold the same numbers, unscaled, as a `Float32Array`.
 */
export interface HostArray {
  readonly values: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
  readonly dtype: HostDataType;
}

/** Nested arrays of numbers or booleans, all rows of one length. */
export type NestedNumbers = number | boolean | readonly NestedNumbers[];

/** Typed arrays that can be taken as data. */
export type NumericTypedArray =
  Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint8ClampedArray | Uint16Array;

/** Everything that is taken as an array of numbers. */
export type HostArrayInput = HostArray | Tensor | NumericTypedArray | NestedNumbers;

/** How {@link toHostArray} reads its input. */
export interface ToHostArrayOptions {
  /** Shape of a typed array, e.g. `[60000, 28, 28, 1]`; without it a typed array has one axis. */
  readonly shape?: readonly number[];
}

type Kind = 'tensor' | 'host' | 'typed' | 'nested';

/**
 * Brings an array of numbers into one form: values, shape and dtype.
 *
 * A tensor is read back and stays the caller's; its dtype is kept. Typed arrays of 32 bits are taken without a copy. Nested numbers become
 * `float32`, nested booleans `bool`. `Float64Array` becomes `float32`, small integer arrays `int32`, and `Uint8Array` stays as pixels.
 *
 * @param input - tensor, host array, typed array or nested arrays of numbers
 * @param where - what the array is, for error messages: `x of fit`
 * @throws DataError [array-type | array-shape | ragged-array | tensor-disposed | tensor-dtype]
 *
 * @example
 * ```ts
 * import { toHostArray } from 'adjoint';
 *
 * const x = toHostArray([[0, 1], [1, 0]], 'x');
 * console.log(x.shape, x.dtype); // [2, 2] 'float32'
 * ```
 */
export function toHostArray(input: HostArrayInput, where: string, options: ToHostArrayOptions = {}): HostArray {
  const kind = kindOf(input, where);
  if (options.shape !== undefined && kind !== 'typed') {
    throw new DataError('array-shape', {
      where,
      expected: 'a shape with a typed array only',
      received: `a shape with ${formatValue(input)}`,
      fix: 'leave the shape out: this input carries its own',
    });
  }
  switch (kind) {
    case 'tensor':
      return fromTensor(input as Tensor, where);
    case 'host':
      return fromHost(input as HostArray, where);
    case 'typed':
      return fromTyped(input as NumericTypedArray, where, options.shape);
    case 'nested':
      return fromNested(input as NestedNumbers, where);
  }
}

/**
 * Rows `start` to `end - 1` of an array, without a copy.
 *
 * @param array - `[rows, ...]`
 */
export function sliceRows(array: HostArray, start: number, end: number): HostArray {
  const width = sizeOf(array.shape.slice(1));
  return {
    values: array.values.subarray(start * width, end * width),
    shape: [end - start, ...array.shape.slice(1)],
    dtype: array.dtype,
  };
}

/** The name of a typed array's class; `instanceof` would miss one from another realm. */
function typedArrayName(value: unknown): string | null {
  return ArrayBuffer.isView(value) ? Object.prototype.toString.call(value).slice(8, -1) : null;
}

function kindOf(input: unknown, where: string): Kind {
  if (typedArrayName(input) !== null) return 'typed';
  if (Array.isArray(input) || typeof input === 'number' || typeof input === 'boolean') return 'nested';
  if (typeof input === 'object' && input !== null) {
    if ('dataSync' in input && typeof input.dataSync === 'function') return 'tensor';
    if ('values' in input && 'shape' in input && 'dtype' in input) return 'host';
  }
  throw new DataError('array-type', {
    where,
    expected: 'a tensor, a typed array, nested arrays of numbers, or { values, shape, dtype }',
    received: formatValue(input),
  });
}

function fromTensor(tensor: Tensor, where: string): HostArray {
  if (tensor.isDisposed) {
    throw new DataError('tensor-disposed', {
      where,
      expected: 'a living tensor',
      received: 'a tensor that was disposed',
      fix: 'pass the tensor before disposing it, or keep it with tf.keep() inside tf.tidy()',
    });
  }
  const { dtype } = tensor;
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    throw new DataError('tensor-dtype', {
      where,
      expected: 'dtype float32, int32 or bool',
      received: `dtype ${dtype}`,
    });
  }
  // The values may be the backend's own memory.
  return { values: tensor.dataSync().slice() as HostArray['values'], shape: [...tensor.shape], dtype };
}

function fromHost(array: HostArray, where: string): HostArray {
  const name = typedArrayName(array.values);
  const allowed = { float32: ['Float32Array', 'Uint8Array'], int32: ['Int32Array'], bool: ['Uint8Array'] }[
    array.dtype
  ] as string[] | undefined;
  if (allowed === undefined || name === null || !allowed.includes(name)) {
    throw new DataError('array-type', {
      where,
      expected: 'float32 with Float32Array or Uint8Array, int32 with Int32Array, bool with Uint8Array',
      received: `${formatValue(array.dtype)} with ${formatValue(array.values)}`,
    });
  }
  checkShape(array.shape, array.values.length, where);
  return array;
}

function fromTyped(values: NumericTypedArray, where: string, shape: readonly number[] = [values.length]): HostArray {
  checkShape(shape, values.length, where);
  const name = typedArrayName(values);
  switch (name) {
    case 'Float32Array':
      return { values: values as Float32Array, shape, dtype: 'float32' };
    case 'Int32Array':
      return { values: values as Int32Array, shape, dtype: 'int32' };
    case 'Uint8Array':
      return { values: values as Uint8Array, shape, dtype: 'float32' };
    case 'Uint8ClampedArray':
      return { values: new Uint8Array(values.buffer, values.byteOffset, values.length), shape, dtype: 'float32' };
    case 'Float64Array':
      return { values: Float32Array.from(values), shape, dtype: 'float32' };
    case 'Int8Array':
    case 'Int16Array':
    case 'Uint16Array':
      return { values: Int32Array.from(values), shape, dtype: 'int32' };
    default:
      throw new DataError('array-type', {
        where,
        expected: 'an array of floats, of integers up to 32 bits with sign, or of bytes',
        received: `a ${name}`,
        fix: 'convert it, e.g. with Int32Array.from(values, Number)',
      });
  }
}

function checkShape(shape: readonly number[], length: number, where: string): void {
  const whole = Array.isArray(shape) && shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0);
  if (whole && sizeOf(shape) === length) return;
  throw new DataError('array-shape', {
    where,
    expected: `a shape of ${length} elements`,
    received: whole ? `${formatShape(shape)}, ${sizeOf(shape)} elements` : formatValue(shape),
  });
}

/** More axes than any kernel takes. */
const MAX_RANK = 32;

function fromNested(input: NestedNumbers, where: string): HostArray {
  const shape: number[] = [];
  let first: NestedNumbers | undefined = input;
  while (Array.isArray(first)) {
    shape.push(first.length);
    first = (first as readonly NestedNumbers[])[0];
    // An array that contains itself has no end.
    if (shape.length <= MAX_RANK) continue;
    throw new DataError('array-shape', {
      where,
      expected: `arrays nested at most ${MAX_RANK} deep`,
      received: 'deeper ones, or an array that contains itself',
    });
  }
  const isBoolean = typeof first === 'boolean';
  const values = isBoolean ? new Uint8Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
  let position = 0;
  const indices: number[] = [];

  function fail(kind: string, expected: string, received: string): never {
    const place = indices.map((index) => `[${index}]`).join('');
    throw new DataError(kind, { where: `${where}${place === '' ? '' : `, element ${place}`}`, expected, received });
  }

  function fill(node: unknown, depth: number): void {
    if (depth === shape.length) {
      if (Array.isArray(node)) fail('ragged-array', 'a number, like the elements before it', formatValue(node));
      const type = isBoolean ? 'boolean' : 'number';
      if (typeof node !== type) fail('array-type', `a ${type}`, formatValue(node));
      values[position++] = Number(node);
      return;
    }
    const expected = `an array of ${shape[depth]} elements, like the ones before it`;
    if (!Array.isArray(node)) fail('ragged-array', expected, formatValue(node));
    if (node.length !== shape[depth]) fail('ragged-array', expected, `an array of ${node.length} elements`);
    for (let i = 0; i < node.length; i++) {
      indices.push(i);
      fill(node[i], depth + 1);
      indices.pop();
    }
  }

  fill(input, 0);
  return { values, shape, dtype: isBoolean ? 'bool' : 'float32' };
}
