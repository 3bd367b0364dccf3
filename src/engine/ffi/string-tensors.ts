import { EngineError } from '../../core/errors.js';
import type { CApi } from './c-api.js';
import { cLibrary } from './c-library.js';
import { DATA_TYPES } from './data-types.js';
import { addressAt, internedCString, type Scratch } from './native-memory.js';
import type { Status } from './status.js';

// A TF_TString is 24 bytes; the low two bits of byte 0 tell its kind.
//   0 small   byte 0 = size << 2, then up to 22 bytes of text
//   1 large   u64 size << 2 | 1, u64 capacity, address
//   2 offset  u32 size << 2 | 2, u32 offset from the string itself
//   3 view    u64 size << 2 | 3, address
const STRING_BYTES = 24;
const SMALL_TEXT = 22;
const WHERE = 'creating a string tensor';

export class StringTensors {
  constructor(
    private readonly api: CApi,
    private readonly status: Status,
    private readonly scratch: Scratch,
    private readonly context: number,
  ) {}

  /**
   * A native handle that TensorFlow owns whole. It does not free the strings inside a buffer from `TF_AllocateTensor`,
   * so ours is copied by the op DeepCopy and freed at once.
   */
  create(shape: readonly number[], strings: readonly Uint8Array[]): number {
    const { api, status } = this;
    const tensor = this.#allocate(shape, strings);
    let handle = 0;
    try {
      handle = api.TFE_NewTensorHandle(tensor, status.address);
      status.check(WHERE);
      return this.#deepCopy(handle);
    } finally {
      if (handle !== 0) api.TFE_DeleteTensorHandle(handle);
      strings.forEach((text, i) => {
        if (text.length > SMALL_TEXT) api.TF_StringDealloc(api.TF_TensorData(tensor) + STRING_BYTES * i);
      });
      api.TF_DeleteTensor(tensor);
    }
  }

  #allocate(shape: readonly number[], strings: readonly Uint8Array[]): number {
    const { api, scratch } = this;
    const rank = scratch.putShape(shape, WHERE);
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (size !== strings.length || !strings.every((text) => ArrayBuffer.isView(text))) {
      throw new EngineError('bad-values', {
        where: WHERE,
        expected: `${size} strings as UTF-8 bytes for shape [${shape.join(', ')}]`,
        received: `${strings.length} values`,
      });
    }
    const bytes = STRING_BYTES * size;
    const block = new Uint8Array(bytes);
    strings.forEach((text, i) => {
      if (text.length > SMALL_TEXT) return;
      block[STRING_BYTES * i] = text.length << 2;
      block.set(text, STRING_BYTES * i + 1);
    });
    const tensor = api.TF_AllocateTensor(DATA_TYPES.string, scratch.dimensions, rank, bytes);
    if (size === 0) return tensor;
    const address = api.TF_TensorData(tensor);
    cLibrary().copyIn(address, block, bytes);
    strings.forEach((text, i) => {
      if (text.length > SMALL_TEXT) api.TF_StringCopy(address + STRING_BYTES * i, text, text.length);
    });
    return tensor;
  }

  #deepCopy(handle: number): number {
    const { api, status, scratch } = this;
    const op = api.TFE_NewOp(this.context, internedCString('DeepCopy'), status.address);
    status.check(WHERE);
    try {
      api.TFE_OpAddInput(op, handle, status.address);
      status.check(WHERE);
      api.TFE_OpSetAttrType(op, internedCString('T'), DATA_TYPES.string);
      const results = scratch.results(1);
      scratch.resultCount[0] = 1;
      api.TFE_Execute(op, results, scratch.resultCount, status.address);
      status.check(WHERE);
      return addressAt(results, 0);
    } finally {
      api.TFE_DeleteOp(op);
    }
  }
}

/** The strings of a native tensor as UTF-8 bytes. */
export function readStrings(api: CApi, tensor: number): Uint8Array[] {
  const count = api.TF_TensorElementCount(tensor);
  const block = new Uint8Array(STRING_BYTES * count);
  const address = api.TF_TensorData(tensor);
  if (count > 0) cLibrary().copyOut(block, address, block.length);
  const view = new DataView(block.buffer);
  return Array.from({ length: count }, (_, i) => {
    const start = STRING_BYTES * i;
    const kind = block[start]! & 3;
    if (kind === 0) return block.slice(start + 1, start + 1 + (block[start]! >> 2));
    const long = kind !== 2;
    const size = long ? Number(view.getBigUint64(start, true) >> 2n) : view.getUint32(start, true) >>> 2;
    const source = long
      ? Number(view.getBigUint64(start + (kind === 1 ? 16 : 8), true))
      : address + start + view.getUint32(start + 4, true);
    const text = new Uint8Array(size);
    if (size > 0) cLibrary().copyOut(text, source, size);
    return text;
  });
}
