import { describe, expect, it } from '@jest/globals';
import { logOfFraction, sineCosineOfTurns } from '../../src/core/portable-math.js';

/** A few units in the last place of float64: what a short series may lose against the engine's own function. */
const FEW_ULPS = 4e-16;

describe('portable math', () => {
  it('takes the logarithm of fractions from 2^-32 to 1', () => {
    for (const word of [1, 2, 3, 1000, 12345678, 2 ** 31, 3037000500, 3037000499, 2 ** 32 - 1, 2 ** 32]) {
      const expected = Math.log(word / 2 ** 32);
      expect(Math.abs(logOfFraction(word) - expected)).toBeLessThanOrEqual(FEW_ULPS * Math.max(1, Math.abs(expected)));
    }
    expect(logOfFraction(2 ** 32)).toBe(0);
  });

  it('takes sine and cosine in every quadrant, forwards and backwards', () => {
    const out = new Float64Array(2);
    for (let i = -100; i <= 100; i++) {
      const turns = i / 61;
      sineCosineOfTurns(turns, out);
      // The reference itself rounds 2 pi turns, hence a wider allowance than the function needs.
      expect(Math.abs(out[0]! - Math.sin(2 * Math.PI * turns))).toBeLessThan(4 * FEW_ULPS);
      expect(Math.abs(out[1]! - Math.cos(2 * Math.PI * turns))).toBeLessThan(4 * FEW_ULPS);
    }
  });
});
