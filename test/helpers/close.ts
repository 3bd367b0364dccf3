import { expect } from '@jest/globals';
import { noteEquality } from './note-equality.js';

/** A few roundings of float32, of 6e-8 each, in sums of a few terms. */
export const FLOAT32_TOLERANCE = 2e-6;

/**
 * Expects two lists of numbers to be equal but for rounding, relative to the largest.
 *
 * @param row - of the table of equalities in which the comparison counts; default none
 */
export function expectClose(
  actual: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number = FLOAT32_TOLERANCE,
  row?: string,
): void {
  expect(actual.length).toBe(wanted.length);
  const scale = Math.max(1, ...Array.from(wanted, Math.abs));
  const worst = Math.max(0, ...Array.from(actual, (value, i) => Math.abs(value - wanted[i]!) / scale));
  if (row !== undefined) noteEquality(row, worst, tolerance);
  if (!(worst <= tolerance)) expect(Array.from(actual)).toEqual(Array.from(wanted));
}
