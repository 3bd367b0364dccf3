import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { tf } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { SparseCategoricalCrossentropy } from '../../src/losses/sparse-categorical-crossentropy.js';
import type { BaseModel } from '../../src/model/base-model.js';
import type { CheckpointPolicy } from '../../src/model/checkpoint-policy.js';
import { fitBudget } from '../../src/model/fit-budget.js';
import { segmentsOf } from '../../src/model/checkpoint-policy.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { liveObjects, thrownBy, weightsOf } from '../helpers/models.js';

/** What kernels need for themselves is not foretold, and a few traced runs need not meet the highest peak. */
const TOLERANCE = 0.15;

const compiled = (model: BaseModel, checkpoint: CheckpointPolicy): BaseModel => {
  model.compile({ optimizer: 'adam', loss: new SparseCategoricalCrossentropy({ fromLogits: true }), checkpoint });
  return model;
};
const perceptron = () =>
  sequential(
    [...Array.from({ length: 12 }, () => layers.dense({ units: 64, activation: 'gelu' })), layers.dense({ units: 10 })],
    {
      inputShape: [64],
    },
  );
const images = () =>
  sequential(
    [
      layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
      ...[0, 1, 2, 3].map(() =>
        layers.residual({
          body: [
            layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', useBias: false }),
            layers.batchNormalization(),
            layers.activation({ activation: 'relu' }),
            layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', useBias: false }),
            layers.batchNormalization(),
          ],
        }),
      ),
      layers.globalAveragePooling2d(),
      layers.dense({ units: 10 }),
    ],
    { inputShape: [16, 16, 3] },
  );

describe('memoryReport', () => {
  useTestEngine();

  it.each<[string, () => BaseModel, number[], number, CheckpointPolicy]>(
    (['none', 'all', 'sqrt', { maxActivationMb: 10 }] as const).flatMap((policy) =>
      [1100, 2500]
        .map((batch): [string, () => BaseModel, number[], number, CheckpointPolicy] => [
          `perceptron, ${JSON.stringify(policy)}, batch of ${batch}`,
          perceptron,
          [64],
          batch,
          policy,
        ])
        .concat(
          [48, 100].map((batch) => [
            `images, ${JSON.stringify(policy)}, batch of ${batch}`,
            images,
            [16, 16, 3],
            batch,
            policy,
          ]),
        ),
    ),
  )('foretells the peak of a step: %s', async (_name, make, shape, batch, policy) => {
    const model = compiled(make(), policy);
    const x = tf.randomUniform([batch, ...shape]);
    const y = tf.zeros([batch], 'int32');
    const report = await model.memoryReport({ batchSize: batch, x, y });
    expect(Math.abs(report.peak / report.measured! - 1)).toBeLessThan(TOLERANCE);
    expect(report.activations <= report.activationsWithoutPolicy).toBe(true);
    tf.dispose([x, y]);
    model.dispose();
  });

  it('adds up, changes nothing and leaves nothing behind', async () => {
    const model = compiled(perceptron(), 'sqrt');
    const before = weightsOf(model);
    await model.memoryReport({ batchSize: 8 });
    const live = liveObjects();
    const report = await model.memoryReport({ batchSize: 8 });
    expect(liveObjects()).toEqual(live);
    expect(weightsOf(model)).toEqual(before);
    const count = 4 * model.countParams();
    expect(report.parameters).toBe(count);
    expect(report.gradients).toBe(count);
    expect(report.optimizerState).toBeGreaterThanOrEqual(2 * count);
    expect(report.input).toBe(8 * (64 + 1) * 4);
    expect(report.total).toBe(report.parameters + report.optimizerState + report.input + report.peak);
    expect(report.measured).toBeUndefined();
    expect(report.table()).toMatch(/activations kept/);
    model.dispose();
  });

  it('is refused before the model is compiled or built, and where x is no batch', async () => {
    const model = sequential([layers.dense({ units: 2 })]);
    await expect(model.memoryReport()).rejects.toThrow('[not-compiled]');
    model.compile({ loss: 'meanSquaredError' });
    await expect(model.memoryReport()).rejects.toThrow('[not-built]');
    model.build([null, 3]);
    await expect(model.memoryReport({ batchSize: 8, x: [[1, 2, 3]], y: [[1, 2]] })).rejects.toThrow(
      '[too-few-examples]',
    );
    model.dispose();
  });
});

describe('segments', () => {
  const chain = Array.from({ length: 9 }, (_, i) => ({
    inputBytes: i === 0 ? 0 : 10,
    keepsInput: true,
    innerBytes: 30,
    operations: 1,
  }));
  const held = (segments: ReturnType<typeof fitBudget>): number => {
    let sum = 0;
    let largest = 0;
    for (const { from, to, again } of segments) {
      const inside = chain.slice(from, to).reduce((bytes, unit) => bytes + unit.innerBytes + unit.inputBytes, 0);
      if (again) {
        sum += chain[from]!.inputBytes;
        largest = Math.max(largest, inside - chain[from]!.inputBytes);
      } else sum += inside;
    }
    return sum + largest;
  };
  const twice = (segments: ReturnType<typeof fitBudget>): number =>
    segments.reduce((sum, { from, to, again }) => sum + (again ? to - from : 0), 0);

  it('keep a budget at the least cost', () => {
    // In all 9 * 30 + 8 * 10 = 350.
    expect(twice(fitBudget(chain, 400, 'a test'))).toBe(0);
    let before = 0;
    for (const budget of [340, 300, 250, 200, 160, 130]) {
      const segments = fitBudget(chain, budget, 'a test');
      expect(segments.map(({ from }) => from)).toEqual([0, ...segments.slice(0, -1).map(({ to }) => to)]);
      expect(segments.at(-1)!.to).toBe(9);
      expect(held(segments)).toBeLessThanOrEqual(budget);
      expect(twice(segments)).toBeGreaterThanOrEqual(before);
      before = twice(segments);
    }
    // Sizes are rounded up, together by less than 4 %.
    for (const budget of [325, 250, 210]) {
      const cost = twice(fitBudget(chain, budget, 'a test'));
      expect(cost).toBeGreaterThanOrEqual(best(budget));
      expect(cost).toBeLessThanOrEqual(best(0.96 * budget));
    }
  });

  /** The cheapest of all ways to cut the chain, tried one by one. */
  function best(budget: number): number {
    let least = Infinity;
    const ways = (from: number, segments: { from: number; to: number; again: boolean }[]): void => {
      if (from === 9) {
        if (held(segments) <= budget) least = Math.min(least, twice(segments));
        return;
      }
      for (let to = from + 1; to <= 9; to++) {
        ways(to, [...segments, { from, to, again: true }]);
        if (to === from + 1) ways(to, [...segments, { from, to, again: false }]);
      }
    };
    ways(0, []);
    return least;
  }

  it('are refused where nothing fits, with the least that would', () => {
    expect(thrownBy(() => fitBudget(chain, 20, 'a test')).message).toMatch(
      /\[invalid-option\] a test[^]*the least is about 0.0 MB/,
    );
  });

  it('of the other policies', () => {
    expect(segmentsOf(3, 'none')).toEqual([{ from: 0, to: 3, again: false }]);
    expect(segmentsOf(2, 'all').map(({ again }) => again)).toEqual([true, true]);
    expect(segmentsOf(5, { every: 2 })).toEqual([
      { from: 0, to: 2, again: true },
      { from: 2, to: 4, again: true },
      { from: 4, to: 5, again: false },
    ]);
    expect(segmentsOf(10, 'sqrt').map(({ from }) => from)).toEqual([0, 3, 6, 9]);
    expect(segmentsOf(1, 'sqrt')).toEqual([{ from: 0, to: 1, again: false }]);
  });
});
