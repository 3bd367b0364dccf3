import { tf } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** Values get what their places get, the default value the sum over all other places; TensorFlow refuses equal indices. */
export function installSparseToDense(): void {
  registerKernelVjp('SparseToDense', {
    keepInputs: ['sparseIndices', 'sparseValues'],
    backward: (cotangent, kept) => {
      const values = kept.input('sparseValues');
      const indices = tf.reshape(kept.input('sparseIndices'), [-1, cotangent.rank]);
      const places = indices.shape[0]!;
      return {
        sparseValues: () => {
          const gathered = tf.gatherND(cotangent, indices);
          return values.rank === 0 ? tf.sum(gathered) : gathered;
        },
        defaultValue: () => tf.sum(tf.tensorScatterUpdate(cotangent, indices, tf.zeros([places], cotangent.dtype))),
      };
    },
  });
}
