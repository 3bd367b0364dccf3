import { beforeAll, describe, expect, it } from '@jest/globals';
import { Dataset } from '../../src/data/dataset.js';
import type { ExampleInput } from '../../src/data/example.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { BatchSource } from '../../src/training/batches.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, MODES, rejectionOf, smallModel, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(10);
const flat = (rows: number[][]): Float32Array => Float32Array.from(rows.flat());

async function* examples(): AsyncGenerator<ExampleInput> {
  for (const [i, row] of x.entries()) yield { x: row, y: y[i]! };
}

async function* batches(): AsyncGenerator<ExampleInput> {
  for (let i = 0; i < 10; i += 4) yield { x: x.slice(i, i + 4), y: y.slice(i, i + 4) };
}

/** Trains a fresh model and returns its weights. */
async function trainedBy(train: (model: BaseModel) => Promise<unknown>, seed = 3) {
  const model = smallModel();
  model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: 'meanSquaredError', seed });
  await train(model);
  const weights = weightsOf(model);
  model.dispose();
  return weights;
}

describe('fit takes data as', () => {
  useTestEngine();
  const options = { epochs: 2, batchSize: 4, shuffle: false, verbose: 0 } as const;
  let expected: Record<string, number[]>;
  beforeAll(async () => {
    expected = await trainedBy((model) => model.fit(x, y, options));
  });

  it.each<[string, (model: BaseModel) => Promise<unknown>]>([
    ['{ x, y }', (model) => model.fit({ x, y }, options)],
    [
      'host arrays',
      (model) =>
        model.fit(
          { values: flat(x), shape: [10, 3], dtype: 'float32' },
          { values: flat(y), shape: [10, 1], dtype: 'float32' },
          options,
        ),
    ],
    ['labels in a typed array', (model) => model.fit(x, flat(y), options)],
    ['a dataset of examples', (model) => model.fit(Dataset.fromArrays({ x, y }), options)],
    [
      'a dataset of batches',
      (model) => model.fit(Dataset.fromArrays({ x, y }).batch(4), { ...options, batchSize: undefined }),
    ],
    ['a stream of examples', (model) => model.fit(Dataset.fromIterable(examples, { size: 10 }), options)],
    [
      'a stream of batches',
      (model) => model.fitDataset(Dataset.fromIterable(batches), { ...options, batchSize: undefined }),
    ],
    [
      'an async iterable of batches',
      (model) => model.fit({ [Symbol.asyncIterator]: batches }, { ...options, batchSize: undefined }),
    ],
    [
      'an iterable of batches',
      (model) =>
        model.fit(new Set([0, 4, 8].map((i) => ({ x: x.slice(i, i + 4), y: y.slice(i, i + 4) }))), {
          ...options,
          batchSize: undefined,
        }),
    ],
  ])('%s', async (_, train) => {
    expect(await trainedBy(train)).toEqual(expected);
  });

  it("tensors, which stay the caller's", async () => {
    const [xs, ys] = [tf.tensor2d(x), tf.tensor2d(y)];
    expect(await trainedBy((model) => model.fit(xs, ys, options))).toEqual(expected);
    expect(taken2(xs)).toEqual(Array.from(flat(x)));
    tf.dispose([xs, ys]);
  });
});

const taken2 = (tensor: Tensor): number[] => Array.from(tensor.dataSync());

describe('fit validates on', () => {
  useTestEngine();
  const [vx, vy] = [x.slice(6), y.slice(6)];
  const base = { epochs: 2, batchSize: 3, shuffle: false, verbose: 0 } as const;
  const validationLosses = async (extra: object, source: { x: number[][]; y: number[][] }): Promise<number[]> => {
    const model = smallModel();
    model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: 'meanSquaredError' });
    const { history } = await model.fit(source, { ...base, ...extra });
    model.dispose();
    return history['val_loss']!;
  };
  const train = { x: x.slice(0, 6), y: y.slice(0, 6) };
  let expected: number[];
  beforeAll(async () => {
    expected = await validationLosses({ validationData: [vx, vy] }, train);
  });

  it.each<[string, object, { x: number[][]; y: number[][] }]>([
    ['{ x, y }', { validationData: { x: vx, y: vy } }, train],
    ['[x, y, sampleWeight]', { validationData: [vx, vy, [1, 1, 1, 1]] }, train],
    ['a dataset of examples', { validationData: Dataset.fromArrays({ x: vx, y: vy }) }, train],
    ['other batches', { validationData: [vx, vy], validationBatchSize: 1 }, train],
    ['the last examples: validationSplit', { validationSplit: 0.4 }, { x, y }],
  ])('%s', async (_, extra, source) => {
    const losses = await validationLosses(extra, source);
    expect(losses).toHaveLength(2);
    for (const [i, loss] of losses.entries()) expect(loss).toBeCloseTo(expected[i]!, SUMMATION_DIGITS);
  });

  it('so many batches: validationSteps', async () => {
    const first = { validationData: [vx.slice(0, 3), vy.slice(0, 3)] };
    expect(await validationLosses({ validationData: [vx, vy], validationSteps: 1 }, train)).toEqual(
      await validationLosses(first, train),
    );
  });

  it('data that weigh: [x, y, sampleWeight]', async () => {
    const half = await validationLosses({ validationData: [vx, vy, [0.5, 0.5, 0.5, 0.5]] }, train);
    for (const [i, loss] of half.entries()) expect(loss).toBeCloseTo(expected[i]! / 2, SUMMATION_DIGITS);
  });
});

/** Batches of other sizes add up in another order. */
const SUMMATION_DIGITS = 6;

/** Passes its input on and notes the first feature of every training batch. */
class Spy extends BaseLayer {
  readonly seen: number[][] = [];
  call(input: Tensor): Tensor {
    if (input.shape[0]! > 0) this.seen.push(Array.from(tf.tidy(() => input.slice([0, 0], [-1, 1]).dataSync())));
    return input.clone();
  }
}

/** Rows that training saw, in order, without the trial call. */
function spied(): { model: BaseModel; seen: () => number[][] } {
  const spy = new Spy();
  const model = sequential([spy, layers.dense({ units: 1 })]);
  model.compile({ optimizer: new SGD({ learningRate: 0.01 }), loss: 'meanSquaredError', seed: 4, execution: 'eager' });
  let from = 0;
  return {
    model,
    seen: () => {
      const all = spy.seen.slice(from);
      from = spy.seen.length;
      return all;
    },
  };
}

const numbered = { x: Array.from({ length: 7 }, (_, i) => [i + 1]), y: Array.from({ length: 7 }, () => [0]) };

describe('fit goes through the data', () => {
  useTestEngine();

  async function orderOf(fits: readonly object[]): Promise<number[][]> {
    const { model, seen } = spied();
    model.build([null, 1]);
    const order: number[][] = [];
    for (const options of fits) {
      seen();
      await model.fit(numbered, { batchSize: 2, verbose: 0, ...options });
      // The first call is the trial on the first rows.
      order.push(...seen().slice(1));
    }
    model.dispose();
    return order;
  }
  const epochsOf = (order: number[][], perEpoch = 4): number[][] =>
    Array.from({ length: order.length / perEpoch }, (_, e) => order.slice(e * perEpoch, (e + 1) * perEpoch).flat());

  it('in its own order without shuffle', async () => {
    expect(await orderOf([{ epochs: 1, shuffle: false }])).toEqual([[1, 2], [3, 4], [5, 6], [7]]);
  });

  it('in an order by seed and pass, and in another in each epoch', async () => {
    const order = await orderOf([{ epochs: 3 }]);
    const [first, second, third] = epochsOf(order);
    expect(order).toEqual(await orderOf([{ epochs: 3 }]));
    for (const epoch of [first!, second!, third!])
      expect(epoch.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(first).not.toEqual(second);
    expect(second).not.toEqual(third);
  });

  it('in a second fit as if the first had gone on', async () => {
    const whole = await orderOf([{ epochs: 4 }]);
    expect(await orderOf([{ epochs: 2 }, { epochs: 2 }])).toEqual(whole);
    expect(await orderOf([{ epochs: 2 }, { epochs: 4, initialEpoch: 2 }])).toEqual(whole);
    expect(await orderOf([{ epochs: 4, initialEpoch: 2 }])).toEqual(whole.slice(8));
  });

  it('by stepsPerEpoch, each epoch where the one before left off, anew at the end', async () => {
    expect(await orderOf([{ epochs: 3, stepsPerEpoch: 3, shuffle: false }])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7],
      [1, 2],
      [3, 4],
      [5, 6],
      [7],
      [1, 2],
    ]);
    const [a, b] = epochsOf(
      (
        await orderOf([
          { epochs: 2, stepsPerEpoch: 2 },
          { epochs: 1, stepsPerEpoch: 4 },
        ])
      ).slice(4),
    );
    expect(a!.toSorted((p, q) => p - q)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(b).toBeUndefined();
  });

  it('after an aborted epoch in the order of that epoch', async () => {
    const { model, seen } = spied();
    model.build([null, 1]);
    const controller = new AbortController();
    const abort = new LambdaCallback({ onBatchEnd: () => controller.abort() });
    await rejectionOf(model.fit(numbered, { batchSize: 2, verbose: 0, callbacks: [abort], signal: controller.signal }));
    const started = seen()[2]!;
    await model.fit(numbered, { batchSize: 2, verbose: 0 });
    expect(seen()[1]).toEqual(started);
    model.dispose();
  });
});

describe.each(MODES)('fit, %s', (execution) => {
  useTestEngine();

  it('goes on from the fit before: optimizer state, steps, order', async () => {
    const once = smallModel();
    const twice = smallModel();
    for (const model of [once, twice]) {
      model.compile({ optimizer: new Adam({ learningRate: 0.02 }), loss: 'meanSquaredError', seed: 8, execution });
    }
    const options = { batchSize: 4, verbose: 0 } as const;
    const whole = await once.fit(x, y, { ...options, epochs: 4 });
    await twice.fit(x, y, { ...options, epochs: 2 });
    const steps: number[] = [];
    const noting = new LambdaCallback({ onBatchEnd: (_batch, _logs, run) => void steps.push(run.progress.totalSteps) });
    const rest = await twice.fit(x, y, { ...options, epochs: 4, initialEpoch: 2, callbacks: [noting] });
    expect(weightsOf(twice)).toEqual(weightsOf(once));
    expect(rest.history['loss']).toEqual(whole.history['loss']!.slice(2));
    expect(rest.epoch).toEqual([2, 3]);
    expect(steps).toEqual([7, 8, 9, 10, 11, 12]);
    once.dispose();
    twice.dispose();
  });

  it('weighs examples by sampleWeight and classWeight as if they stood in the data that often', async () => {
    const labels = [0, 1, 2, 0, 1, 2, 0, 0];
    const oneHot = labels.map((label) => [0, 1, 2].map((c) => Number(c === label)));
    const inputs = x.slice(0, 8);
    const train = async (
      loss: string,
      target: number[] | number[][],
      extra: object,
    ): Promise<Record<string, number[]>> => {
      const model = sequential([layers.dense({ units: 3, activation: 'softmax' })]);
      model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss, metrics: ['accuracy'], seed: 2, execution });
      await model.fit(inputs, target, { epochs: 2, batchSize: 8, shuffle: false, verbose: 0, ...extra });
      const weights = weightsOf(model);
      model.dispose();
      return weights;
    };
    const classWeight = { 0: 0.5, 1: 2, 2: 3 };
    const sampleWeight = labels.map((label) => classWeight[label as 0 | 1 | 2]);
    const bySample = await train('sparseCategoricalCrossentropy', labels, { sampleWeight });
    expect(await train('sparseCategoricalCrossentropy', labels, { classWeight })).toEqual(bySample);
    const oneHotBySample = await train('categoricalCrossentropy', oneHot, { sampleWeight });
    expect(await train('categoricalCrossentropy', oneHot, { classWeight })).toEqual(oneHotBySample);
    expect(bySample).not.toEqual(await train('sparseCategoricalCrossentropy', labels, {}));
    const both = await train('sparseCategoricalCrossentropy', labels, {
      classWeight,
      sampleWeight: labels.map(() => 2),
    });
    expect(both).toEqual(
      await train('sparseCategoricalCrossentropy', labels, { sampleWeight: sampleWeight.map((weight) => 2 * weight) }),
    );
  });

  it('trains a stream by classWeight as arrays', async () => {
    const labels = Array.from({ length: 10 }, (_, i) => i % 2);
    const train = async (source: BatchSource): Promise<Record<string, number[]>> => {
      const model = sequential([layers.dense({ units: 2, activation: 'softmax' })]);
      model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', execution });
      await model.fit(source, { batchSize: 5, shuffle: false, verbose: 0, classWeight: { 0: 1, 1: 4 } });
      const weights = weightsOf(model);
      model.dispose();
      return weights;
    };
    const stream = Dataset.fromIterable(() => x.map((row, i) => ({ x: row, y: labels[i]! })));
    expect(await train(stream)).toEqual(await train({ x, y: labels }));
  });

  it('means loss and metrics over uneven batches', async () => {
    const model = smallModel();
    const mae = function mae(labels: Tensor, predictions: Tensor): Tensor {
      return tf.mean(tf.abs(tf.sub(labels, predictions)));
    };
    model.compile({ optimizer: new SGD({ learningRate: 0 }), loss: 'meanSquaredError', metrics: [mae], execution });
    const whole = await model.fit(x, y, { batchSize: 10, verbose: 0 });
    const uneven = await model.fit(x, y, { batchSize: 4, verbose: 0 });
    for (const name of ['loss', 'mae']) {
      expect(uneven.history[name]![0]).toBeCloseTo(whole.history[name]![0]!, SUMMATION_DIGITS);
    }
    model.dispose();
  });

  it('says which way its steps are run', async () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError', execution });
    const history = await model.fit(x, y, { epochs: 2, verbose: 0 });
    expect(history.mode).toEqual([execution, execution]);
    model.dispose();
  });
});

describe('a stopped run', () => {
  useTestEngine();

  it('ends after the running step; validation and onEpochEnd still come', async () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError' });
    const hooks: string[] = [];
    const callback = new LambdaCallback({
      onBatchEnd: (batch, _logs, run) => {
        hooks.push(`batch ${batch}`);
        if (batch === 1) run.stop('enough');
      },
      onValidationEnd: () => void hooks.push('validated'),
      onEpochEnd: (epoch, logs) => void hooks.push(`epoch ${epoch}: ${Object.keys(logs).join(' ')}`),
      onTrainEnd: () => void hooks.push('end'),
    });
    const history = await model.fit(x, y, {
      epochs: 5,
      batchSize: 2,
      verbose: 0,
      validationSplit: 0.2,
      callbacks: [callback],
    });
    expect(hooks).toEqual(['batch 0', 'batch 1', 'validated', 'epoch 0: loss val_loss', 'end']);
    expect(history.stopReason).toBe('enough');
    model.dispose();
  });

  it.each([
    ['onTrainBegin', new LambdaCallback({ onTrainBegin: (run) => run.stop('not today') })],
    ['onEpochBegin', new LambdaCallback({ onEpochBegin: (_epoch, run) => run.stop('not today') })],
  ])('trains nothing where %s stops it', async (_, callback) => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError' });
    model.build([null, 3]);
    const before = weightsOf(model);
    const history = await model.fit(x, y, { epochs: 3, verbose: 0, callbacks: [callback] });
    expect(history.epoch).toEqual([]);
    expect(history.stopReason).toBe('not today');
    expect(weightsOf(model)).toEqual(before);
    model.dispose();
  });
});

describe('millisecondsPerStep', () => {
  useTestEngine();

  it('counts the gathering of batches', async () => {
    const WAIT = 25;
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError' });
    const slow = Dataset.fromIterable(async function* () {
      for (let i = 0; i < 4; i++) {
        await new Promise((resolve) => setTimeout(resolve, WAIT));
        yield { x: x.slice(0, 4), y: y.slice(0, 4) };
      }
    });
    const history = await model.fit(slow, { epochs: 2, verbose: 0 });
    // Timers may fire a millisecond early.
    for (const milliseconds of history.millisecondsPerStep) expect(milliseconds).toBeGreaterThan(WAIT - 2);
    model.dispose();
  });
});
