import { describe, expect, it } from '@jest/globals';
import { EarlyStopping } from '../../src/callbacks/early-stopping.js';
import { largerIsBetter } from '../../src/callbacks/monitor-direction.js';
import { CallbackError, OptionsError } from '../../src/core/errors.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { FakeRun, type FakeRunPlan } from '../helpers/fake-run.js';

callbackContract(EarlyStopping, {
  options: {
    monitor: 'loss',
    minDelta: 0.1,
    patience: 2,
    mode: 'min' as const,
    baseline: 0.5,
    restoreBestWeights: true,
    startFromEpoch: 1,
    verbose: 1 as const,
  },
  results: ({ bestEpoch, bestValue, stoppedEpoch }) => [bestEpoch, bestValue, stoppedEpoch],
  refused: [
    [{ patience: -1 }, /"patience"[^]*a whole number of at least 0/],
    [{ patience: 1.5 }, /"patience"[^]*a whole number/],
    [{ minDelta: -0.1 }, /"minDelta"[^]*a finite number of at least 0/],
    [{ mode: 'down' }, /"mode"[^]*one of "auto"/],
    [{ monitor: '' }, /"monitor"[^]*a string that is not empty/],
    [{ baseline: NaN }, /"baseline"[^]*a finite number/],
    [{ restoreBestWeight: true }, /did you mean "restoreBestWeights"/],
  ],
});

/** A run whose validation loss takes these values, one an epoch. */
function runOf(values: readonly number[], plan: FakeRunPlan = {}): FakeRun {
  return new FakeRun({ epochs: values.length, validation: (epoch) => ({ val_loss: values[epoch]! }), ...plan });
}

async function epochsTrained(values: readonly number[], stopping: EarlyStopping): Promise<number> {
  const run = runOf(values);
  await run.train(stopping);
  return run.progress.epoch + 1;
}

describe('EarlyStopping', () => {
  it.each([
    { what: 'never stops while it improves', values: [5, 4, 3, 2, 1], options: { patience: 0 }, epochs: 5 },
    { what: 'stops at once without patience', values: [5, 4, 4, 3, 2], options: {}, epochs: 3 },
    { what: 'waits for `patience` epochs', values: [5, 4, 4, 4, 4, 4], options: { patience: 3 }, epochs: 5 },
    { what: 'waits anew after an improvement', values: [5, 6, 4, 6, 6, 6], options: { patience: 2 }, epochs: 5 },
    {
      what: 'wants more than minDelta',
      values: [5, 4.9, 4.8, 4.7],
      options: { minDelta: 0.5, patience: 2 },
      epochs: 3,
    },
    {
      what: 'adds small steps up to minDelta',
      values: [5, 4.8, 4.4, 3.9, 3.8],
      options: { minDelta: 0.5, patience: 2 },
      epochs: 5,
    },
    { what: 'takes NaN for no improvement', values: [5, NaN, NaN, 1], options: { patience: 2 }, epochs: 3 },
    { what: 'recovers from NaN at the start', values: [NaN, 3, 2, 1], options: { patience: 2 }, epochs: 4 },
    {
      what: 'does not watch the warm-up',
      values: [1, 2, 3, 2.5, 2.6],
      options: { startFromEpoch: 2, patience: 1 },
      epochs: 5,
    },
    { what: 'takes larger for better in mode max', values: [1, 2, 3, 2], options: { mode: 'max' as const }, epochs: 4 },
    { what: 'wants the baseline beaten', values: [5, 4, 4, 4], options: { baseline: 3, patience: 2 }, epochs: 3 },
    {
      what: 'goes on past a beaten baseline',
      values: [5, 2, 4, 1, 1],
      options: { baseline: 3, patience: 2 },
      epochs: 5,
    },
  ])('$what', async ({ values, options, epochs }) => {
    expect(await epochsTrained(values, new EarlyStopping(options))).toBe(epochs);
  });

  it('keeps numbers of the run and gives a reason', async () => {
    const stopping = new EarlyStopping({ patience: 2 });
    const run = runOf([5, 3, 4, 4, 1]);
    await run.train(stopping);
    expect([stopping.bestEpoch, stopping.bestValue, stopping.stoppedEpoch]).toEqual([1, 3, 3]);
    expect(run.stopReason).toBe('val_loss 4.0000 has not improved on 3.0000 of epoch 2 for 2 epochs');
  });

  it('says so where the baseline was not beaten, or nothing was a number', async () => {
    const low = runOf([5, 4, 4]);
    await low.train(new EarlyStopping({ baseline: 1, patience: 2 }));
    expect(low.stopReason).toBe('val_loss 4.0000 has not beaten the baseline 1.0000 in 3 epochs');
    const bad = runOf([NaN, NaN, NaN]);
    await bad.train(new EarlyStopping({ patience: 2 }));
    expect(bad.stopReason).toBe('val_loss NaN: no finite value in 2 epochs');
  });

  it.each([
    { what: 'after stopping', values: [5, 3, 4, 4, 1], best: 2 },
    { what: 'also where training came to its end', values: [5, 3, 4], best: 2 },
    { what: 'which may be the last', values: [5, 4, 3], best: 3 },
    { what: 'the first watched where nothing was a number', values: [NaN, NaN], best: 1 },
  ])('restores the weights of the best epoch $what', async ({ values, best }) => {
    const run = runOf(values);
    await run.train(new EarlyStopping({ patience: 2, restoreBestWeights: true }));
    expect(run.kernel).toBe(best);
  });

  it('leaves the weights alone unless asked, and after an error', async () => {
    const plain = runOf([1, 2]);
    await plain.train(new EarlyStopping());
    expect(plain.kernel).toBe(2);
    const broken = runOf([1, 2, 3], { step: (epoch) => (epoch === 2 ? Promise.reject(new Error('boom')) : undefined) });
    const stopping = new EarlyStopping({ patience: 5, restoreBestWeights: true });
    await expect(broken.train(stopping)).rejects.toThrow('boom');
    expect(broken.kernel).toBe(2);
  });

  it('speaks when verbose, and only then', async () => {
    const run = runOf([1, 2, 3]);
    await run.train(new EarlyStopping({ verbose: 1, restoreBestWeights: true }));
    expect(run.messages).toEqual(['EarlyStopping: training stopped after epoch 2, weights of epoch 1 restored']);
    const silent = runOf([1, 2, 3]);
    await silent.train(new EarlyStopping({ restoreBestWeights: true }));
    expect(silent.messages).toEqual([]);
  });

  it('refuses an unknown monitor at the first epoch with the nearest names', async () => {
    const run = runOf([1, 2], { metrics: () => ({ accuracy: 1 }) });
    const error: unknown = await run
      .train(new EarlyStopping({ monitor: 'val_los', mode: 'min' }))
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CallbackError);
    expect((error as CallbackError).kind).toBe('unknown-monitor');
    expect((error as CallbackError).message).toMatch(
      /"monitor" of callback "EarlyStopping"[^]*one of loss, accuracy, val_loss[^]*"val_los"[^]*did you mean "val_loss"/,
    );
  });

  it('refuses a validation monitor without validation data before anything is trained', async () => {
    const run = new FakeRun({ epochs: 2 });
    await expect(run.train(new EarlyStopping())).rejects.toThrow(
      /validationData or validationSplit, or monitor "loss"/,
    );
    expect(run.kernel).toBe(0);
  });

  it('refuses to guess which way is better', () => {
    expect(() => new EarlyStopping({ monitor: 'val_positives' })).toThrow(OptionsError);
    expect(() => new EarlyStopping({ monitor: 'val_positives' })).toThrow(/monitor-direction[^]*mode: 'max'/);
    expect(() => new EarlyStopping({ monitor: 'val_positives', mode: 'max' })).not.toThrow();
  });
});

describe('largerIsBetter', () => {
  it.each([
    ['loss', false],
    ['val_loss', false],
    ['mean_squared_error', false],
    ['val_sparse_categorical_crossentropy', false],
    ['accuracy', true],
    ['val_sparse_categorical_accuracy', true],
    ['auc', true],
    ['gain', undefined],
    ['lossless', undefined],
  ])('of %s is %p', (name, expected) => {
    expect(largerIsBetter(name)).toBe(expected);
  });
});
