import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { HOOKS, type HookName } from '../../src/training/callback-contract.js';
import { CallbackDispatcher } from '../../src/training/callback-dispatcher.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { FakeRun } from '../helpers/fake-run.js';

const nothing = (): void => {};

callbackContract(LambdaCallback, {
  options: Object.fromEntries(HOOKS.map((hook) => [hook, nothing])) as Record<HookName, () => void>,
  refused: [
    [{ onEpochEnds: nothing }, /did you mean "onEpochEnd"/],
    [{ onBatchStart: nothing }, /unknown-option/],
    [{ onEpochEnd: 'print' }, /onEpochEnd must be a function/],
  ],
});

describe('LambdaCallback', () => {
  it('gives each function its arguments and the run', async () => {
    const seen: unknown[][] = [];
    const options = Object.fromEntries(
      HOOKS.map((hook) => [hook, (...values: unknown[]) => void seen.push([hook, ...values])]),
    );
    const run = new FakeRun({ loss: () => 2, validation: () => ({ val_loss: 3 }) });
    await run.train(new LambdaCallback(options));
    expect(seen).toEqual([
      ['onTrainBegin', run],
      ['onEpochBegin', 0, run],
      ['onBatchBegin', 0, run],
      ['onProbe', expect.objectContaining({ loss: 2 }), run],
      ['onBatchEnd', 0, { loss: 2 }, run],
      ['onValidationBegin', run],
      ['onValidationEnd', { val_loss: 3 }, run],
      ['onEpochEnd', 0, { loss: 2, val_loss: 3 }, run],
      ['onTrainEnd', { loss: 2, val_loss: 3 }, run],
    ]);
  });

  it('is not heard in hooks that it was not given', () => {
    const dispatcher = new CallbackDispatcher([new LambdaCallback({ onEpochEnd: nothing, onTrainEnd: undefined })]);
    expect(HOOKS.filter((hook) => dispatcher.hears(hook))).toEqual(['onEpochEnd']);
  });

  it('can stop the run', async () => {
    const run = new FakeRun({ epochs: 5 });
    await run.train(
      new LambdaCallback({ onEpochEnd: (epoch, _logs, seen) => (epoch === 1 ? seen.stop('two will do') : undefined) }),
    );
    expect([run.stopReason, run.progress.totalSteps]).toEqual(['two will do', 2]);
  });
});
