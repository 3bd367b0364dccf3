import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { tf } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { Adam } from '../../src/optimizers/adam.js';
import { expectClose } from '../helpers/close.js';
import { useTestEngine } from '../helpers/engine.js';
import {
  LINEAR_RATE,
  LINEAR_START,
  linearBatches,
  linearGradient,
  linearModel,
  linearWeights,
  type LinearBatch,
} from '../helpers/linear-reference.js';
import {
  linearData,
  MODES,
  rejectionOf,
  rowsOf,
  scattered,
  smallModel,
  taken,
  thrownBy,
  weightsOf,
} from '../helpers/models.js';

interface Golden {
  readonly runs: readonly {
    readonly momentum: number;
    readonly overwrite: number | null;
    readonly weights: number[][];
    readonly averages: number[][];
    readonly finalPredictions: number[];
  }[];
}

const golden = JSON.parse(readFileSync(new URL('../golden/weight-average.json', import.meta.url), 'utf8')) as Golden;

/** Both compute in float32; ten steps of Adam, whose size does not depend on the gradient's, carry its rounding along. */
const GOLDEN_TOLERANCE = 2e-5;
/** A few roundings of float32 in each of a few steps. */
const STEPS_TOLERANCE = 1e-5;
const BY_HAND = 'weight averages, against hand computation';

/** Descent by hand in double precision, with something that follows each update; returns what that gives at the end. */
function byHand(batches: readonly LinearBatch[], after: (w: number[], updates: number) => number[]): number[] {
  let w: number[] = [...LINEAR_START];
  for (const [i, batch] of batches.entries()) {
    const gradient = linearGradient(batch, w);
    w = after(
      w.map((value, k) => value - LINEAR_RATE * gradient[k]!),
      i + 1,
    );
  }
  return w;
}

async function trained(batches: readonly LinearBatch[], options: Partial<CompileOptions>): Promise<BaseModel> {
  const model = linearModel(options);
  for (const { x, y } of batches)
    await model.trainOnBatch(
      x.map((row) => [...row]),
      y.map((value) => [value]),
    );
  return model;
}

const averageOf = (model: BaseModel) => model.withAveragedWeights(() => linearWeights(model));
const mix = (a: readonly number[], b: readonly number[], share: number) =>
  a.map((value, k) => value + share * (b[k]! - value));

describe.each(MODES)('averages of weights, %s', (execution) => {
  useTestEngine();

  it.each(golden.runs)("are Keras' use_ema: momentum $momentum, overwritten every $overwrite", async (run) => {
    const model = sequential([
      layers.dense({ units: 4, activation: 'tanh', inputShape: [3] }),
      layers.batchNormalization({ momentum: 0.9 }),
      layers.dense({ units: 1 }),
    ]);
    model.compile({
      optimizer: new Adam({ learningRate: 0.05 }),
      loss: 'meanSquaredError',
      weightAverage: { decay: run.momentum, overwriteEvery: run.overwrite ?? undefined },
      execution,
    });
    const start = [...model.weightTree()].map(([path, { handle }], i) => {
      const values = scattered(
        handle.variable.shape.reduce((a, b) => a * b, 1),
        50 * (i + 1),
      );
      if (path.endsWith('movingMean')) return tf.zeros([...handle.shape]);
      if (path.endsWith('movingVariance')) return tf.ones([...handle.shape]);
      return tf.tensor(
        values.map((value) => 0.5 * Math.fround(value)),
        [...handle.shape],
      );
    });
    model.setWeights(start);
    tf.dispose(start);
    const x = rowsOf(40, 3);
    const y = x.map(([a, b, c]) => [0.5 * a! - b! + 0.25 * c!]);
    for (let step = 0; step < 10; step++)
      await model.trainOnBatch(x.slice(4 * step, 4 * step + 4), y.slice(4 * step, 4 * step + 4));

    const own = weightsOf(model);
    expectClose(Object.values(own).flat(), run.weights.flat(), GOLDEN_TOLERANCE);
    const averaged = await model.withAveragedWeights(() => weightsOf(model));
    const trainable = Object.entries(averaged).filter(([path]) => !path.includes('moving'));
    expectClose(
      trainable.flatMap(([, values]) => values),
      run.averages.flat(),
      GOLDEN_TOLERANCE,
      'weight averages, against Keras',
    );
    expect(weightsOf(model)).toEqual(own);
    model.useAveragedWeights();
    expect(weightsOf(model)).toEqual(averaged);
    expectClose(taken(await model.predict(x.slice(0, 4))), run.finalPredictions, GOLDEN_TOLERANCE);
    model.dispose();
  });

  it('count all weights alike under equal, from an update on and every so many', async () => {
    const batches = linearBatches(9);
    const model = await trained(batches, { weightAverage: { kind: 'equal', startAfter: 3, every: 2 }, execution });
    const taken: number[][] = [];
    byHand(batches, (w, updates) => {
      if (updates > 3 && (updates - 3) % 2 === 0) taken.push(w);
      return w;
    });
    expect(taken).toHaveLength(3);
    const mean = taken[0]!.map((_, k) => taken.reduce((sum, w) => sum + w[k]!, 0) / taken.length);
    expectClose(await averageOf(model), mean, STEPS_TOLERANCE, BY_HAND);
    model.dispose();
  });

  it('are the weights themselves until they start', async () => {
    const model = linearModel({ weightAverage: { kind: 'equal', startAfter: 5 }, execution });
    expect(await averageOf(model)).toEqual([...LINEAR_START]);
    for (const { x, y } of linearBatches(4))
      await model.trainOnBatch(
        x.map((row) => [...row]),
        y.map((value) => [value]),
      );
    expect(await averageOf(model)).toEqual(linearWeights(model));
    model.dispose();
  });

  it('go on for a weight that is frozen later', async () => {
    const { x, y } = linearData(8);
    const model = smallModel();
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', weightAverage: { decay: 0.1 }, execution });
    await model.trainOnBatch(x, y);
    await model.trainOnBatch(x, y);
    model.setTrainable('dense', false);
    const frozen = weightsOf(model)['dense/kernel']!;
    for (let i = 0; i < 8; i++) await model.trainOnBatch(x, y);
    expect(weightsOf(model)['dense/kernel']).toEqual(frozen);
    expectClose((await model.withAveragedWeights(() => weightsOf(model)))['dense/kernel']!, frozen);
    model.dispose();
  });

  it('stand in for evaluate and predict in a hook; no step trains them', async () => {
    const { x, y } = linearData(8);
    const model = smallModel();
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', weightAverage: { decay: 0.9 }, execution });
    const losses: number[] = [];
    const evaluating = new LambdaCallback({
      onEpochEnd: async () => {
        const logs = await model.withAveragedWeights(async () => {
          expect((await rejectionOf(model.withAveragedWeights(() => 1))).message).toMatch(/averaged-weights/);
          expect(thrownBy(() => model.useAveragedWeights()).message).toMatch(/averaged-weights/);
          expect(thrownBy(() => model.dispose()).message).toMatch(/still-running/);
          return model.evaluate(x, y);
        });
        losses.push(logs.loss!);
      },
    });
    await model.fit(x, y, { epochs: 3, batchSize: 4, verbose: 0, callbacks: [evaluating] });
    expect(losses).toHaveLength(3);
    expect(losses.at(-1)).not.toBe((await model.evaluate(x, y)).loss);
    const before = weightsOf(model);
    const refused = await rejectionOf(model.withAveragedWeights(() => model.trainOnBatch(x, y)));
    expect(refused.message).toMatch(/StateError \[averaged-weights\]/);
    expect(weightsOf(model)).toEqual(before);
    const failing = () => {
      throw new Error('mine');
    };
    expect((await rejectionOf(model.withAveragedWeights(failing))).message).toBe('mine');
    expect(weightsOf(model)).toEqual(before);
    await model.trainOnBatch(x, y);
    model.dispose();
  });

  it('are a clear error where none are kept', async () => {
    const model = smallModel();
    expect((await rejectionOf(model.withAveragedWeights(() => 1))).message).toMatch(/not-compiled/);
    model.compile({ loss: 'meanSquaredError', execution });
    expect((await rejectionOf(model.withAveragedWeights(() => 1))).message).toMatch(/no-weight-average/);
    expect(thrownBy(() => model.useAveragedWeights()).message).toMatch(/no-weight-average/);
    model.dispose();
  });
});

describe.each(MODES)('lookahead, %s', (execution) => {
  useTestEngine();

  it('moves slow weights a share of the way every so many updates', async () => {
    const batches = linearBatches(8);
    const model = await trained(batches, { lookahead: { every: 3, rate: 0.4 }, execution });
    let slow: number[] = [...LINEAR_START];
    const wanted = byHand(batches, (w, updates) => (updates % 3 === 0 ? (slow = mix(slow, w, 0.4)) : w));
    expectClose(linearWeights(model), wanted, STEPS_TOLERANCE);
    model.dispose();
  });

  it('comes before the average', async () => {
    const batches = linearBatches(7);
    const model = await trained(batches, { lookahead: { every: 2 }, weightAverage: { decay: 0.6 }, execution });
    let slow: number[] = [...LINEAR_START];
    let average: number[] = [];
    const wanted = byHand(batches, (w, updates) => {
      const now = updates % 2 === 0 ? (slow = mix(slow, w, 0.5)) : w;
      average = updates === 1 ? now : mix(now, average, 0.6);
      return now;
    });
    expectClose(linearWeights(model), wanted, STEPS_TOLERANCE, BY_HAND);
    expectClose(await averageOf(model), average, STEPS_TOLERANCE, BY_HAND);
    model.dispose();
  });
});
