import { EngineError } from '../../core/errors.js';
import type { CApi } from './c-api.js';
import { cLibrary } from './c-library.js';
import { DATA_TYPES, dataTypeName } from './data-types.js';
import { fromBfloat16, fromFloat16 } from './half-floats.js';
import type { Scratch } from './native-memory.js';
import type { Status } from './status.js';
import { readStrings, StringTensors } from './string-tensors.js';

/** What tfjs hands to and takes from a backend: numbers, or strings as UTF-8 bytes. */
export type TensorValues =
  Float32Array | Float64Array | Int32Array | Uint8Array | Uint8ClampedArray | BigInt64Array | Uint8Array[];

type Numbers = Exclude<TensorValues, Uint8Array[]>;

/** V8 keeps typed arrays of up to this many bytes on its heap; handing out their address would force them off it. */
const SMALL_BYTES = 64;
const READ_WHERE = 'reading a tensor';
const CREATE_WHERE = 'creating a tensor';

/** Moves values between JavaScript and native tensor handles. */
export class TensorData {
  readonly #strings: StringTensors;

  constructor(
    private readonly api: CApi,
    private readonly status: Status,
    private readonly scratch: Scratch,
    context: number,
  ) {
    this.#strings = new StringTensors(api, status, scratch, context);
  }

  /** A native handle in host memory that holds a copy of `values`; the caller frees it. */
  create(shape: readonly number[], type: number, values: TensorValues): number {
    if (Array.isArray(values)) return this.#strings.create(shape, values);
    const tensor = this.#allocate(shape, type, bindable(values, type));
    const handle = this.api.TFE_NewTensorHandle(tensor, this.status.address);
    this.api.TF_DeleteTensor(tensor);
    this.status.check(CREATE_WHERE);
    return handle;
  }

  /** The values as tfjs wants them: every float type as Float32Array, complex values interleaved. */
  read(handle: number): TensorValues {
    return this.#withTensor(handle, (tensor, type) => {
      if (type === DATA_TYPES.string) return readStrings(this.api, tensor);
      const raw = this.#copyOut(tensor);
      switch (type) {
        case DATA_TYPES.float32:
        case DATA_TYPES.complex64:
          return new Float32Array(raw);
        case DATA_TYPES.int32:
          return new Int32Array(raw);
        case DATA_TYPES.int64:
          return new BigInt64Array(raw);
        case DATA_TYPES.bool:
        case DATA_TYPES.resource:
          return new Uint8Array(raw);
        // tfjs knows no 8-bit type: it was told int32.
        case DATA_TYPES.uint8:
          return Int32Array.from(new Uint8Array(raw));
        default:
          return Float32Array.from(widened(raw, type));
      }
    });
  }

  /** The values in double precision, whatever the tensor's true type. */
  readFloat64(handle: number): Float64Array {
    return this.#withTensor(handle, (tensor, type) => widened(this.#copyOut(tensor), type));
  }

  /** The memory as it is; strings as one array of bytes each. */
  readContent(handle: number): Uint8Array | Uint8Array[] {
    return this.#withTensor(handle, (tensor, type) =>
      type === DATA_TYPES.string ? readStrings(this.api, tensor) : new Uint8Array(this.#copyOut(tensor)),
    );
  }

  #allocate(shape: readonly number[], type: number, values: Numbers): number {
    const rank = this.scratch.putShape(shape, CREATE_WHERE);
    let size = 1;
    for (let i = 0; i < rank; i++) size *= shape[i]!;
    const perElement = elementWords(values, type);
    if (values.length !== size * perElement) {
      throw new EngineError('bad-values', {
        where: CREATE_WHERE,
        expected: `${size * perElement} values for shape [${shape.join(', ')}] of ${dataTypeName(type)}`,
        received: `${values.length} values`,
        fix:
          values.length === 0
            ? 'an op takes one tensor, not a list of them: join them with tf.stack or tf.concat'
            : undefined,
      });
    }
    const tensor = this.api.TF_AllocateTensor(type, this.scratch.dimensions, rank, values.byteLength);
    if (values.byteLength > 0) this.#copyIn(this.api.TF_TensorData(tensor), values);
    return tensor;
  }

  #copyIn(address: number, values: Numbers): void {
    const bytes = values.byteLength;
    if (bytes > SMALL_BYTES || values.BYTES_PER_ELEMENT === 8) {
      cLibrary().copyIn(address, values, bytes);
      return;
    }
    const { bytes: small, floats, integers } = this.scratch;
    const kind = arrayKind(values);
    const target = kind === 'Float32Array' ? floats : kind === 'Int32Array' ? integers : small;
    for (let i = 0; i < values.length; i++) target[i] = values[i] as number;
    cLibrary().copyIn(address, small, bytes);
  }

  #copyOut(tensor: number): ArrayBuffer {
    const bytes = this.api.TF_TensorByteSize(tensor);
    const copy = new Uint8Array(bytes);
    if (bytes === 0) return copy.buffer;
    const address = this.api.TF_TensorData(tensor);
    if (bytes <= SMALL_BYTES) {
      cLibrary().copyOut(this.scratch.bytes, address, bytes);
      copy.set(this.scratch.bytes.subarray(0, bytes));
    } else {
      cLibrary().copyOut(copy, address, bytes);
    }
    return copy.buffer;
  }

  #withTensor<T>(handle: number, use: (tensor: number, type: number) => T): T {
    const type = this.api.TFE_TensorHandleDataType(handle);
    const tensor = this.api.TFE_TensorHandleResolve(handle, this.status.address);
    this.status.check(READ_WHERE);
    try {
      return use(tensor, type);
    } finally {
      this.api.TF_DeleteTensor(tensor);
    }
  }
}

/** The kind of a typed array, also of one from another realm. */
function arrayKind(values: ArrayBufferView): string {
  return Object.prototype.toString.call(values).slice('[object '.length, -1);
}

const ARRAY_OF_TYPE: Readonly<Record<number, string>> = {
  [DATA_TYPES.float32]: 'Float32Array',
  [DATA_TYPES.float64]: 'Float64Array',
  [DATA_TYPES.complex64]: 'Float32Array',
  [DATA_TYPES.complex128]: 'Float64Array',
  [DATA_TYPES.int32]: 'Int32Array',
  [DATA_TYPES.uint8]: 'Uint8Array',
  [DATA_TYPES.bool]: 'Uint8Array',
};

/** `values` in the array type that the data type is stored in: tfjs lets any numbers stand for any numeric type. */
function bindable(values: Numbers, type: number): Numbers {
  const kind = arrayKind(values);
  if (kind === ARRAY_OF_TYPE[type] || (type === DATA_TYPES.int64 && /^(Int32|BigInt64)Array$/.test(kind)))
    return values;
  const numbers = kind === 'BigInt64Array' ? Array.from(values as BigInt64Array, Number) : (values as Float32Array);
  switch (type) {
    case DATA_TYPES.float32:
      return Float32Array.from(numbers);
    case DATA_TYPES.float64:
      return Float64Array.from(numbers);
    case DATA_TYPES.int32:
      return Int32Array.from(numbers);
    case DATA_TYPES.uint8:
      return Uint8Array.from(numbers);
    case DATA_TYPES.bool:
      return Uint8Array.from(numbers, (value) => (value === 0 ? 0 : 1));
    default:
      throw new EngineError('bad-values', {
        where: CREATE_WHERE,
        expected: `values of ${dataTypeName(type)}`,
        received: kind,
      });
  }
}

/** Array entries per element: complex values are interleaved, an Int32Array holds int64 as low and high words. */
function elementWords(values: Numbers, type: number): number {
  if (type === DATA_TYPES.complex64 || type === DATA_TYPES.complex128) return 2;
  return type === DATA_TYPES.int64 && arrayKind(values) === 'Int32Array' ? 2 : 1;
}

function widened(raw: ArrayBuffer, type: number): Float64Array {
  switch (type) {
    case DATA_TYPES.float64:
    case DATA_TYPES.complex128:
      return new Float64Array(raw);
    case DATA_TYPES.float32:
    case DATA_TYPES.complex64:
      return Float64Array.from(new Float32Array(raw));
    case DATA_TYPES.float16:
      return fromFloat16(new Uint16Array(raw));
    case DATA_TYPES.bfloat16:
      return fromBfloat16(new Uint16Array(raw));
    case DATA_TYPES.int32:
      return Float64Array.from(new Int32Array(raw));
    case DATA_TYPES.int64:
      return Float64Array.from(new BigInt64Array(raw), Number);
    case DATA_TYPES.bool:
    case DATA_TYPES.uint8:
      return Float64Array.from(new Uint8Array(raw));
    default:
      throw new EngineError('unreadable-type', {
        where: READ_WHERE,
        expected: 'numbers, booleans or strings',
        received: dataTypeName(type),
      });
  }
}
