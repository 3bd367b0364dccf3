import { DataError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import type { Batch, ExampleInput } from '../data/example.js';
import type { HostArray } from '../data/host-array.js';
import { tf } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import { SparseCategoricalCrossentropy } from '../losses/sparse-categorical-crossentropy.js';
import { prepareData, rowsOf } from './batches.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/**
 * Makes batches of any size for a look at the step alone: the first rows of the caller's data, or zeros.
 *
 * @param exampleShape - shape of one input
 * @throws DataError [too-few-examples] from what it returns
 */
export function sampleBatches(
  model: Trainable,
  plan: TrainingPlan,
  exampleShape: readonly number[],
  given: ExampleInput | undefined,
  where: string,
): (size: number) => Batch {
  if (given !== undefined) {
    const data = prepareData(given, where);
    return (size) => {
      if (data.kind === 'arrays' && data.rows >= size) return { ...rowsOf(data, 0, size).arrays, size };
      throw new DataError('too-few-examples', {
        where,
        expected: `x with at least ${size} examples`,
        received: data.kind === 'arrays' ? `${data.rows}` : 'a dataset',
        fix: 'pass more, or a smaller batchSize; without x the report is foretold only',
      });
    };
  }
  const outputShape = tf.tidy(() => {
    const context = new CallContext();
    const { shape } = model.call(tf.zeros([1, ...exampleShape]), context);
    context.dispose();
    return shape.slice(1);
  });
  const isSparse = plan.loss instanceof SparseCategoricalCrossentropy;
  return (size) => ({
    size,
    x: zeros([size, ...exampleShape], 'float32'),
    y: isSparse ? zeros([size], 'int32') : zeros([size, ...outputShape], 'float32'),
  });
}

function zeros(shape: readonly number[], dtype: 'float32' | 'int32'): HostArray {
  const size = sizeOf(shape);
  return { values: dtype === 'int32' ? new Int32Array(size) : new Float32Array(size), shape, dtype };
}
