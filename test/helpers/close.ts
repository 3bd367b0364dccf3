import { expect } from '@jest/globals';

/** A few roundings of float32, of 6e-8 each, in sums of a few terms. */
export const FLOAT32_TOLERANCE = 2e-6;

/** Expects two lists of numbers to be equal but for rounding, relative to the largest. */
export function expectClose(
  actual: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number = FLOAT32_TOLERANCE,
): void {
  expect(actual.length).toBe(wanted.length);
  const scale = Math.max(1, ...Array.from(wanted, Math.abs));
  const worst = Math.max(0, ...Array.from(actual, (value, i) => Math.abs(value - wanted[i]!) / scale));
  if (!(worst <= tolerance)) expect(Array.from(actual)).toEqual(Array.from(wanted));
}
