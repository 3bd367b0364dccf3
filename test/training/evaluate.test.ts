import { describe, expect, it } from '@jest/globals';
import { Dataset } from '../../src/data/dataset.js';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, MODES, smallModel, taken, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(11);
/** A mean of 11 float32 numbers, added up in another order. */
const DIGITS = 6;

describe.each(MODES)('evaluate and predict, %s', (execution) => {
  useTestEngine();

  it('give on uneven batches what they give on one', async () => {
    const model = sequential([
      layers.dense({ units: 3, activation: 'relu' }),
      layers.batchNormalization(),
      layers.dense({ units: 3 }),
    ]);
    model.compile({ loss: 'meanSquaredError', metrics: ['mean', 'categoricalAccuracy'], execution });
    const targets = x.map((row) => [row[0]!, 0.5, row[1]!]);
    const whole = await model.evaluate(x, targets, { batchSize: 11 });
    for (const batchSize of [1, 4, 10]) {
      const uneven = await model.evaluate(x, targets, { batchSize });
      expect(Object.keys(uneven)).toEqual(['loss', 'mean', 'categorical_accuracy']);
      for (const [name, value] of Object.entries(uneven)) expect(value).toBeCloseTo(whole[name]!, DIGITS);
    }
    const outputs = taken(await model.predict(x, { batchSize: 11 }));
    expect(outputs).toHaveLength(33);
    for (const [i, value] of taken(await model.predict(x, { batchSize: 4 })).entries()) {
      expect(value).toBeCloseTo(outputs[i]!, DIGITS);
    }
    model.dispose();
  });

  it('change no weight and no statistics', async () => {
    const model = sequential([
      layers.dense({ units: 2 }),
      layers.batchNormalization(),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 1 }),
    ]);
    model.compile({ loss: 'meanSquaredError', execution });
    await model.fit(x, y, { verbose: 0 });
    const before = weightsOf(model);
    const first = taken(await model.predict(x));
    await model.evaluate(x, y);
    expect(taken(await model.predict(x))).toEqual(first);
    expect(weightsOf(model)).toEqual(before);
    model.dispose();
  });

  it('take datasets, so many steps, and sample weights', async () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError', execution });
    const four = await model.evaluate(x.slice(0, 4), y.slice(0, 4), { batchSize: 2 });
    const stream = Dataset.fromArrays({ x, y });
    expect(await model.evaluate(stream, { batchSize: 2, steps: 2 })).toEqual(four);
    expect(await model.evaluate(stream.batch(2), { steps: 2 })).toEqual(four);
    const weighed = await model.evaluate(x, y, { sampleWeight: x.map((_, i) => (i < 4 ? 11 / 4 : 0)) });
    expect(weighed['loss']).toBeCloseTo(four['loss']!, DIGITS);
    model.dispose();
  });

  it('predict takes a model that is not compiled, and its seed then is 0', async () => {
    const [bare, compiled] = [smallModel(), smallModel()];
    compiled.compile({ loss: 'meanSquaredError', execution });
    const output = taken(await bare.predict(x));
    for (const [i, value] of taken(await compiled.predict(x)).entries()) expect(value).toBeCloseTo(output[i]!, DIGITS);
    bare.dispose();
    compiled.dispose();
  });

  it('predict gives a tensor that the caller owns', async () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError', execution });
    const output = await model.predict(x);
    expect(output.shape).toEqual([11, 1]);
    model.dispose();
    expect(taken(output).every(Number.isFinite)).toBe(true);
  });
});

describe('trainOnBatch', () => {
  useTestEngine();

  it('does what fit does with that batch', async () => {
    const [a, b] = [smallModel(), smallModel()];
    for (const model of [a, b]) model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['mean'] });
    const { history } = await a.fit(x, y, { epochs: 2, batchSize: 11, shuffle: false, verbose: 0 });
    const logs = [await b.trainOnBatch(x, y), await b.trainOnBatch(x, y)];
    expect(logs.map(({ loss }) => loss)).toEqual(history['loss']);
    expect(logs.map(({ mean }) => mean)).toEqual(history['mean']);
    expect(weightsOf(b)).toEqual(weightsOf(a));
    a.dispose();
    b.dispose();
  });

  it('takes sampleWeight and classWeight', async () => {
    const labels = x.map((_, i) => i % 2);
    const trained = async (options: object): Promise<Record<string, number[]>> => {
      const model = sequential([layers.dense({ units: 2, activation: 'softmax' })]);
      model.compile({ loss: 'sparseCategoricalCrossentropy' });
      await model.trainOnBatch(x, labels, options);
      const weights = weightsOf(model);
      model.dispose();
      return weights;
    };
    const classWeight = { 0: 1, 1: 3 };
    const sampleWeight = labels.map((label) => (label === 1 ? 3 : 1));
    expect(await trained({ classWeight })).toEqual(await trained({ sampleWeight }));
    expect(await trained({ classWeight })).not.toEqual(await trained({}));
  });
});
