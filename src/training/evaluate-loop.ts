import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.js';
import type { Batch } from '../data/example.js';
import { sliceRows, type HostArray } from '../data/host-array.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Logs } from './callback-contract.js';
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
  check: (batch: Batch, index: number) => void,
  { steps = Infinity, signal }: LoopOptions,
): Promise<Logs> {
  let done = 0;
  sums.reset();
  for await (const hostBatch of batches.iterate(0)) {
    signal?.throwIfAborted();
    check(hostBatch, done);
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
  return sums.read();
}

/** The model's outputs for all rows of `x`, in order; the caller owns the result. */
export async function predictLoop(
  runner: StepRunner,
  queue: RunQueue,
  x: HostArray,
  batchSize: number,
  signal: AbortSignal | undefined,
): Promise<Tensor> {
  const rows = x.shape[0]!;
  const outputs: Tensor[] = [];
  try {
    for (let start = 0; start < rows; start += batchSize) {
      signal?.throwIfAborted();
      const end = Math.min(rows, start + batchSize);
      outputs.push(
        await queue.step(async () => {
          const batch = toDeviceBatch({ size: end - start, x: sliceRows(x, start, end) });
          try {
            return await runner.predict(batch.x);
          } finally {
            disposeBatch(batch);
          }
        }),
      );
      await nextTurn();
    }
    return outputs.length === 1 ? outputs.pop()! : tf.concat(outputs);
  } finally {
    for (const output of outputs) output.dispose();
  }
}
