import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { LookupError, OptionsError } from '../../src/core/errors.js';
import { RngKey } from '../../src/core/rng-key.js';
import { computeFans } from '../../src/initializers/compute-fans.js';
import type { Initializer } from '../../src/initializers/initializer.js';
import {
  initializers,
  resolveInitializer,
  type InitializerLike,
  type InitializerName,
} from '../../src/initializers/resolve-initializer.js';

const golden = JSON.parse(readFileSync(new URL('../golden/layers.json', import.meta.url), 'utf8')) as {
  initializers: {
    fans: { shape: number[]; fans: [number, number] }[];
    presets: Record<string, { distribution: string; deviation: number }>;
  };
};

const KEY = RngKey.fromSeed(11, 'test');
/** Enough draws for the tolerance below. */
const LARGE = [200, 2, 15, 35];
const DRAWS = 200 * 2 * 15 * 35;
/** As many draws again, of a matrix of 30 rows and 70 columns. */
const MATRICES = 100;
/** Six standard errors of a standard deviation that is estimated from that many draws, `6 / sqrt(2 n)`. */
const DEVIATION_TOLERANCE = 6 / Math.sqrt(2 * DRAWS);

function moments(values: ArrayLike<number>): { mean: number; deviation: number } {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    squares += values[i]! ** 2;
  }
  const mean = sum / values.length;
  return { mean, deviation: Math.sqrt(squares / values.length - mean ** 2) };
}

function expectMoments(values: Float32Array, mean: number, deviation: number): void {
  const found = moments(values);
  expect(Math.abs(found.mean - mean)).toBeLessThan((6 * deviation) / Math.sqrt(values.length));
  expect(Math.abs(found.deviation / deviation - 1)).toBeLessThan(DEVIATION_TOLERANCE);
}

describe('fans', () => {
  it.each(golden.initializers.fans)('of $shape are $fans, as in Keras', ({ shape, fans }) => {
    const { fanIn, fanOut } = computeFans(shape);
    expect([fanIn, fanOut]).toEqual(fans);
  });
});

describe('constant initializers', () => {
  it.each([
    ['zeros', initializers.zeros(), 0],
    ['ones', initializers.ones(), 1],
    ['constant', initializers.constant({ value: -2.5 }), -2.5],
  ])('%s fill the shape', (_, initializer, value) => {
    expect(Array.from(initializer.values([2, 3], KEY))).toEqual(Array.from({ length: 6 }, () => value));
  });

  it('need a value', () => {
    expect(() => initializers.constant({})).toThrow(/\[invalid-option\] option "value" of initializer constant/);
  });
});

describe('random initializers', () => {
  it('randomNormal has the mean and standard deviation given', () => {
    const initializer = initializers.randomNormal({ mean: 3, standardDeviation: 0.5 });
    expectMoments(initializer.values(LARGE, KEY), 3, 0.5);
  });

  it('truncatedNormal stays within two standard deviations', () => {
    const values = initializers.truncatedNormal({ mean: 1, standardDeviation: 0.5 }).values(LARGE, KEY);
    expect(values.every((value) => value >= 0 && value <= 2)).toBe(true);
    expectMoments(values, 1, 0.5 * 0.87962566103423978);
  });

  it('randomUniform stays in its interval', () => {
    const values = initializers.randomUniform({ minimum: -1, maximum: 3 }).values(LARGE, KEY);
    expect(values.every((value) => value >= -1 && value <= 3)).toBe(true);
    expectMoments(values, 1, 4 / Math.sqrt(12));
  });

  it.each(Object.entries(golden.initializers.presets))(
    '%s has the deviation of Keras',
    (name, { distribution, deviation }) => {
      const initializer = resolveInitializer(name as InitializerName, 'a test');
      const draws = Array.from({ length: MATRICES }, (_, i) => initializer.values([30, 70], KEY.foldIn(i)));
      const values = Float32Array.from(draws.flatMap((part) => Array.from(part)));
      expectMoments(values, 0, deviation);
      const limit = distribution === 'uniform' ? Math.sqrt(3) * deviation : (2 * deviation) / 0.87962566103423978;
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeLessThanOrEqual(limit * (1 + 2 ** -23));
      expect(largest).toBeGreaterThan(0.99 * limit);
    },
  );

  it('varianceScaling takes every mode and distribution', () => {
    for (const [mode, fan] of [
      ['fanIn', 30],
      ['fanOut', 70],
      ['fanAvg', 50],
    ] as const) {
      for (const distribution of ['truncatedNormal', 'untruncatedNormal', 'uniform'] as const) {
        const initializer = initializers.varianceScaling({ scale: 3, mode, distribution });
        const draws = Array.from({ length: MATRICES }, (_, i) => initializer.values([30, 70], KEY.foldIn(i)));
        expectMoments(Float32Array.from(draws.flatMap((part) => Array.from(part))), 0, Math.sqrt(3 / fan));
      }
    }
  });

  it('draw the same numbers from the same key only', () => {
    for (const name of ['randomNormal', 'truncatedNormal', 'randomUniform', 'varianceScaling', 'heNormal'] as const) {
      const initializer = initializers[name]();
      expect(initializer.values([4, 3], KEY)).toEqual(initializer.values([4, 3], KEY));
      expect(initializer.values([4, 3], KEY)).not.toEqual(initializer.values([4, 3], KEY.child('other')));
    }
  });
});

describe('resolveInitializer', () => {
  const resolve = (like: unknown) => () => resolveInitializer(like as InitializerLike, 'weight "kernel"');

  it('takes names, initializers and plain data', () => {
    const own: Initializer = { name: 'own', values: () => new Float32Array(1) };
    expect(resolveInitializer('heNormal', 'a test').name).toBe('heNormal');
    expect(resolveInitializer(own, 'a test')).toBe(own);
    expect(resolveInitializer({ name: 'constant', value: 4 }, 'a test').values([1], KEY)[0]).toBe(4);
  });

  it.each(Object.keys(initializers) as (keyof typeof initializers)[])('%s comes back from JSON as it was', (name) => {
    const initializer = name === 'constant' ? initializers.constant({ value: 7 }) : initializers[name]();
    const stored = JSON.parse(JSON.stringify(initializer)) as InitializerLike;
    const restored = resolveInitializer(stored, 'a test');
    expect(JSON.stringify(restored)).toBe(JSON.stringify(initializer));
    expect(restored.values([3, 2], KEY)).toEqual(initializer.values([3, 2], KEY));
  });

  it('refuses what it does not know', () => {
    expect(resolve('heNormall')).toThrow(LookupError);
    expect(resolve('heNormall')).toThrow(/initializer of weight "kernel"[^]*did you mean "heNormal"/);
    expect(resolve('toString')).toThrow(LookupError);
    expect(resolve(3)).toThrow(/\[initializer-type\]/);
    expect(resolve({ name: 'randomNormal', stddev: 1 })).toThrow(/\[unknown-option\]/);
  });

  it.each([
    [() => initializers.randomNormal({ standardDeviation: -1 }), 'standardDeviation'],
    [() => initializers.randomUniform({ minimum: 1, maximum: 0 }), 'maximum'],
    [() => initializers.varianceScaling({ scale: 0 }), 'scale'],
    [() => initializers.varianceScaling({ mode: 'fan_in' as 'fanIn' }), 'mode'],
    [() => initializers.varianceScaling({ distribution: 'normal' as 'uniform' }), 'distribution'],
    [() => initializers.truncatedNormal({ mean: Number.NaN }), 'mean'],
  ])('refuses invalid values: %s', (make, option) => {
    expect(make).toThrow(OptionsError);
    expect(make).toThrow(`option "${option}"`);
  });
});
