import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/**
 * `dx[k] = (x[0] ... x[k-1]) * s[k]` with `s[k] = dy[k] + x[k+1] * s[k+1]`, without the usual division by x, which fails
 * where an element is zero. The recurrence takes a logarithmic number of steps.
 */
export function installCumprod(): void {
  registerKernelVjp('Cumprod', {
    keepInputs: ['x'],
    backward: (cotangent, kept, attributes) => {
      const { axis, exclusive, reverse } = attributes as { axis: number; exclusive: boolean; reverse: boolean };
      const x = kept.input('x');
      const along = axis < 0 ? axis + x.rank : axis;
      const forwards = (tensor: Tensor): Tensor => (reverse ? tf.reverse(tensor, along) : tensor);
      return {
        x: () => {
          const factors = forwards(x);
          const direct = forwards(cotangent);
          const before = tf.cumprod(factors, along, true);
          const weights = exclusive ? shifted(direct, along, 1) : direct;
          return forwards(tf.mul(before, suffixSums(shifted(factors, along, 1), weights, along)));
        },
      };
    },
  });
}

/** Solves `s[k] = b[k] + a[k] * s[k+1]`, `s` being zero beyond the end, by doubling. */
function suffixSums(a: Tensor, b: Tensor, axis: number): Tensor {
  let [factor, sum] = [a, b];
  for (let distance = 1; distance < b.shape[axis]!; distance *= 2) {
    sum = tf.add(sum, tf.mul(factor, shifted(sum, axis, distance)));
    factor = tf.mul(factor, shifted(factor, axis, distance));
  }
  return sum;
}

/** Moves elements towards the front, with zeros coming in at the end. */
function shifted(x: Tensor, axis: number, distance: number): Tensor {
  const length = x.shape[axis]!;
  const count = Math.min(distance, length);
  const begin = x.shape.map((_, i) => (i === axis ? count : 0));
  const size = x.shape.map((dimension, i) => (i === axis ? length - count : dimension));
  const paddings = x.shape.map((_, i): [number, number] => [0, i === axis ? count : 0]);
  return tf.pad(tf.slice(x, begin, size), paddings);
}
