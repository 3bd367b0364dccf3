import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { ReduceLROnPlateau } from '../../src/callbacks/reduce-lr-on-plateau.js';
import { CallbackError, OptionsError } from '../../src/core/errors.js';
import { ConstantSchedule } from '../../src/optimizers/schedules/constant-schedule.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { FakeRun } from '../helpers/fake-run.js';

callbackContract(ReduceLROnPlateau, {
  options: {
    monitor: 'loss',
    factor: 0.5,
    patience: 2,
    mode: 'min' as const,
    minDelta: 0.1,
    cooldown: 1,
    minLearningRate: 0.01,
    verbose: 1 as const,
  },
  results: ({ reducedEpochs }) => reducedEpochs,
  refused: [
    [{ factor: 1 }, /"factor"[^]*a finite number above 0; below 1/],
    [{ factor: 0 }, /"factor"[^]*a finite number above 0/],
    [{ patience: -1 }, /"patience"[^]*a whole number of at least 0/],
    [{ cooldown: 1.5 }, /"cooldown"[^]*a whole number of at least 0/],
    [{ minDelta: -0.1 }, /"minDelta"[^]*a finite number of at least 0/],
    [{ minLearningRate: -1 }, /"minLearningRate"[^]*a finite number of at least 0/],
    [{ mode: 'down' }, /"mode"[^]*one of "auto"/],
    [{ minLr: 0.1 }, /unknown-option/],
  ],
});

/** Keras keeps the rate in float32. */
const KERAS_TOLERANCE = 1e-6;

const { plateau } = JSON.parse(readFileSync(new URL('../golden/schedules.json', import.meta.url), 'utf8')) as {
  plateau: { start: number; cases: { options: object; values: number[]; rates: number[] }[] };
};

async function ratesOf(values: readonly number[], options: object, start = plateau.start) {
  const run = new FakeRun({ epochs: values.length, validation: (epoch) => ({ val_loss: values[epoch]! }) });
  run.optimizer.learningRate = start;
  const rates: number[] = [];
  const callback = new ReduceLROnPlateau({ mode: 'min', ...options });
  const look = new LambdaCallback({ onEpochEnd: () => void rates.push(run.optimizer.learningRate) });
  await run.train(callback, look);
  return { rates, run, callback };
}

describe('ReduceLROnPlateau', () => {
  it.each(plateau.cases)('reduces as Keras does: $options over $values', async ({ options, values, rates }) => {
    const ours = (await ratesOf(values, options)).rates;
    expect(ours).toHaveLength(rates.length);
    for (const [i, rate] of rates.entries()) expect(Math.abs(ours[i]! - rate)).toBeLessThan(KERAS_TOLERANCE * rate);
  });

  it('takes NaN for no improvement', async () => {
    expect((await ratesOf([1, NaN, NaN, 0.5], { patience: 2, factor: 0.5 }, 1)).rates).toEqual([1, 1, 0.5, 0.5]);
  });

  it('tells which epochs, and says so where it is asked to', async () => {
    const { callback, run } = await ratesOf([1, 1, 1], { patience: 1, factor: 0.5, verbose: 1 }, 1);
    expect(callback.reducedEpochs).toEqual([1, 2]);
    expect(run.messages).toEqual([
      'ReduceLROnPlateau: learning rate reduced from 1.0000 to 0.5000 after epoch 2',
      'ReduceLROnPlateau: learning rate reduced from 0.5000 to 0.2500 after epoch 3',
    ]);
  });

  it('refuses a run without its monitor, and a monitor without a direction', async () => {
    await expect(new FakeRun().train(new ReduceLROnPlateau())).rejects.toThrow(/unknown-monitor[^]*validationSplit/);
    const other = new ReduceLROnPlateau({ monitor: 'val_los', mode: 'min' });
    const run = new FakeRun({ validation: () => ({ val_loss: 1 }) });
    await expect(run.train(other)).rejects.toThrow(/did you mean "val_loss"/);
    expect(() => new ReduceLROnPlateau({ monitor: 'gain' })).toThrow(OptionsError);
    expect(() => new ReduceLROnPlateau({ monitor: 'gain' })).toThrow(
      /callback ReduceLROnPlateau[^]*whose name does not tell/,
    );
  });

  it('refuses an optimizer with a schedule, before the first step', async () => {
    const run = new FakeRun({ validation: () => ({ val_loss: 1 }) });
    Object.assign(run.optimizer, { schedule: new ConstantSchedule({ learningRate: 1 }) });
    const failed = run.train(new ReduceLROnPlateau());
    await expect(failed).rejects.toThrow(CallbackError);
    await expect(failed).rejects.toThrow(/\[scheduled\] callback "ReduceLROnPlateau"[^]*ConstantSchedule/);
    expect(run.kernel).toBe(0);
  });
});
