import { tf, type Tensor } from '../engine/tfjs.js';

/** Both of two boolean scalars, where `null` is always true. */
export function both(a: Tensor | null, b: Tensor | null): Tensor | null {
  return a === null ? b : b === null ? a : tf.logicalAnd(a, b);
}

/** Whether a count of updates, an int32 scalar, has reached a whole number of periods after a start. */
export function dueAt(iterations: Tensor, startAfter: number, every: number): Tensor {
  const after = tf.sub(iterations, int32(startAfter));
  const isWhole = tf.equal(tf.mod(after, int32(every)), int32(0));
  return startAfter === 0 ? isWhole : tf.logicalAnd(isWhole, tf.greater(after, int32(0)));
}

export function int32(value: number): Tensor {
  return tf.scalar(value, 'int32');
}
