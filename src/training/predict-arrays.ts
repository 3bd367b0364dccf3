import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { toBatch } from '../data/example.js';
import { sliceRows, toHostArray, type HostArrayInput } from '../data/host-array.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { disposeBatch, toDeviceBatch } from './device-batch.js';
import { PredictOptions } from './fit-options.js';
import { checkFinite } from './preflight.js';
import type { RunQueue } from './run-queue.js';
import type { Trainable } from './trainable.js';

/**
 * The model's outputs for all rows of `x`, in order; the caller owns the result.
 *
 * @param predict - runs the model on one batch
 */
export async function predictArrays(
  model: Trainable,
  seed: number,
  queue: RunQueue,
  x: HostArrayInput,
  input: OptionsInput<PredictOptions> | undefined,
  predict: (batch: Tensor) => Promise<Tensor>,
): Promise<Tensor> {
  const where = `predict of ${model.describe()}`;
  const { batchSize, signal } = parseOptions(PredictOptions, input, where);
  signal?.throwIfAborted();
  const data = toBatch({ x: toHostArray(x, `x of ${where}`) }, where);
  checkFinite(data, where);
  return queue.shared('predict', async () => {
    const outputs: Tensor[] = [];
    try {
      for (let start = 0; start < data.size; start += batchSize) {
        signal?.throwIfAborted();
        const end = Math.min(data.size, start + batchSize);
        const output = await queue.step(async () => {
          model.build([null, ...data.x.shape.slice(1)], seed);
          const batch = toDeviceBatch({ size: end - start, x: sliceRows(data.x, start, end) });
          try {
            return await predict(batch.x);
          } finally {
            disposeBatch(batch);
          }
        });
        outputs.push(output);
        await nextTurn();
      }
      signal?.throwIfAborted();
      return outputs.length === 1 ? outputs.pop()! : tf.concat(outputs);
    } finally {
      for (const output of outputs) output.dispose();
    }
  });
}
