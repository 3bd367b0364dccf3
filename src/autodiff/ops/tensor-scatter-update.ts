import { tf } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** What was overwritten has no influence. Indices are taken to differ: of two equal ones TensorFlow keeps either. */
export function installTensorScatterUpdate(): void {
  registerKernelVjp('TensorScatterUpdate', {
    keepInputs: ['indices', 'updates'],
    backward: (cotangent, kept) => {
      const indices = kept.input('indices');
      return {
        tensor: () => tf.tensorScatterUpdate(cotangent, indices, tf.zerosLike(kept.input('updates'))),
        updates: () => tf.gatherND(cotangent, indices),
      };
    },
  });
}
