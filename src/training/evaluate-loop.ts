import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.js';
import type { Batch } from '../data/example.js';
import { BatchFeed } from './batch-feed.js';
import type { Logs } from './logs.js';
import { disposeBatch, toDeviceBatch } from './device-batch.js';
import type { RunQueue } from './run-queue.js';
import type { RunningSums } from './running-sums.js';
import type { StepRunner } from './step-runner.js';

/** How far and how long to go. */
export interface LoopOptions {
  readonly steps?: number;
  readonly signal?: AbortSignal;
}

/** Loss and metrics over a dataset, in inference mode. */
export async function evaluateLoop(
  runner: StepRunner,
  sums: RunningSums,
  queue: RunQueue,
  batches: Dataset<Batch>,
  check: (batch: Batch, isFirst: boolean) => void,
  where: string,
  { steps = Infinity, signal }: LoopOptions,
): Promise<Logs> {
  const feed = new BatchFeed(batches, 0, signal, where);
  try {
    check(await feed.peek(), true);
    sums.reset();
    let done = 0;
    for (let next = await feed.next(); next !== null; next = await feed.next()) {
      const hostBatch = next;
      signal?.throwIfAborted();
      check(hostBatch, false);
      await queue.step(async () => {
        const batch = toDeviceBatch(hostBatch);
        try {
          await runner.evaluate(sums, batch);
        } finally {
          disposeBatch(batch);
        }
      });
      await nextTurn();
      if (++done >= steps) break;
    }
    signal?.throwIfAborted();
  } finally {
    await feed.close();
  }
  return sums.read();
}
