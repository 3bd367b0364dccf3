import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { TerminateOnNaN } from '../../src/callbacks/terminate-on-nan.js';
import { inFloat64, readFloat64 } from '../../src/engine/float64.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { regularizers } from '../../src/layers/regularizers.js';
import { MeanSquaredError } from '../../src/losses/mean-squared-error.js';
import type { LossReduction } from '../../src/losses/loss-options.js';
import type { BaseModel } from '../../src/model/base-model.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { shareOf } from '../../src/training/gradient-sums.js';
import { useTestEngine } from '../helpers/engine.js';
import { noteEquality } from '../helpers/note-equality.js';

useTestEngine();

const ROWS = 22;
const X = Array.from({ length: ROWS }, (_, i) => Array.from({ length: 4 }, (_, j) => Math.sin(5 * i + 3 * j)));
const Y = X.map((row) => [row[0]! - 2 * row[2]!]);
const WEIGHTS = Array.from({ length: ROWS }, (_, i) => 0.25 + (i % 4));
/** A group's gradient is summed in another order than a batch's. */
const ROUNDING = 2e-6;
const MODES = ['eager', 'recorded'] as const;

function regressor(options: Partial<CompileOptions>): BaseModel {
  const model = sequential([
    layers.dense({ units: 6, activation: 'tanh', kernelRegularizer: regularizers.l2({ l2: 0.01 }) }),
    layers.dense({ units: 1 }),
  ]);
  model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: 'meanSquaredError', seed: 3, ...options });
  return model;
}

function weightsOf(model: BaseModel): number[] {
  return model.getWeights().flatMap((tensor) => {
    const values = Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });
}

const quiet = { verbose: 0, shuffle: false } as const;

describe.each(MODES)('accumulated gradients (%s)', (execution) => {
  it.each<[LossReduction, readonly number[] | undefined]>([
    ['sumOverBatchSize', undefined],
    ['sumOverBatchSize', WEIGHTS],
    ['meanWithSampleWeight', WEIGHTS],
    ['meanWithSampleWeight', undefined],
  ])('are those of the big batch: %s, weights %p, the last group uneven', async (reduction, sampleWeight) => {
    const train = async (batchSize: number, accumulateSteps: number) => {
      const model = regressor({ execution, accumulateSteps, loss: new MeanSquaredError({ reduction }) });
      // 22 rows: groups of 12 and 10, the second of micro-batches of 4, 4 and 2.
      await model.fit(X, Y, { ...quiet, batchSize, sampleWeight: sampleWeight && [...sampleWeight], epochs: 3 });
      const weights = weightsOf(model);
      model.dispose();
      return weights;
    };
    const [small, big] = [await train(4, 3), await train(12, 1)];
    const worst = Math.max(...small.map((weight, i) => Math.abs(weight - big[i]!)));
    noteEquality('accumulation in training, against the big batch', worst, ROUNDING);
    expect(worst).toBeLessThan(ROUNDING);
  });

  it('with clipping and several trainOnBatch calls to an update', async () => {
    const options = { execution, optimizer: new SGD({ learningRate: 0.1 }), clip: { globalNorm: 0.01 } };
    const small = regressor({ ...options, accumulateSteps: 2 });
    const big = regressor({ ...options, optimizer: new SGD({ learningRate: 0.1 }) });
    await small.trainOnBatch(X.slice(0, 5), Y.slice(0, 5));
    const before = weightsOf(small);
    await small.trainOnBatch(X.slice(5, 8), Y.slice(5, 8));
    await big.trainOnBatch(X.slice(0, 8), Y.slice(0, 8));
    const [after, reference] = [weightsOf(small), weightsOf(big)];
    expect(after).not.toEqual(before);
    after.forEach((weight, i) => expect(Math.abs(weight - reference[i]!)).toBeLessThan(ROUNDING));
    small.dispose();
    big.dispose();
  });

  it('updates once a group, and before the callbacks of its last batch', async () => {
    const model = regressor({ execution, accumulateSteps: 2, logGradientNorms: true });
    const seen: number[][] = [];
    const norms: (number | undefined)[] = [];
    const callbacks = [
      new LambdaCallback({
        onBatchEnd: (_, logs) => {
          seen.push(weightsOf(model));
          norms.push(logs['gradientNorm']);
        },
      }),
    ];
    model.build([null, 4]);
    const start = weightsOf(model);
    const { history } = await model.fit(X, Y, { ...quiet, batchSize: 8, callbacks });
    expect(seen[0]).toEqual(start);
    expect(seen[1]).not.toEqual(start);
    // The third batch is a group of its own, which the end of the epoch completes.
    expect(seen[2]).toEqual(seen[1]);
    expect(weightsOf(model)).not.toEqual(seen[2]);
    expect(norms.map((norm) => norm === undefined)).toEqual([true, false, true]);
    expect(history['gradientNorm']![0]).toBeGreaterThan(0);
    model.dispose();
  });

  it('leaves out a group with one bad micro-batch, and goes on', async () => {
    const overflow = (labels: Tensor, predictions: Tensor): Tensor =>
      tf.reshape(tf.mul(tf.square(predictions), tf.cast(labels, 'float32')), [-1]);
    const lossScale = { initial: 1024, growthInterval: 2 };
    const model = regressor({ execution, accumulateSteps: 2, loss: overflow, lossScale });
    const seen: number[][] = [];
    const scales: number[] = [];
    const callbacks = [
      new LambdaCallback({
        onBatchEnd: (batch, logs) => {
          if (batch % 2 === 1) seen.push(weightsOf(model));
          if (batch % 2 === 1) scales.push(logs['lossScale']!);
        },
      }),
    ];
    model.build([null, 4]);
    const start = weightsOf(model);
    const labels = X.map((_, i) => [i < 4 ? 3e38 : 1]);
    await model.fit(X.slice(0, 16), labels.slice(0, 16), { ...quiet, batchSize: 4, callbacks });
    expect(seen[0]).toEqual(start);
    expect(seen[1]).not.toEqual(start);
    expect(scales).toEqual([1024, 512]);
    model.dispose();
  });

  it('forgets what an aborted run left of a group', async () => {
    const train = async (aborted: boolean) => {
      const model = regressor({ execution, accumulateSteps: 4, optimizer: new SGD({ learningRate: 0.1 }) });
      model.build([null, 4]);
      if (aborted) {
        const controller = new AbortController();
        const callbacks = [new LambdaCallback({ onBatchEnd: () => controller.abort(new Error('enough')) })];
        const run = model.fit(X, Y, { ...quiet, batchSize: 4, callbacks, signal: controller.signal });
        await expect(run).rejects.toThrow('enough');
      }
      await model.fit(X, Y, { ...quiet, batchSize: 4 });
      const weights = weightsOf(model);
      model.dispose();
      return weights;
    };
    expect(await train(true)).toEqual(await train(false));
  });
});

/** What is left in double precision of the order in which numbers are added. */
const DOUBLE = 1e-10;

it.each<[LossReduction, readonly number[] | undefined]>([
  ['sumOverBatchSize', undefined],
  ['sumOverBatchSize', WEIGHTS],
  ['meanWithSampleWeight', WEIGHTS],
])('are equal to 1e-10 in double precision, the last part uneven: %s, weights %p', (reduction, weights) => {
  const parts = [5, 5, 3];
  const loss = new MeanSquaredError({ reduction });
  const kernel = tf.tensor2d([[0.3], [-0.2], [0.7], [0.1]]);
  const batchOf = (from: number, to: number) => ({
    x: tf.tensor2d(X.slice(from, to)),
    y: tf.tensor2d(Y.slice(from, to)),
    size: to - from,
    sampleWeight: weights && tf.tensor1d(weights.slice(from, to)),
  });
  const gradient = ({ x, y, sampleWeight }: ReturnType<typeof batchOf>): Tensor =>
    tf.grad((at: Tensor) => loss.compute(y, tf.matMul(x, at as tf.Tensor2D), sampleWeight))(kernel);
  const worst = inFloat64(() =>
    tf.tidy(() => {
      let from = 0;
      const pieces = parts.map((size) => {
        const batch = batchOf(from, (from += size));
        return { share: shareOf(batch, reduction), part: gradient(batch) };
      });
      const sum = tf.addN(pieces.map(({ part, share }) => tf.mul(part, share)));
      const mean = tf.div(sum, tf.addN(pieces.map(({ share }) => share)));
      return readFloat64(tf.max(tf.abs(tf.sub(mean, gradient(batchOf(0, from))))))[0]!;
    }),
  );
  kernel.dispose();
  noteEquality('accumulation in double precision, against the big batch', worst, DOUBLE);
  expect(worst).toBeLessThan(DOUBLE);
});

describe('refuses', () => {
  it.each([0, -1, 1.5, NaN])('%p steps', (accumulateSteps) => {
    expect(() => regressor({ accumulateSteps })).toThrow(/accumulateSteps/);
  });

  it('a loss that is a sum', () => {
    const loss = new MeanSquaredError({ reduction: 'sum' });
    expect(() => regressor({ accumulateSteps: 2, loss })).toThrow(/a loss that is a mean/);
  });
});

it('stops at a loss that is not a number, with the group left out', async () => {
  const loss = (labels: Tensor, predictions: Tensor): Tensor =>
    tf.reshape(tf.mul(tf.square(predictions), tf.cast(labels, 'float32')), [-1]);
  const model = regressor({ accumulateSteps: 2, loss });
  model.build([null, 4]);
  const start = weightsOf(model);
  const labels = X.map(() => [3e38]);
  await model.fit(X, labels, { ...quiet, batchSize: 8, callbacks: [new TerminateOnNaN()] });
  expect(weightsOf(model)).toEqual(start);
  model.dispose();
});
