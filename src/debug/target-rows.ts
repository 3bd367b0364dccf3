import { sizeOf } from '../core/shape.js';
import type { Batch } from '../data/example.js';
import type { HostArray } from '../data/host-array.js';
import type { BaseLoss } from '../losses/base-loss.js';
import { SparseCategoricalCrossentropy } from '../losses/sparse-categorical-crossentropy.js';

/** Columns that are looked at; of wider rows every so many-th. */
const MOST_INPUTS = 1024;
const MOST_TARGETS = 16;
/** Times the distance of the quartiles; a normal distribution goes 2 of them beyond. */
const OUTLIER = 3;

/** The inputs as rows of numbers. */
export function inputRows({ x }: Batch): Float64Array[] {
  return rowsOf(x, MOST_INPUTS);
}

/** The labels as rows of numbers, a class as one of several columns; `null` where there are none, or they do not differ. */
export function targetRows(loss: BaseLoss, { y }: Batch): Float64Array[] | null {
  if (y === undefined) return null;
  const width = sizeOf(y.shape.slice(1));
  if (!(loss instanceof SparseCategoricalCrossentropy) || width !== 1) {
    const rows = withoutOutliers(rowsOf(y, MOST_TARGETS));
    return rows.some((row) => row.some((value, i) => value !== rows[0]![i])) ? rows : null;
  }
  const classes = [...new Set<number>(y.values)];
  if (classes.length < 2) return null;
  const commonest = classes.slice(0, MOST_TARGETS);
  return Array.from(y.values, (label) => Float64Array.from(commonest, (one) => (one === label ? 1 : 0)));
}

/** Numbers far beyond the others, set to where they begin: one of them would outweigh all that can be told of the rest. */
function withoutOutliers(rows: Float64Array[]): Float64Array[] {
  const width = rows[0]?.length ?? 0;
  for (let column = 0; column < width; column++) {
    const sorted = rows.map((row) => row[column]!).sort((a, b) => a - b);
    const [low, high] = [sorted[Math.floor(sorted.length / 4)]!, sorted[Math.floor((3 * sorted.length) / 4)]!];
    const reach = OUTLIER * (high - low);
    if (reach === 0) continue;
    for (const row of rows) row[column] = Math.min(high + reach, Math.max(low - reach, row[column]!));
  }
  return rows;
}

function rowsOf({ values, shape }: HostArray, most: number): Float64Array[] {
  const width = sizeOf(shape.slice(1));
  const kept = Math.min(width, most);
  return Array.from({ length: shape[0]! }, (_, row) =>
    Float64Array.from({ length: kept }, (__, i) => values[row * width + Math.floor((i * width) / kept)]!),
  );
}
