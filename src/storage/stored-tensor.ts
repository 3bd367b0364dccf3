import { endianness } from 'node:os';
import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';

/** Bytes of one element of each type that a safetensors file names. */
export const ELEMENT_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

/** An element type by its name in safetensors. */
export type StoredType = keyof typeof ELEMENT_BYTES;

/** A tensor as a file holds it: little-endian elements in row-major order. */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** A tensor as the engine takes it. */
export interface HostValues {
  readonly float32: Float32Array;
  readonly int32: Int32Array;
  /** 0 or 1. */
  readonly bool: Uint8Array;
}
export type HostType = keyof HostValues;

const TYPE_OF: Readonly<Record<HostType, StoredType>> = { float32: 'F32', int32: 'I32', bool: 'BOOL' };
const CLASS_OF = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** Elements of a shape; NaN where it is no shape or too large to count. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return NaN;
    count *= size;
  }
  return Number.isSafeInteger(count) ? count : NaN;
}

/** A view on the values: nothing is copied. */
export function storeValues<T extends HostType>(
  dtype: T,
  values: HostValues[T],
  shape: readonly number[],
): StoredTensor {
  if (values.length !== elementCount(shape)) {
    throw new DataError('tensor-size', {
      where: 'a tensor to be stored',
      expected: `${elementCount(shape)} values for the shape [${shape.join(', ')}]`,
      received: `${values.length} values`,
    });
  }
  return {
    dtype: TYPE_OF[dtype],
    shape,
    data: littleEndian(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      ELEMENT_BYTES[TYPE_OF[dtype]],
    ),
  };
}

/**
 * A tensor's values as the engine's type. Narrower types are widened, int64 and float64 taken where the values fit.
 * The result may be a view on the stored bytes: do not write to it.
 *
 * @throws DataError [tensor-type] the types do not go together
 * @throws DataError [tensor-value] a value does not fit
 */
export function readValues<T extends HostType>(stored: StoredTensor, dtype: T, where: string): HostValues[T] {
  const { dtype: type, data } = stored;
  const bytes = ELEMENT_BYTES[type];
  if (type === TYPE_OF[dtype]) {
    if (type === 'BOOL') checkBooleans(data, where);
    const aligned = data.byteOffset % bytes === 0 ? data : data.slice();
    const own = littleEndian(aligned, bytes);
    return new CLASS_OF[dtype](own.buffer as ArrayBuffer, own.byteOffset, own.length / bytes) as HostValues[T];
  }
  const read = readerOf(type, dtype);
  if (read === undefined) {
    throw new DataError('tensor-type', {
      where,
      expected: `values that fit ${dtype}`,
      received: `values of type ${type}`,
    });
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const values = new CLASS_OF[dtype](data.length / bytes);
  for (let i = 0; i < values.length; i++) {
    const value = read(view, i * bytes);
    values[i] = Number(value);
    if (dtype === 'int32' ? values[i] !== Number(value) : Number.isFinite(value) && !Number.isFinite(values[i])) {
      throw new DataError('tensor-value', {
        where,
        expected: `values that fit ${dtype}`,
        received: `${String(value)} of type ${type} at position ${i}`,
      });
    }
  }
  return values as HostValues[T];
}

type Reader = (view: DataView, at: number) => number | bigint;

const FLOAT_READERS: Partial<Record<StoredType, Reader>> = {
  F64: (view, at) => view.getFloat64(at, true),
  F16: (view, at) => halfToNumber(view.getUint16(at, true)),
  BF16: (view, at) => brainToNumber(view.getUint16(at, true)),
};
const INTEGER_READERS: Partial<Record<StoredType, Reader>> = {
  I64: (view, at) => view.getBigInt64(at, true),
  I16: (view, at) => view.getInt16(at, true),
  I8: (view, at) => view.getInt8(at),
  U64: (view, at) => view.getBigUint64(at, true),
  U32: (view, at) => view.getUint32(at, true),
  U16: (view, at) => view.getUint16(at, true),
  U8: (view, at) => view.getUint8(at),
};

function readerOf(type: StoredType, dtype: HostType): Reader | undefined {
  return dtype === 'float32' ? FLOAT_READERS[type] : dtype === 'int32' ? INTEGER_READERS[type] : undefined;
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const SCRATCH = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function brainToNumber(bits: number): number {
  SCRATCH.setUint32(0, bits * 0x10000);
  return SCRATCH.getFloat32(0);
}

function checkBooleans(data: Uint8Array, where: string): void {
  const at = data.findIndex((value) => value > 1);
  if (at < 0) return;
  throw new DataError('tensor-value', {
    where,
    expected: 'booleans, a byte of 0 or 1 each',
    received: `${formatValue(data[at])} at position ${at}`,
  });
}

function littleEndian(data: Uint8Array, bytes: number): Uint8Array {
  if (endianness() === 'LE' || bytes === 1) return data;
  const copy = Buffer.from(data);
  return bytes === 2 ? copy.swap16() : bytes === 4 ? copy.swap32() : copy.swap64();
}
