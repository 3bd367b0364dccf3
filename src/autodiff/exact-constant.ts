import { isFloat64 } from '../engine/float64.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/** A scalar that keeps its full value inside the float64 scope, where tfjs would round it to float32. */
export function exactConstant(value: number): Tensor {
  const high = Math.fround(value);
  return isFloat64() ? tf.add(tf.scalar(high), tf.scalar(value - high)) : tf.scalar(high);
}
