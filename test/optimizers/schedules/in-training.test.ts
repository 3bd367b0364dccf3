import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import '../../../src/container.js';
import { LambdaCallback } from '../../../src/callbacks/lambda-callback.js';
import { TerminateOnNaN } from '../../../src/callbacks/terminate-on-nan.js';
import { StateError, TraceError } from '../../../src/core/errors.js';
import { engine } from '../../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { layers } from '../../../src/layers/layers.js';
import type { BaseModel } from '../../../src/model/base-model.js';
import { sequential } from '../../../src/model/sequential.js';
import { Adam } from '../../../src/optimizers/adam.js';
import type { BaseOptimizer } from '../../../src/optimizers/base-optimizer.js';
import { ExponentialDecay } from '../../../src/optimizers/schedules/exponential-decay.js';
import { LearningRateSchedule } from '../../../src/optimizers/schedules/learning-rate-schedule.js';
import { PiecewiseConstantDecay } from '../../../src/optimizers/schedules/piecewise-constant-decay.js';
import { scheduleTable } from '../../../src/optimizers/schedules/schedule-table.js';
import { SGD } from '../../../src/optimizers/sgd.js';
import { useTestEngine } from '../../helpers/engine.js';
import { noteEquality } from '../../helpers/note-equality.js';

useTestEngine();

/** A few roundings of float32 for each of twelve additions. */
const SUM_TOLERANCE = 2e-6;

/** Of float32, for each of many additions. */
const ONE_ROUNDING = 6e-8;

const MODES = ['eager', 'recorded'] as const;

const golden = JSON.parse(readFileSync(new URL('../../golden/schedules.json', import.meta.url), 'utf8')) as {
  readonly cases: { schedule: string; options: object; sgd: { weights: number[]; learningRate: number } }[];
};

/** One weight from 0, whose gradient is input times label. */
function oneWeight(optimizer: BaseOptimizer, execution: (typeof MODES)[number]): BaseModel {
  const model = sequential([layers.dense({ units: 1, useBias: false, kernelInitializer: 'zeros' })]);
  model.compile({
    optimizer,
    loss: (labels: Tensor, predictions: Tensor) => tf.squeeze(tf.mul(labels, predictions), [1]),
    execution,
  });
  return model;
}

function weightOf(model: BaseModel): number {
  return tf.tidy(() => model.getWeights()[0]!.dataSync()[0]!);
}

const step = (model: BaseModel, x = 1) => model.trainOnBatch([[x]], [[1]]);

describe.each(MODES)('%s', (execution) => {
  it.each(golden.cases)('$schedule $options moves a weight as in Keras', async ({ schedule, options, sgd }) => {
    const name = schedule[0]!.toLowerCase() + schedule.slice(1);
    const optimizer = new SGD({ learningRate: new scheduleTable[name]!(options) });
    const model = oneWeight(optimizer, execution);
    const scale = Math.max(...sgd.weights.map(Math.abs));
    for (const expected of sgd.weights) {
      await step(model);
      const error = Math.abs(weightOf(model) - expected) / scale;
      noteEquality('learning-rate schedules in training, against Keras', error, SUM_TOLERANCE);
      expect(error).toBeLessThan(SUM_TOLERANCE);
    }
    expect(Math.abs(optimizer.learningRate - sgd.learningRate)).toBeLessThan(SUM_TOLERANCE * sgd.learningRate + 1e-12);
    model.dispose();
  });

  it('a skipped step does not advance it', async () => {
    const rates = [1, 0.5, 0.25, 0.125];
    const optimizer = new SGD({ learningRate: new PiecewiseConstantDecay({ boundaries: [0, 1, 2], values: rates }) });
    const model = oneWeight(optimizer, execution);
    const moves: number[] = [];
    const look = new TerminateOnNaN();
    // Asks for the gate, and lets training go on all the same.
    Object.assign(look, { onBatchEnd: () => void moves.push(weightOf(model)) });
    const good = { x: [[1]], y: [[1]] };
    // Their product, the gradient, overflows.
    const bad = { x: [[3e38]], y: [[3e38]] };
    await model.fit([good, bad, good, bad, bad, good], { epochs: 1, verbose: 0, callbacks: [look] });
    expect(moves).toEqual([-1, -1, -1.5, -1.5, -1.5, -1.75]);
    expect(optimizer.learningRate).toBe(0.125);
    model.dispose();
  });

  it('serves several models, each at its own count', async () => {
    const optimizer = new SGD({ learningRate: new PiecewiseConstantDecay({ boundaries: [0, 1], values: [4, 2, 1] }) });
    const [a, b] = [oneWeight(optimizer, execution), oneWeight(optimizer, execution)];
    expect(optimizer.learningRate).toBe(4);
    await step(a);
    await step(a);
    expect(optimizer.learningRate).toBe(1);
    await step(b);
    expect([weightOf(a), weightOf(b)]).toEqual([-6, -4]);
    expect(optimizer.learningRate).toBe(2);
    a.dispose();
    b.dispose();
    expect(optimizer.learningRate).toBe(4);
  });

  it('stands in the history, epoch by epoch, and begins anew with compile', async () => {
    const optimizer = new SGD({
      learningRate: new ExponentialDecay({ initialLearningRate: 1, decaySteps: 2, decayRate: 0.5 }),
    });
    const model = oneWeight(optimizer, execution);
    const options = { epochs: 3, batchSize: 1, verbose: 0 as const };
    const data = [
      [[1], [1]],
      [[0], [0]],
    ] as const;
    const { history } = await model.fit(data[0], data[1], options);
    expect(history.learningRate).toEqual([0.5, 0.25, 0.125]);
    expect(Object.keys(history)).toEqual(['loss', 'learningRate']);
    model.compile({ optimizer, loss: 'meanSquaredError', execution });
    expect((await model.fit(data[0], data[1], options)).history.learningRate).toEqual([0.5, 0.25, 0.125]);
    model.dispose();
  });

  it('a number is logged from where it was changed, for all epochs', async () => {
    const optimizer = new SGD({ learningRate: 0.5 });
    const model = oneWeight(optimizer, execution);
    const options = { epochs: 4, verbose: 0 as const };
    expect((await model.fit([[1]], [[0]], options)).history).not.toHaveProperty('learningRate');
    const change = new LambdaCallback({
      onEpochBegin: (epoch, run) => void (run.optimizer.learningRate = [0.5, 0.5, 0.25, 0.5][epoch]!),
    });
    const { history } = await model.fit([[1]], [[0]], { ...options, callbacks: [change] });
    expect(history.learningRate).toEqual([0.5, 0.5, 0.25, 0.5]);
    model.dispose();
  });
});

it('one recording serves every step of a schedule', async () => {
  const model = oneWeight(
    new Adam({ learningRate: new ExponentialDecay({ initialLearningRate: 1, decaySteps: 1, decayRate: 0.5 }) }),
    'recorded',
  );
  const work = async () => {
    const before = engine().counters();
    await step(model);
    const after = engine().counters();
    return [after.executedOps - before.executedOps, after.functionCalls - before.functionCalls];
  };
  const [recordingOps] = await work();
  const second = await work();
  expect(second[0]).toBeLessThan(recordingOps! / 2);
  expect(second[1]).toBe(1);
  for (let i = 0; i < 5; i++) expect(await work()).toEqual(second);
  model.dispose();
});

it('bits of eager and recorded training are equal', async () => {
  const run = async (execution: (typeof MODES)[number]) => {
    const schedule = scheduleTable.cosineDecay!;
    const learningRate = new schedule({ initialLearningRate: 0, warmupTarget: 0.1, warmupSteps: 4, decaySteps: 6 });
    const model = oneWeight(new Adam({ learningRate }), execution);
    const weights: number[] = [];
    for (let i = 0; i < 12; i++) {
      await step(model, Math.sin(i));
      weights.push(weightOf(model));
    }
    model.dispose();
    return weights;
  };
  expect(await run('recorded')).toEqual(await run('eager'));
});

it.each(['float32', 'mixed_bfloat16'] as const)(
  'moves on at each of several steps of one call, %s',
  async (precision) => {
    const STEPS = 600;
    const schedule = new scheduleTable.cosineDecay!({ initialLearningRate: 0.1, decaySteps: 2 * STEPS });
    const model = sequential([layers.dense({ units: 1, useBias: false, kernelInitializer: 'zeros' })]);
    const loss = (labels: Tensor, predictions: Tensor) => tf.squeeze(tf.mul(labels, predictions), [1]);
    model.compile({ optimizer: new SGD({ learningRate: schedule }), loss, execution: 'recorded', precision });
    const ones = tf.ones([STEPS, 1]);
    const { functionCalls } = engine().counters();
    await model.fit(ones, ones, { epochs: 1, batchSize: 1, verbose: 0 });
    expect(engine().counters().functionCalls - functionCalls).toBeLessThan(STEPS);
    let sum = 0;
    for (let i = 0; i < STEPS; i++) sum += schedule.valueAt(i);
    // The rate is computed in single precision whatever the layers run in.
    expect(Math.abs(weightOf(model) / -sum - 1)).toBeLessThan(STEPS * ONE_ROUNDING);
    ones.dispose();
    model.dispose();
  },
);

describe('optimizer.learningRate', () => {
  it('cannot be set while a schedule is in force', () => {
    const optimizer = new SGD({
      learningRate: new ExponentialDecay({ initialLearningRate: 1, decaySteps: 2, decayRate: 0.5 }),
    });
    const set = () => (optimizer.learningRate = 0.1);
    expect(set).toThrow(StateError);
    expect(set).toThrow(/\[scheduled\] learningRate of optimizer SGD[^]*ExponentialDecay[^]*fix/);
    expect(optimizer.learningRate).toBe(1);
  });

  it('is a number for whoever gives a number', () => {
    expect(new SGD({ learningRate: 0.25 }).schedule).toBeNull();
    expect(new SGD({ learningRate: 0.25 }).learningRate).toBe(0.25);
  });
});

it('a schedule that reads on the host cannot be recorded, and says so', async () => {
  class OnHost extends LearningRateSchedule {
    at(now: Tensor): Tensor {
      return tf.scalar(1 / (1 + now.dataSync()[0]!));
    }
  }
  const model = oneWeight(new SGD({ learningRate: new OnHost() }), 'recorded');
  await expect(step(model)).rejects.toThrow(TraceError);
  model.dispose();
  const eager = oneWeight(new SGD({ learningRate: new OnHost() }), 'eager');
  await step(eager);
  await step(eager);
  expect(weightOf(eager)).toBe(-1.5);
  eager.dispose();
});
