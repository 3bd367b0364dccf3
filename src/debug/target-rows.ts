import { sizeOf } from '../core/shape.js';
import type { Batch } from '../data/example.js';
import type { HostArray } from '../data/host-array.js';
import type { BaseLoss } from '../losses/base-loss.js';
import { SparseCategoricalCrossentropy } from '../losses/sparse-categorical-crossentropy.js';

/** Columns that are looked at; of wider rows every so many-th. */
const MOST_INPUTS = 1024;
const MOST_TARGETS = 16;

/** The inputs as rows of numbers. */
export function inputRows({ x }: Batch): Float64Array[] {
  return rowsOf(x, MOST_INPUTS);
}

/** The labels as rows of numbers, a class as one of several columns; `null` where there are none, or they do not differ. */
export function targetRows(loss: BaseLoss, { y }: Batch): Float64Array[] | null {
  if (y === undefined) return null;
  const width = sizeOf(y.shape.slice(1));
  if (!(loss instanceof SparseCategoricalCrossentropy) || width !== 1) {
    const rows = rowsOf(y, MOST_TARGETS);
    return rows.some((row) => row.some((value, i) => value !== rows[0]![i])) ? rows : null;
  }
  const classes = [...new Set<number>(y.values)];
  if (classes.length < 2) return null;
  const commonest = classes.slice(0, MOST_TARGETS);
  return Array.from(y.values, (label) => Float64Array.from(commonest, (one) => (one === label ? 1 : 0)));
}

function rowsOf({ values, shape }: HostArray, most: number): Float64Array[] {
  const width = sizeOf(shape.slice(1));
  const kept = Math.min(width, most);
  return Array.from({ length: shape[0]! }, (_, row) =>
    Float64Array.from({ length: kept }, (__, i) => values[row * width + Math.floor((i * width) / kept)]!),
  );
}
