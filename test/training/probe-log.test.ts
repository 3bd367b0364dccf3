import { describe, expect, it } from '@jest/globals';
import { ProbeLog } from '../../src/training/probe-log.js';
import type { ProbeReading } from '../../src/training/probe-contract.js';

const histogram = { min: 0, max: 1, counts: [1] };

function readingAt(totalSteps: number, layers = 1): ProbeReading {
  const paths = Array.from({ length: layers }, (_, i) => `dense_${i}`);
  return {
    epoch: 0,
    step: totalSteps,
    totalSteps,
    loss: 1,
    weights: Object.fromEntries(
      paths.map((path) => [`${path}/kernel`, { gradientNorm: 1, weightHistogram: histogram }]),
    ),
    layers: Object.fromEntries(paths.map((path) => [path, { mean: 0, outputHistogram: histogram }])),
    withoutGradient: [],
  };
}

function logOf(count: number, layers = 1): ProbeLog {
  const log = new ProbeLog();
  for (let step = 0; step < count; step++) log.add(readingAt(step, layers));
  return log;
}

describe('what is kept of the readings of a run', () => {
  it('is all of a short one, without histograms', () => {
    const { all } = logOf(4000);
    expect(all.map(({ totalSteps }) => totalSteps)).toEqual(Array.from({ length: 4000 }, (_, i) => i));
    expect(all[0]!.weights['dense_0/kernel']).toEqual({ gradientNorm: 1 });
    expect(all[0]!.layers['dense_0']).toEqual({ mean: 0 });
  });

  it('is a bounded number of a long one: the first, the newest, and evenly spaced ones between', () => {
    const log = new ProbeLog();
    const { all } = log;
    for (let step = 0; step < 100_000; step++) {
      log.add(readingAt(step));
      expect(all.length).toBeLessThanOrEqual(4000);
    }
    const steps = all.map(({ totalSteps }) => totalSteps);
    expect(steps.slice(0, 32)).toEqual(Array.from({ length: 32 }, (_, i) => i));
    expect(steps.slice(-1000)).toEqual(Array.from({ length: 1000 }, (_, i) => 99_000 + i));
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    const between = steps.filter((step) => step >= 64 && step < 90_000);
    expect(new Set(between.slice(1).map((step, i) => step - between[i]!)).size).toBe(1);
    expect(between.length).toBeGreaterThan(1000);
  });

  it('is fewer of a model with many layers', () => {
    expect(logOf(1000, 1500).all.length).toBeLessThanOrEqual(200);
    expect(logOf(150, 1500).all).toHaveLength(150);
  });
});
