import { tf } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** Equal elements share the cotangent of the value that stands for them. */
export function installUnique(): void {
  registerKernelVjp('Unique', {
    keepInputs: ['x'],
    keepOutputs: [false, true],
    backward: (cotangent, kept, { axis = 0 }) => ({
      x: () => {
        const { rank } = kept.input('x');
        const places = kept.output(1);
        const along = (axis as number) < 0 ? (axis as number) + rank : (axis as number);
        const count = cotangent.shape[along]!;
        const counts = tf.unsortedSegmentSum(tf.ones(places.shape), places as tf.Tensor1D, count);
        const shape = cotangent.shape.map((_, i) => (i === along ? count : 1));
        return tf.gather(tf.div(cotangent, tf.reshape(counts, shape)), places, along);
      },
    }),
  });
}
