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
            const split: number[] = [];
            const repeated: number[] = [];
            for (const [axis, times] of (reps as number[]).entries()) {
              if (times !== 1) repeated.push(split.push(times) - 1);
              split.push(shape[axis]!);
            }
            if (repeated.length === 0) return cotangent;
            return tf.reshape(tf.sum(tf.reshape(cotangent, split), repeated), shape);
          },
        };
      },
    },
    { replace: true },
  );
}
