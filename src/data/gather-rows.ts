import { sizeOf } from '../core/shape.js';
import type { HostArray } from './host-array.js';

/** Below this many elements a row is copied faster by a loop than by a call of `set`. */
const SHORT_ROW = 16;

/**
 * Copies rows into one new array: those listed in `order[start .. end - 1]`, or rows `start .. end - 1` where there is no order.
 * Pixels come out as float32.
 *
 * @param spent - values of an earlier call for this array, to be written over where as many are wanted
 */
export function gatherRows(
  array: HostArray,
  order: Int32Array | null,
  start: number,
  end: number,
  spent?: HostArray['values'],
): HostArray {
  const { values, dtype } = array;
  const rowShape = array.shape.slice(1);
  const width = sizeOf(rowShape);
  const shape = [end - start, ...rowShape];
  const length = (end - start) * width;
  const out = spent?.length === length ? spent : emptyValues(dtype, length);
  if (order === null) {
    out.set(values.subarray(start * width, end * width));
  } else if (width < SHORT_ROW) {
    let to = 0;
    for (let i = start; i < end; i++) {
      const from = order[i]! * width;
      for (let j = 0; j < width; j++) out[to++] = values[from + j]!;
    }
  } else {
    for (let i = start, to = 0; i < end; i++, to += width) {
      const from = order[i]! * width;
      out.set(values.subarray(from, from + width), to);
    }
  }
  return { values: out, shape, dtype };
}

/** Values of zero, in the class that a batch of this dtype has. */
export function emptyValues(dtype: HostArray['dtype'], length: number): HostArray['values'] {
  if (dtype === 'float32') return new Float32Array(length);
  return dtype === 'int32' ? new Int32Array(length) : new Uint8Array(length);
}
