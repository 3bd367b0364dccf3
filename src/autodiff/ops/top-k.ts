import { tf } from '../../engine/tfjs.js';
import { runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** Each of the largest elements gets its cotangent, all others zero. */
export function installTopK(): void {
  registerKernelVjp('TopK', {
    keepInputs: ['x'],
    keepOutputs: [false, true],
    backward: (cotangent, kept) => ({
      x: () => {
        const { shape, size } = kept.input('x');
        const places = kept.output(1);
        const width = shape.at(-1)!;
        const rows = size / width;
        const starts = tf.mul(tf.range(0, rows, 1, 'int32'), tf.scalar(width, 'int32'));
        const indices = tf.add(tf.reshape(places, [rows, -1]), tf.reshape(starts, [rows, 1]));
        const scatter = { indices: tf.reshape(indices, [-1, 1]), updates: tf.reshape(cotangent, [-1]) };
        return tf.reshape(runKernel('ScatterNd', scatter, { shape: [size] }), shape);
      },
    }),
  });
}
