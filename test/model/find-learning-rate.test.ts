import { describe, expect, it } from '@jest/globals';
import { createAdjoint } from '../../src/container.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { OptionsError, SetupError, StateError } from '../../src/core/errors.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { findLearningRate } from '../../src/model/find-learning-rate.js';
import { Sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import type { BaseOptimizer } from '../../src/optimizers/base-optimizer.js';
import { ExponentialDecay } from '../../src/optimizers/schedules/exponential-decay.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { StepContext } from '../../src/training/step-context.js';
import { useTestEngine } from '../helpers/engine.js';

useTestEngine();

const X = Array.from({ length: 48 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(7 * i)]);
const Y = X.map(([a, b, c]) => [a! - b! + 0.5 * c!]);
const QUIET = { verbose: 0 as const, steps: 60, batchSize: 16 };

function make(optimizer: BaseOptimizer, execution: 'eager' | 'recorded' = 'recorded') {
  const messages: string[] = [];
  const logger = { info: (text: string) => void messages.push(text), warn: (text: string) => void messages.push(text) };
  const model = createAdjoint({ logger }).create(
    () =>
      new Sequential([
        layers.dense({ units: 8 }),
        layers.batchNormalization({}),
        layers.activation({ activation: 'tanh' }),
        layers.dropout({ rate: 0.2 }),
        layers.dense({ units: 1 }),
      ]),
  );
  model.compile({ optimizer, loss: 'meanSquaredError', seed: 5, execution });
  return { model, messages };
}

function weightsOf(model: BaseModel): number[][] {
  return model.getWeights().map((weight) => {
    const values = [...weight.dataSync()];
    weight.dispose();
    return values;
  });
}

const train = async (model: BaseModel) =>
  (await model.fit(X, Y, { epochs: 2, batchSize: 16, verbose: 0 })).history.loss!;

describe.each(['eager', 'recorded'] as const)('findLearningRate, %s', (execution) => {
  it('leaves training as if it had not been: weights, statistics, slots, draws, order of the data', async () => {
    const run = async (find: boolean) => {
      const { model } = make(new Adam({ learningRate: 0.01 }), execution);
      const first = await train(model);
      const before = weightsOf(model);
      if (find) {
        await findLearningRate(model, X, Y, QUIET);
        expect(weightsOf(model)).toEqual(before);
      }
      const second = await train(model);
      model.dispose();
      return [first, second];
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it('sweeps the rate in the step: plain descent moves by it', async () => {
    @Model('test/weigh')
    class Weigh extends BaseModel {
      @Child() body = layers.dense({ units: 1, useBias: false, kernelInitializer: 'zeros' });
      call(x: Tensor): Tensor {
        return this.body.call(x);
      }
    }
    const model = new Weigh();
    // The loss of a step is minus the sum of the rates so far.
    const loss = (_: Tensor, predictions: Tensor) => tf.squeeze(predictions, [1]);
    model.compile({ optimizer: new SGD({ learningRate: 123 }), loss, execution });
    const options = { minLearningRate: 0.001, maxLearningRate: 1, steps: 20, batchSize: 1, verbose: 0 as const };
    const { losses, learningRates } = await findLearningRate(model, [[1]], [[0]], options);
    expect(losses).toHaveLength(20);
    expect([learningRates[0], learningRates.at(-1)]).toEqual([0.001, 1]);
    let sum = 0;
    for (const [i, value] of losses.entries()) {
      expect(value).toBeCloseTo(-sum, 4);
      sum += learningRates[i]!;
    }
    model.dispose();
  });
});

describe('findLearningRate', () => {
  it('finds a rate with which the model learns, and ends where the loss explodes', async () => {
    const optimizer = new SGD();
    const { model, messages } = make(optimizer);
    const curve = await findLearningRate(model, X, Y, { steps: 100, batchSize: 16, maxLearningRate: 1000 });
    expect(curve.learningRates.length).toBeLessThan(100);
    expect(curve.suggestion).toBeGreaterThan(1e-4);
    expect(curve.suggestion).toBeLessThan(10);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain('suggested');
    expect(optimizer.learningRate).toBe(0.01);
    optimizer.learningRate = curve.suggestion!;
    const losses = (await model.fit(X, Y, { epochs: 20, batchSize: 16, verbose: 0 })).history.loss!;
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    model.dispose();
  });

  it('takes a dataset, and a schedule in force, whose count of updates stands still', async () => {
    const schedule = new ExponentialDecay({ initialLearningRate: 0.5, decaySteps: 3, decayRate: 0.5 });
    const optimizer = new SGD({ learningRate: schedule });
    const { model } = make(optimizer);
    await model.fit(X, Y, { epochs: 1, batchSize: 16, verbose: 0 });
    expect(optimizer.learningRate).toBe(0.25);
    const batches = [0, 16, 32].map((row) => ({ x: X.slice(row, row + 16), y: Y.slice(row, row + 16) }));
    const curve = await findLearningRate(model, batches, { verbose: 0, steps: 20, maxLearningRate: 0.1 });
    expect(curve.losses).toHaveLength(20);
    expect(optimizer.learningRate).toBe(0.25);
    model.dispose();
  });

  it('builds a model that was not, with the weights that training would have begun with', async () => {
    const [a, b] = [make(new Adam()).model, make(new Adam()).model];
    await findLearningRate(a, X, Y, QUIET);
    expect(await train(a)).toEqual(await train(b));
    a.dispose();
    b.dispose();
  });

  it('puts the weights back where it is ended', async () => {
    const { model } = make(new Adam({ learningRate: 0.01 }));
    await train(model);
    const before = weightsOf(model);
    const controller = new AbortController();
    const finding = findLearningRate(model, X, Y, { ...QUIET, steps: 2000, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await expect(finding).rejects.toThrow('enough');
    expect(weightsOf(model)).toEqual(before);
    model.dispose();
  });

  it.each([
    [{ minLearningRate: 0 }, 'minLearningRate'],
    [{ minLearningRate: 1, maxLearningRate: 0.1 }, 'maxLearningRate'],
    [{ minLearningRate: 1, maxLearningRate: 1 }, 'maxLearningRate'],
    [{ steps: 5 }, 'steps'],
    [{ smoothing: 1 }, 'smoothing'],
    [{ divergence: 1 }, 'divergence'],
    [{ batchSize: 0 }, 'batchSize'],
  ])('refuses %o', async (options, option) => {
    const { model } = make(new Adam());
    const failed = findLearningRate(model, X, Y, { ...QUIET, ...options });
    await expect(failed).rejects.toThrow(OptionsError);
    await expect(failed).rejects.toMatchObject({
      where: `option "${option}" of findLearningRate of ${model.describe()}`,
    });
    model.dispose();
  });

  it('refuses a model that is not compiled, and one that is in training', async () => {
    const plain = new Sequential([layers.dense({ units: 1 })]);
    await expect(findLearningRate(plain, X, Y)).rejects.toThrow(/not-compiled/);
    const { model } = make(new Adam());
    const during = new LambdaCallback({
      onEpochBegin: async () => {
        await expect(findLearningRate(model, X, Y, QUIET)).rejects.toThrow(/already-training/);
      },
    });
    await model.fit(X, Y, { epochs: 1, verbose: 0, callbacks: [during] });
    model.dispose();
  });
});

describe("findLearningRate with a model's own step", () => {
  @Model('test/own-step')
  class OwnStep extends BaseModel {
    @Child() body = layers.dense({ units: 1 });
    own?: BaseOptimizer;
    call(x: Tensor): Tensor {
      return this.body.call(x);
    }
    override trainStep({ x, y }: DeviceBatch, step: StepContext) {
      const loss = () => tf.mean(tf.squaredDifference(this.body.call(x, step.call), y!));
      return { error: step.minimize(loss, this.own === undefined ? {} : { optimizer: this.own }) };
    }
  }

  it('sweeps the optimizer given to compile, and watches the entry that is asked for', async () => {
    const model = new OwnStep();
    model.compile({ optimizer: 'sgd' });
    await expect(findLearningRate(model, X, Y, QUIET)).rejects.toThrow(StateError);
    await model.fit(X, Y, { epochs: 1, verbose: 0 });
    const before = weightsOf(model);
    await expect(findLearningRate(model, X, Y, QUIET)).rejects.toThrow(/unknown-monitor[^]*one of error/);
    const curve = await findLearningRate(model, X, Y, { ...QUIET, monitor: 'error' });
    expect(curve.suggestion).not.toBeNull();
    expect(weightsOf(model)).toEqual(before);
    model.dispose();
  });

  it('refuses a step that uses another optimizer', async () => {
    const model = new OwnStep();
    model.own = new Adam();
    model.compile({ optimizer: 'sgd' });
    await model.fit(X, Y, { epochs: 1, verbose: 0 });
    const failed = findLearningRate(model, X, Y, { ...QUIET, monitor: 'error' });
    await expect(failed).rejects.toThrow(SetupError);
    await expect(failed).rejects.toThrow(/nothing-swept/);
    model.dispose();
  });
});

it('goes on where loss scaling leaves steps out, at the rates of the steps that were made', async () => {
  const model = new Sequential([layers.dense({ units: 1, useBias: false, kernelInitializer: 'zeros' })]);
  // Times 2^24 the gradient is beyond float32: the scale is halved nine times before an update is made.
  const loss = (_: Tensor, predictions: Tensor) => tf.squeeze(tf.mul(predictions, 1e34), [1]);
  model.compile({ optimizer: new SGD(), loss, lossScale: { initial: 2 ** 24 } });
  const options = { minLearningRate: 1e-37, maxLearningRate: 1e-35, steps: 20, batchSize: 1, verbose: 0 as const };
  const { losses, learningRates } = await findLearningRate(model, [[1]], [[0]], options);
  expect(losses).toHaveLength(11);
  expect(learningRates.at(-1)! / 1e-35).toBeCloseTo(1, 6);
  // Each step lowers the loss by its rate times the square of the gradient.
  for (let i = 1; i < losses.length; i++) {
    expect((losses[i - 1]! - losses[i]!) / (learningRates[i - 1]! * 1e34 * 1e34)).toBeCloseTo(1, 3);
  }
  model.dispose();
});
