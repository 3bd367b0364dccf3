import { describe, expect, it } from '@jest/globals';
import { LearningRateCurve } from '../../src/training/learning-rate-curve.js';

const RATES = Array.from({ length: 60 }, (_, i) => 10 ** (-6 + i / 10));
const OPTIONS = { smoothing: 0.5 };

/** Falls steepest at 1e-3, over the logarithm, and explodes above 0.5. */
const valley = (rate: number): number => 2 - rate / (rate + 1e-3) + rate ** 4 * 16;

describe('LearningRateCurve', () => {
  it('suggests the rate of the steepest fall before the lowest point', () => {
    const curve = new LearningRateCurve(RATES, RATES.map(valley), OPTIONS);
    expect(Math.abs(Math.log10(curve.suggestion!) + 3)).toBeLessThan(0.3);
    expect(curve.note).toBeNull();
    expect(curve.losses).toEqual(RATES.map(valley));
  });

  it('moves the suggestion with smoothing by no more than a step or two', () => {
    const places = [0, 0.5, 0.8].map((smoothing) => {
      const { suggestion } = new LearningRateCurve(RATES, RATES.map(valley), { smoothing });
      return RATES.indexOf(suggestion!);
    });
    expect(Math.max(...places) - Math.min(...places)).toBeLessThanOrEqual(3);
  });

  it('smooths without shifting: a dip stays where it is', () => {
    const dip = RATES.map((_, i) => (i === 30 ? 0.2 : 1));
    const { smoothedLosses } = new LearningRateCurve(RATES, dip, { smoothing: 0.8 });
    expect(smoothedLosses.indexOf(Math.min(...smoothedLosses))).toBe(30);
    expect(smoothedLosses[27]! / smoothedLosses[33]!).toBeCloseTo(1, 2);
  });

  it('finds a fall before an explosion that dwarfs it', () => {
    const losses = RATES.map((rate, i) => (i >= 55 ? 10 ** (i - 50) : valley(rate)));
    const { suggestion } = new LearningRateCurve(RATES, losses, { smoothing: 0.8 });
    expect(Math.abs(Math.log10(suggestion!) + 3)).toBeLessThan(0.7);
  });

  it('ends before the first loss that is not finite', () => {
    const losses = RATES.map((rate, i) => (i >= 50 ? [NaN, Infinity, 1][(i - 50) % 3]! : valley(rate)));
    const curve = new LearningRateCurve(RATES, losses, OPTIONS);
    expect(curve.learningRates).toHaveLength(50);
    expect(curve.losses.every(Number.isFinite)).toBe(true);
    expect(curve.suggestion).not.toBeNull();
  });

  it.each([
    ['never finite', RATES.map(() => NaN), /not finite from the first step on/],
    ['rising', RATES.map((rate) => 1 + rate), /did not fall/],
    ['noise', RATES.map((_, i) => 2 + Math.sin(12.9898 * (i + 1) ** 2)), /less than the batches differ/],
  ])('suggests nothing where the loss is %s, and says why', (_, losses, note) => {
    const curve = new LearningRateCurve(RATES, losses, { smoothing: 0.9 });
    expect(curve.suggestion).toBeNull();
    expect(curve.note).toMatch(note);
    expect(String(curve)).toMatch(note);
  });

  it('is drawn, with the suggestion pointed at', () => {
    const text = String(new LearningRateCurve(RATES, RATES.map(valley), OPTIONS));
    const lines = text.split('\n');
    expect(lines).toHaveLength(14);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text).not.toMatch(/NaN|undefined/);
    // One star a column, highest first and last, and a mark below.
    const rows = lines.slice(1, 11).map((line) => line.slice(line.indexOf('|') + 1));
    for (let column = 0; column < 60; column++) {
      expect(rows.filter((row) => row[column] === '*')).toHaveLength(1);
    }
    const mark = lines[11]!.indexOf('^') - lines[11]!.indexOf('+') - 1;
    expect(rows.findIndex((row) => row[mark] === '*')).toBeGreaterThan(0);
    expect(lines[12]).toMatch(/^ +1\.0e-6 +0\.79$/);
    expect(lines[13]).toMatch(/0\.\d+ suggested$/);
  });
});
