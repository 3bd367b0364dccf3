import { dataTypeName } from '../engine/ffi/data-types.js';
import type { NodeValue } from '../engine/record/node-values.js';

/** What the numbers of one tensor are like. */
export interface ValueStatistics {
  /** What it is: `weight dense/kernel`, `x`, `Square of dense`. */
  readonly name: string;
  /** `float32`, `bfloat16`, `int32`, ... */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Smallest finite number; NaN where there is none. */
  readonly min: number;
  /** Largest finite number; NaN where there is none. */
  readonly max: number;
  /** Mean of the finite numbers; NaN where there is none. */
  readonly mean: number;
  /** How many are NaN. */
  readonly nan: number;
  /** How many are infinite. */
  readonly infinite: number;
  /** How many are zero. */
  readonly zeros: number;
}

export function statisticsOf(name: string, { type, shape, values }: NodeValue): ValueStatistics {
  const counts = { nan: 0, infinite: 0, zeros: 0 };
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (const value of values) {
    if (Number.isNaN(value)) counts.nan++;
    else if (!Number.isFinite(value)) counts.infinite++;
    else {
      if (value === 0) counts.zeros++;
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
    }
  }
  const finite = values.length - counts.nan - counts.infinite;
  const range = finite === 0 ? { min: NaN, max: NaN } : { min, max };
  return { name, dtype: dataTypeName(type), shape, ...range, mean: finite === 0 ? NaN : sum / finite, ...counts };
}
