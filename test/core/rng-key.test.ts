import { describe, expect, it } from '@jest/globals';
import {
  IntegerStream,
  RngKey,
  integers,
  normal,
  permutation,
  rngKey,
  truncatedNormal,
  uniform,
} from '../../src/core/rng-key.js';

const PINNED_KEY = [3947368720, 362443414];
const PINNED_UNIFORM = [0.21225112676620483, 0.5189314484596252, 0.028467535972595215];
const PINNED_NORMAL = [-1.3040618896484375, 0.7146361470222473, 0.040117889642715454];

const key = rngKey(42, 'test');
const COUNT = 100_000;

function moments(values: Float32Array): { mean: number; variance: number } {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  return { mean, variance: squares / values.length - mean * mean };
}

/** Five standard errors of the mean of 100,000 draws with unit variance. */
const MEAN_TOLERANCE = 5 / Math.sqrt(COUNT);
/** Five standard errors of the variance of 100,000 normal draws. */
const VARIANCE_TOLERANCE = 5 * Math.sqrt(2 / COUNT);

describe('RngKey', () => {
  it('gives fixed keys: changing the derivation would change every seeded run', () => {
    const fixed = RngKey.fromSeed(1, 'dense_1', 'kernel', 3);
    expect([fixed.low, fixed.high]).toEqual(PINNED_KEY);
    expect([...uniform(fixed, 3)]).toEqual(PINNED_UNIFORM);
    expect([...normal(fixed, 3)]).toEqual(PINNED_NORMAL);
  });

  it('derives different keys for different seeds, names, splits of names and numbers', () => {
    const keys = [
      RngKey.fromSeed(0),
      RngKey.fromSeed(1),
      RngKey.fromSeed(2 ** 32),
      RngKey.fromSeed(2 ** 53 - 1),
      RngKey.fromSeed(0, ''),
      RngKey.fromSeed(0, '\0'),
      RngKey.fromSeed(0, 'a'),
      RngKey.fromSeed(0, 'ab'),
      RngKey.fromSeed(0, 'a', 'b'),
      RngKey.fromSeed(0, '1'),
      RngKey.fromSeed(0, 1),
      RngKey.fromSeed(0, 2 ** 32),
      RngKey.fromSeed(0, 'abcdefgh'),
      RngKey.fromSeed(0, 'abcdefghi'),
      RngKey.fromSeed(0, 'größe'),
    ].map((each) => `${each.low}:${each.high}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('is the same along either way of writing a path', () => {
    expect(RngKey.fromSeed(5).child('a').foldIn(3)).toEqual(RngKey.fromSeed(5, 'a', 3));
    expect(rngKey(5, 'a', 3)).toEqual(RngKey.fromSeed(5, 'a', 3));
    expect(RngKey.fromWords(key.low, key.high)).toEqual(key);
  });

  it.each([-1, 0.5, NaN, 2 ** 53, Infinity])('refuses the seed %p', (seed) => {
    expect(() => RngKey.fromSeed(seed)).toThrow(expect.objectContaining({ kind: 'invalid-seed' }));
    expect(() => key.foldIn(seed)).toThrow(expect.objectContaining({ kind: 'invalid-seed' }));
  });
});

describe('draws', () => {
  it.each([
    ['uniform', uniform],
    ['normal', normal],
    ['truncatedNormal', truncatedNormal],
  ])('%s: fewer are a prefix of more, and nothing is consumed', (_name, draw) => {
    const many = draw(key, 10_001);
    for (const count of [0, 1, 2, 3, 5, 4096, 4097]) expect(draw(key, count)).toEqual(many.slice(0, count));
  });

  it('uniform lies in [0, 1), is even and has 24 bits', () => {
    const values = uniform(key, COUNT);
    const buckets = new Int32Array(16);
    for (const value of values) {
      buckets[Math.floor(value * 16)]!++;
      if (!Number.isInteger(value * 2 ** 24)) throw new Error(`${value} has more than 24 bits`);
    }
    const chiSquare = buckets.reduce((sum, count) => sum + (count - COUNT / 16) ** 2 / (COUNT / 16), 0);
    // The 99.99 % point of the chi-square distribution with 15 degrees of freedom.
    expect(chiSquare).toBeLessThan(44.3);
  });

  it('normal has mean 0, variance 1 and the right share beyond two standard deviations', () => {
    const values = normal(key, COUNT);
    const { mean, variance } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(MEAN_TOLERANCE);
    expect(Math.abs(variance - 1)).toBeLessThan(VARIANCE_TOLERANCE);
    const beyond = values.filter((value) => Math.abs(value) > 2).length / COUNT;
    expect(Math.abs(beyond - 0.0455)).toBeLessThan(5 * Math.sqrt((0.0455 * 0.9545) / COUNT));
  });

  it('truncatedNormal stays within two and has the variance of the cut distribution', () => {
    const values = truncatedNormal(key, COUNT);
    const { mean, variance } = moments(values);
    expect(values.every((value) => Math.abs(value) <= 2)).toBe(true);
    expect(Math.abs(mean)).toBeLessThan(MEAN_TOLERANCE);
    // 1 - 4 phi(2) / (2 Phi(2) - 1), the variance of the standard normal cut at two.
    expect(Math.abs(variance - 0.7737)).toBeLessThan(VARIANCE_TOLERANCE);
  });

  it('draws of different kinds from one key are unrelated', () => {
    const [a, b] = [uniform(key, COUNT), normal(key, COUNT)];
    let covariance = 0;
    for (let i = 0; i < COUNT; i++) covariance += ((a[i]! - 0.5) * Math.sqrt(12) * b[i]!) / COUNT;
    expect(Math.abs(covariance)).toBeLessThan(MEAN_TOLERANCE);
  });

  it('integers covers its range, negative numbers included', () => {
    const values = integers(key, 10_000, -3, 4);
    expect([...new Set(values)].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
    expect(integers(key, 5, 0, 1)).toEqual(new Int32Array(5));
    expect(() => integers(key, 1, 4, 4)).toThrow(expect.objectContaining({ kind: 'invalid-range' }));
  });

  it('permutation holds every number once, and depends on the key', () => {
    const order = permutation(key, 1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect([...order]).not.toEqual([...permutation(key.foldIn(1), 1000)]);
    expect(permutation(key, 1000)).toEqual(order);
    expect([...permutation(key, 0)]).toEqual([]);
  });

  it('permutation is fair: each of the six orders of three is as likely', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const name = permutation(key.foldIn(i), 3).join('');
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(counts.size).toBe(6);
    // The 99.99 % point of the chi-square distribution with 5 degrees of freedom.
    expect(chiSquare).toBeLessThan(25.7);
  });

  it('an integer stream goes on over many blocks', () => {
    const stream = new IntegerStream(key);
    const seen = new Set(Array.from({ length: 1000 }, () => stream.below(2 ** 32)));
    expect(seen.size).toBeGreaterThan(990);
  });
});
