import { tf, type Tensor } from '../../engine/tfjs.js';
import { composeInFloat64 } from '../composed-double.js';
import { composedVjp } from '../composed-vjp.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import type { KernelAttributes } from '../tape.js';

/** Local response normalisation, `y = x n ** -beta` with `n = bias + alpha * (sum of x ** 2 over near channels)`. */
export function installLrn(): void {
  composeInFloat64('LRN', ({ x }, attributes) => tf.mul(x!, shrink(norm(x!, attributes), attributes)));
  composeInFloat64('LRNGrad', composedGradient);
  registerKernelVjp('LRNGrad', composedVjp(['x', 'y', 'dy'], composedGradient));
}

/** `dx = dy n ** -beta - 2 alpha beta x (sum of dy y / n over near channels)`, as the native kernel computes it. */
function composedGradient({ x, y, dy }: Record<string, Tensor>, attributes: KernelAttributes): Tensor {
  const { alpha, beta } = attributes as Record<string, number>;
  const total = norm(x!, attributes);
  const direct = tf.mul(dy!, shrink(total, attributes));
  const shared = sumOverWindow(tf.div(tf.mul(dy!, y!), total), attributes);
  return tf.sub(direct, tf.mul(tf.mul(tf.mul(tf.scalar(2), tf.mul(tf.scalar(alpha!), tf.scalar(beta!))), x!), shared));
}

function norm(x: Tensor, attributes: KernelAttributes): Tensor {
  const { bias, alpha } = attributes as Record<string, number>;
  return tf.add(tf.scalar(bias!), tf.mul(tf.scalar(alpha!), sumOverWindow(tf.square(x), attributes)));
}

function shrink(total: Tensor, attributes: KernelAttributes): Tensor {
  return tf.pow(total, tf.scalar(-(attributes['beta'] as number)));
}

function sumOverWindow(values: Tensor, attributes: KernelAttributes): Tensor {
  const channels = values.shape[3]!;
  const radius = attributes['depthRadius'] as number;
  const near = Float32Array.from({ length: channels ** 2 }, (_, i) =>
    Math.abs((i % channels) - Math.floor(i / channels)) <= radius ? 1 : 0,
  );
  const sums = tf.matMul(tf.reshape(values, [-1, channels]), tf.tensor2d(near, [channels, channels]));
  return tf.reshape(sums, values.shape);
}
