import { tf, type Tensor } from '../../engine/tfjs.js';

/** Steps that fit the count of updates, an int32. */
export const MOST_STEPS = 2 ** 31 - 1;

/** How many lengths have passed, with fractions. */
export function elapsed(step: Tensor, length: number): Tensor {
  return tf.div(tf.cast(step, 'float32'), length);
}

/**
 * How many whole lengths have passed. In integers: a recorded quotient becomes a product with the reciprocal, whose whole part
 * may be one too few.
 */
export function wholeElapsed(step: Tensor, length: number): Tensor {
  return tf.cast(tf.floorDiv(tf.cast(step, 'int32'), tf.scalar(length, 'int32')), 'float32');
}
