import { attribute, executeOp } from '../engine/execute-op.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Histogram } from './probe-contract.js';

/** Enough to see a shape, few enough to be sent at each probe. */
const BINS = 30;

/** Counts the finite values of a tensor into bins, in ops: `[min, max, counts...]`. */
export function measureHistogram(values: Tensor): Tensor {
  return tf.tidy(() => {
    const flat = tf.reshape(values, [-1]);
    const finite = tf.isFinite(flat);
    // Values that are left out are put where a bin's count can be put right: at the least of the others.
    const least = tf.min(tf.where(finite, flat, tf.fill(flat.shape, Infinity)));
    const largest = tf.max(tf.where(finite, flat, tf.fill(flat.shape, -Infinity)));
    const any = tf.any(finite);
    const [low, high] = [least, largest].map((bound) => tf.where(any, bound, tf.scalar(0))) as [Tensor, Tensor];
    const kept = tf.where(finite, flat, tf.mul(tf.onesLike(flat), low));
    // As parts of the way from the least to the largest, half by half: the way may be longer than float32 reaches, and none
    // where all values are alike.
    const [bottom, top] = [tf.div(low, 2), tf.div(high, 2)];
    const way = tf.where(tf.equal(low, high), tf.scalar(1), tf.sub(top, bottom));
    const placed = tf.div(tf.sub(tf.div(kept, 2), bottom), way);
    const [counts] = executeOp(
      'HistogramFixedWidth',
      [attribute.type('T', 'float32'), attribute.type('dtype', 'int32')],
      [placed, tf.tensor1d([0, 1]), tf.scalar(BINS, 'int32')],
    );
    const leftOut = tf.sum(tf.cast(tf.logicalNot(finite), 'float32'));
    const correction = tf.concat([tf.reshape(leftOut, [1]), tf.zeros([BINS - 1])]);
    const bins = tf.sub(tf.cast(counts!, 'float32'), correction);
    return tf.concat([tf.stack([low, high]), bins]);
  });
}

/** What {@link measureHistogram} sent. */
export function readHistogram(sent: readonly number[]): Histogram {
  const [min, max, ...counts] = sent as [number, number, ...number[]];
  return { min, max, counts };
}
