import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { LearningRateScheduler } from '../../src/callbacks/learning-rate-scheduler.js';
import { CallbackError } from '../../src/core/errors.js';
import { ConstantSchedule } from '../../src/optimizers/schedules/constant-schedule.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { FakeRun } from '../helpers/fake-run.js';

callbackContract(LearningRateScheduler, {
  options: { schedule: (_epoch: number, rate: number) => rate / 2, verbose: 1 as const },
  required: true,
  refused: [
    [{}, /"schedule"[^]*a function of the epoch/],
    [{ schedule: 0.1 }, /"schedule"[^]*a function of the epoch/],
    [{ schedule: () => 1, verbose: 2 }, /"verbose"[^]*one of 0, 1/],
  ],
});

describe('LearningRateScheduler', () => {
  it('sets the rate before each epoch, from the one so far', async () => {
    const run = new FakeRun({ epochs: 4, initialEpoch: 1 });
    const seen: number[] = [];
    await run.train(
      new LearningRateScheduler({ schedule: (epoch, rate) => (epoch < 3 ? rate * 2 : 1), verbose: 1 }),
      new LambdaCallback({ onBatchBegin: () => void seen.push(run.optimizer.learningRate) }),
    );
    expect(seen).toEqual([0.2, 0.4, 1]);
    expect(run.messages).toEqual(
      [2, 3, 4].map(
        (epoch, i) =>
          `LearningRateScheduler: learning rate ${['0.2000', '0.4000', '1.0000'][i]} from epoch ${epoch} on`,
      ),
    );
  });

  it.each([
    ['nothing', undefined, 'undefined'],
    ['NaN', NaN, 'NaN'],
    ['a negative number', -0.1, '-0.1'],
    ['a promise', Promise.reject(new Error('late')), 'a Promise'],
  ])('refuses a function that returns %s', async (_, result, received) => {
    const run = new FakeRun();
    const failed = run.train(new LearningRateScheduler({ schedule: () => result as number }));
    await expect(failed).rejects.toThrow(CallbackError);
    await expect(failed).rejects.toThrow(/\[learning-rate\] option "schedule" of callback "LearningRateScheduler"/);
    await expect(failed).rejects.toThrow(`${received} for epoch index 0`);
    expect(run.optimizer.learningRate).toBe(0.1);
  });

  it('refuses an optimizer with a schedule', async () => {
    const run = new FakeRun();
    Object.assign(run.optimizer, { schedule: new ConstantSchedule({ learningRate: 1 }) });
    await expect(run.train(new LearningRateScheduler({ schedule: () => 1 }))).rejects.toThrow(/\[scheduled\]/);
  });
});
