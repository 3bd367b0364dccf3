import { describe, expect, it } from '@jest/globals';
import { EarlyStopping } from '../../src/callbacks/early-stopping.js';
import { TerminateOnNaN } from '../../src/callbacks/terminate-on-nan.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { FakeRun } from '../helpers/fake-run.js';

callbackContract(TerminateOnNaN, { options: {} });

describe('TerminateOnNaN', () => {
  it.each([NaN, Infinity, -Infinity])('ends training at a loss of %p, with the state before that step', async (bad) => {
    const loss = (epoch: number, batch: number): number => (epoch === 1 && batch === 2 ? bad : 1);
    const run = new FakeRun({ epochs: 3, steps: 4, loss });
    await run.train(new TerminateOnNaN());
    expect(run.stopReason).toBe(
      'loss or gradient of epoch 2, batch 3 is not finite; weights and optimizer stand as before that step',
    );
    expect(run.progress.totalSteps).toBe(7);
    expect(run.kernel).toBe(6);
  });

  it('leaves a finite run alone', async () => {
    const run = new FakeRun({ epochs: 2, steps: 3, loss: () => 1e30 });
    await run.train(new TerminateOnNaN());
    expect([run.stopReason, run.kernel]).toEqual([null, 6]);
  });

  it('agrees with EarlyStopping, whose monitor the broken epoch never gets', async () => {
    const run = new FakeRun({ epochs: 3, loss: () => NaN, validation: () => ({ val_loss: 1 }) });
    await run.train(new TerminateOnNaN(), new EarlyStopping());
    expect(run.stopReason).toMatch(/epoch 1, batch 1 is not finite/);
  });
});
