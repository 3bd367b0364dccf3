import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import '../../src/container.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { ProgressBar } from '../../src/callbacks/progress-bar.js';
import { Dataset } from '../../src/data/dataset.js';
import { engine } from '../../src/engine/start-engine.js';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { Adam } from '../../src/optimizers/adam.js';
import { RecordedRunner } from '../../src/training/recorded-runner.js';
import { useTestEngine } from '../helpers/engine.js';
import { textStream } from '../helpers/text-stream.js';

useTestEngine();

const STEPS_PER_CALL = 4;
const ROWS = 88;
const X = Array.from({ length: ROWS }, (_, i) => Array.from({ length: 5 }, (_, j) => Math.sin(5 * i + 3 * j)));
const LABELS = Array.from({ length: ROWS }, (_, i) => (i * i) % 3);
const quiet = { batchSize: 8, verbose: 0 } as const;

/** How many steps a call is given depends on the machine's speed; here it is settled. */
function withStepsPerCall(steps: number): void {
  jest.spyOn(RecordedRunner.prototype, 'stepsPerCall', 'get').mockReturnValue(steps);
}

function classifier(): BaseModel {
  const model = sequential([
    layers.dense({ units: 8, activation: 'relu' }),
    layers.batchNormalization({}),
    layers.dropout({ rate: 0.25 }),
    layers.dense({ units: 3, activation: 'softmax' }),
  ]);
  const optimizer = new Adam({ learningRate: 0.01 });
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], seed: 5 });
  return model;
}

function weightsOf(model: BaseModel): number[] {
  return model.getWeights().flatMap((tensor) => {
    const values = Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });
}

async function callsOf(run: () => Promise<unknown>): Promise<number> {
  const { functionCalls } = engine().counters();
  await run();
  return engine().counters().functionCalls - functionCalls;
}

beforeEach(() => withStepsPerCall(STEPS_PER_CALL));
afterEach(() => {
  jest.restoreAllMocks();
});

describe('several steps by one call', () => {
  it('are the same steps to the bit: weights, statistics, masks, metrics', async () => {
    const train = async (stepsPerCall: number) => {
      withStepsPerCall(stepsPerCall);
      const model = classifier();
      let history: Record<string, readonly number[]> = {};
      const calls = await callsOf(async () => {
        ({ history } = (await model.fit(X, LABELS, { ...quiet, epochs: 3 })) as unknown as { history: typeof history });
      });
      const weights = weightsOf(model);
      model.dispose();
      return { calls, weights, loss: history['loss'], accuracy: history['accuracy'] };
    };
    const { calls, ...together } = await train(STEPS_PER_CALL);
    const { calls: oneByOne, ...apart } = await train(1);
    expect(together).toEqual(apart);
    // 11 steps an epoch: two calls of four, and three by themselves.
    expect([calls, oneByOne]).toEqual([3 * 5, 3 * 11]);
  });

  it('take the short last batch by itself, and end where stepsPerEpoch says', async () => {
    const model = classifier();
    const { steps } = await model.fit(X.slice(0, 70), LABELS.slice(0, 70), { ...quiet, epochs: 1 });
    expect(steps).toEqual([9]);
    expect(await callsOf(() => model.fit(X, LABELS, { ...quiet, epochs: 2, stepsPerEpoch: 6 }))).toBe(2 * 3);
    model.dispose();
  });

  it('are not for a callback that watches each batch', async () => {
    const seen: number[] = [];
    const model = classifier();
    const callbacks = [new LambdaCallback({ onBatchEnd: (batch) => void seen.push(batch) })];
    expect(await callsOf(() => model.fit(X, LABELS, { ...quiet, callbacks }))).toBe(11);
    expect(seen).toEqual([...Array(11).keys()]);
    model.dispose();
  });

  it('are for the progress bar, which need not see each', async () => {
    const stream = textStream();
    const model = classifier();
    const callbacks = [new ProgressBar({ stream })];
    expect(await callsOf(() => model.fit(X, LABELS, { batchSize: 8, verbose: 2, callbacks }))).toBe(5);
    expect(stream.text()).toContain('11/11 steps');
    model.dispose();
  });

  it('run up to the next step that logEvery has watched', async () => {
    const seen: [string, number][] = [];
    const losses: number[] = [];
    const model = classifier();
    const callbacks = [
      new LambdaCallback({
        onBatchBegin: (batch) => void seen.push(['begin', batch]),
        onBatchEnd: (batch, logs) => {
          seen.push(['end', batch]);
          losses.push(logs['loss']!);
        },
      }),
    ];
    const calls = await callsOf(() => model.fit(X, LABELS, { ...quiet, logEvery: 5, callbacks }));
    expect(seen).toEqual([
      ['begin', 0],
      ['end', 4],
      ['begin', 5],
      ['end', 9],
      ['begin', 10],
      ['end', 10],
    ]);
    // Four together and one, twice, and the eleventh, which ends the epoch.
    expect(calls).toBe(5);
    const single = classifier();
    const each: number[] = [];
    const watching = [new LambdaCallback({ onBatchEnd: (_, logs) => void each.push(logs['loss']!) })];
    await single.fit(X, LABELS, { ...quiet, callbacks: watching });
    expect(losses).toEqual([each[4], each[9], each[10]]);
    model.dispose();
    single.dispose();
  });

  it('end with the call during which an AbortSignal fires', async () => {
    const model = classifier();
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 5);
    const endless = model.fit(X, LABELS, { ...quiet, epochs: 100_000, signal: controller.signal });
    await expect(endless).rejects.toThrow('enough');
    await model.fit(X, LABELS, quiet);
    model.dispose();
  });
});

describe('batches are read ahead', () => {
  const examples = { x: X, y: LABELS };

  it('from arrays and after prefetch, not where code of the user would run early', () => {
    const ready = Dataset.fromArrays(examples).shuffle({ seed: 1 }).batch(8);
    const mapped = ready.map((batch) => batch);
    const streamed = Dataset.fromIterable(() => [examples]);
    expect([ready, mapped, mapped.prefetch(2), streamed].map((dataset) => dataset.mayReadAhead)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it('and a source of the user sees the model after each step', async () => {
    const model = classifier();
    const steps: number[] = [];
    let done = 0;
    const batches = Dataset.fromIterable(function* () {
      for (let i = 0; i < 6; i++) {
        steps.push(done);
        yield { x: X.slice(8 * i, 8 * i + 8), y: LABELS.slice(8 * i, 8 * i + 8) };
      }
    });
    const callbacks = [new LambdaCallback({ onBatchEnd: () => void done++ })];
    await model.fit(batches, { verbose: 0, callbacks });
    expect(steps).toEqual([0, 1, 2, 3, 4, 5]);
    model.dispose();
  });
});
