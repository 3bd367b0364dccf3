import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { StateError } from '../../src/core/errors.js';
import { tf } from '../../src/engine/tfjs.js';
import type { TrainingRun } from '../../src/training/callback-contract.js';
import { RunQueue } from '../../src/training/run-queue.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, MODES, rejectionOf, smallModel, taken, thrownBy, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(8);

describe('RunQueue', () => {
  const queue = () => new RunQueue(() => 'model "small"');

  it('runs steps one after the other, in the order of asking, also past a failing one', async () => {
    const runs = queue();
    const log: string[] = [];
    const step = (name: string, milliseconds: number, fails = false) =>
      runs.step(async () => {
        log.push(`${name} starts`);
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        log.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      });
    const results = await Promise.allSettled([step('a', 15), step('b', 5, true), step('c', 1)]);
    expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('refuses writes while a step is in flight, and only then', async () => {
    const runs = queue();
    runs.assertBetweenSteps('setWeights');
    let finish!: () => void;
    const step = runs.step(() => new Promise<void>((resolve) => (finish = resolve)));
    await Promise.resolve();
    expect(() => runs.assertBetweenSteps('setWeights')).toThrow(
      /StateError \[step-in-flight\] setWeights of model "small"/,
    );
    expect(() => runs.assertIdle('dispose')).toThrow(/dispose while a step is running/);
    finish();
    await step;
    runs.assertBetweenSteps('setWeights');
    runs.assertIdle('dispose');
  });

  it('knows what runs beside a training', async () => {
    const runs = queue();
    let finish!: () => void;
    const evaluation = runs.shared('evaluate', () => new Promise<void>((resolve) => (finish = resolve)));
    expect(() => runs.assertIdle('dispose')).toThrow(/dispose while evaluate is running/);
    await runs.exclusive('fit', async () => undefined);
    finish();
    await evaluation;
    runs.assertIdle('dispose');
  });
});

describe.each(MODES)('while fit is running, %s', (execution) => {
  useTestEngine();

  const compiled = () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError', execution });
    return model;
  };

  it('predict and evaluate answer, from a timer and in a hook, without changing the run', async () => {
    const [watched, alone] = [compiled(), compiled()];
    const options = { epochs: 30, batchSize: 2, verbose: 0 } as const;
    let running = true;
    const fromTimer: number[][] = [];
    const ask = async (): Promise<void> => {
      while (running) {
        const output = taken(await watched.predict(x));
        if (running) fromTimer.push(output);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const hooked: number[] = [];
    const inHook = new LambdaCallback({
      onEpochEnd: async () => {
        hooked.push(taken(await watched.predict(x)).length);
        hooked.push(Object.keys(await watched.evaluate(x, y)).length);
      },
    });
    const fit = watched.fit(x, y, { ...options, callbacks: [inHook] });
    const asking = ask();
    await fit;
    running = false;
    await asking;
    await alone.fit(x, y, options);
    expect(fromTimer.length).toBeGreaterThan(0);
    expect(fromTimer.every((output) => output.length === 8 && output.every(Number.isFinite))).toBe(true);
    expect(hooked).toEqual(Array.from({ length: 30 }, () => [8, 1]).flat());
    expect(weightsOf(watched)).toEqual(weightsOf(alone));
    watched.dispose();
    alone.dispose();
  });

  it('a second fit, trainOnBatch, compile and dispose are refused, and the first goes on', async () => {
    const model = compiled();
    const refusals: Promise<Error>[] = [];
    const messages: string[] = [];
    const callback = new LambdaCallback({
      onEpochBegin: () => {
        refusals.push(rejectionOf(model.fit(x, y)), rejectionOf(model.trainOnBatch(x, y)));
        messages.push(thrownBy(() => model.compile({ loss: 'meanSquaredError' })).message);
        messages.push(thrownBy(() => model.dispose()).message);
      },
    });
    const history = await model.fit(x, y, { epochs: 1, verbose: 0, callbacks: [callback] });
    expect(history.epoch).toEqual([0]);
    for (const error of await Promise.all(refusals)) expect(error).toBeInstanceOf(StateError);
    messages.push(...(await Promise.all(refusals)).map(({ message }) => message));
    expect(messages.map((message) => message.split('\n')[0])).toEqual([
      'StateError [still-running] compile of model "small"',
      'StateError [still-running] dispose of model "small"',
      'StateError [already-training] fit of model "small"',
      'StateError [already-training] trainOnBatch of model "small"',
    ]);
    model.dispose();
  });

  it('two evaluations at once do not mix', async () => {
    const model = compiled();
    const [a, b] = [x.slice(0, 3), x.slice(3)];
    const alone = [
      await model.evaluate(a, y.slice(0, 3), { batchSize: 1 }),
      await model.evaluate(b, y.slice(3), { batchSize: 1 }),
    ];
    const together = await Promise.all([
      model.evaluate(a, y.slice(0, 3), { batchSize: 1 }),
      model.evaluate(b, y.slice(3), { batchSize: 1 }),
    ]);
    expect(together).toEqual(alone);
    model.dispose();
  });

  it('dispose is refused during evaluate and predict', async () => {
    const model = compiled();
    const evaluation = model.evaluate(x, y, { batchSize: 1 });
    expect(() => model.dispose()).toThrow(/dispose while evaluate is running/);
    await evaluation;
    const prediction = model.predict(x, { batchSize: 1 });
    expect(() => model.dispose()).toThrow(/dispose while predict is running/);
    (await prediction).dispose();
    model.dispose();
  });
});

describe('setWeights', () => {
  useTestEngine();

  it('is refused while a step is in flight, as is a write by a callback, and works between steps', async () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError' });
    model.build([null, 3]);
    const values = model.getWeights();
    const before = weightsOf(model);
    let run!: TrainingRun;
    const callback = new LambdaCallback({
      onTrainBegin: (given) => {
        run = given;
        model.setWeights(values);
      },
    });
    await model.fit(x, y, { verbose: 0, callbacks: [callback] });
    const trained = weightsOf(model);
    expect(trained).not.toEqual(before);

    let finish!: () => void;
    const { queue } = model as unknown as { queue: RunQueue };
    const step = queue.step(() => new Promise<void>((resolve) => (finish = resolve)));
    await Promise.resolve();
    expect(() => model.setWeights(values)).toThrow(/StateError \[step-in-flight\] setWeights of model "small"/);
    expect(() => run.writeWeights(run.readWeights())).toThrow(/\[step-in-flight\] writeWeights of model "small"/);
    expect(weightsOf(model)).toEqual(trained);
    finish();
    await step;
    model.setWeights(values);
    expect(weightsOf(model)).toEqual(before);
    tf.dispose(values);
    model.dispose();
  });
});
