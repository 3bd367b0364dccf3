import { tf } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** A staircase has slope zero; tfjs gives it the gradient of the division. */
export function installFloorDiv(): void {
  registerKernelVjp(
    'FloorDiv',
    {
      keepInputs: ['a', 'b'],
      backward: (_, kept) => ({
        a: () => tf.zerosLike(kept.input('a')),
        b: () => tf.zerosLike(kept.input('b')),
      }),
    },
    { replace: true },
  );
}
