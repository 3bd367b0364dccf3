import { tf } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** A sum over the repetitions; tfjs adds slices one by one, and has none above rank 4. */
export function installTile(): void {
  registerKernelVjp(
    'Tile',
    {
      keepInputs: ['x'],
      backward: (cotangent, kept, { reps }) => {
        const { shape } = kept.input('x');
        return {
          x: () => {
            let gradient = cotangent;
            for (const [axis, times] of (reps as number[]).entries()) {
              if (times === 1) continue;
              // Of rank 3 whatever the rank of x: TensorFlow broadcasts only few axes at a time.
              const before = tf.util.sizeFromShape(shape.slice(0, axis));
              gradient = tf.sum(tf.reshape(gradient, [before, times, -1]), 1);
            }
            return gradient === cotangent ? cotangent : tf.reshape(gradient, shape);
          },
        };
      },
    },
    { replace: true },
  );
}
