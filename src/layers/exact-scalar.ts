import { isFloat64 } from '../engine/float64.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/** A constant that keeps its full value inside the float64 scope, where tfjs would round it to float32. */
export function exactScalar(value: number): Tensor {
  const high = Math.fround(value);
  const rounded = tf.scalar(high);
  return isFloat64() ? tf.add(rounded, tf.scalar(value - high)) : rounded;
}
