import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** A weight gets the cotangent of the bin that it was added to; one whose bin is beyond the last gets zero. */
export function installBincount(): void {
  for (const kernel of ['Bincount', 'DenseBincount']) {
    registerKernelVjp(kernel, {
      keepInputs: ['x', 'weights'],
      backward: (cotangent, kept, { size, binaryOutput }) => ({
        weights: () => {
          const weights = kept.input('weights');
          if (weights.size === 0 || binaryOutput === true) return tf.zerosLike(weights);
          return gatherBins(cotangent, kept.input('x'), size as number);
        },
      }),
    });
  }
}

function gatherBins(cotangent: Tensor, bins: Tensor, size: number): Tensor {
  const last = tf.scalar(size - 1, 'int32');
  const inside = tf.cast(tf.lessEqual(bins, last), 'float32');
  const gathered = tf.gather(cotangent, tf.minimum(bins, last) as Tensor, bins.rank - 1, bins.rank - 1);
  return tf.mul(gathered, inside);
}
