import { describe, expect, it } from '@jest/globals';
import { History } from '../../src/callbacks/history.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { FakeRun } from '../helpers/fake-run.js';

callbackContract(History, { options: {}, results: ({ history, epoch, steps, mode }) => [history, epoch, steps, mode] });

describe('History', () => {
  it('has one entry an epoch in every list', async () => {
    const history = new History();
    const run = new FakeRun({
      initialEpoch: 3,
      epochs: 5,
      steps: 2,
      loss: (epoch, batch) => epoch + batch,
      metrics: (epoch) => ({ accuracy: epoch / 10 }),
      validation: (epoch) => ({ val_loss: epoch * 2 }),
      millisecondsPerStep: 7,
    });
    await run.train(history);
    expect(history.history).toEqual({ loss: [3.5, 4.5], accuracy: [0.3, 0.4], val_loss: [6, 8] });
    expect(history.epoch).toEqual([3, 4]);
    expect(history.steps).toEqual([2, 2]);
    expect(history.millisecondsPerStep).toEqual([7, 7]);
    expect(history.mode).toEqual(['eager', 'eager']);
    expect(history.stopReason).toBeNull();
  });

  it('keeps its lists aligned where an epoch lacks an entry', async () => {
    const history = new History();
    const metrics = (epoch: number): Record<string, number> => (epoch === 1 ? { late: 5 } : {});
    await new FakeRun({ epochs: 3, loss: () => 1, metrics }).train(history);
    expect(history.history).toEqual({ loss: [1, 1, 1], late: [NaN, 5, NaN] });
  });

  it('begins anew in a second run and leaves the lists of the first to who holds them', async () => {
    const history = new History();
    await new FakeRun({ epochs: 2 }).train(history);
    const first = history.history;
    await new FakeRun({ epochs: 1 }).train(history);
    expect(first.loss).toHaveLength(2);
    expect(history.history.loss).toHaveLength(1);
    expect(history.epoch).toEqual([0]);
  });

  it('tells why training ended early', async () => {
    const history = new History();
    const run: FakeRun = new FakeRun({ epochs: 9, step: (epoch) => (epoch === 1 ? run.stop('asked to') : undefined) });
    await run.train(history);
    expect(history.epoch).toEqual([0, 1]);
    expect(history.stopReason).toBe('asked to');
  });
});
