import { tf } from '../../engine/tfjs.js';
import { composeInFloat64 } from '../composed-double.js';

/** Normalisation by given statistics; tfjs's rule for it is composed and right in every order. */
export function installBatchNormInference(): void {
  composeInFloat64('FusedBatchNorm', ({ x, mean, variance, scale, offset }, { varianceEpsilon }) => {
    const inverse = tf.rsqrt(tf.add(variance!, tf.scalar(varianceEpsilon as number)));
    const factor = scale === undefined || scale === null ? inverse : tf.mul(inverse, scale);
    const normalised = tf.mul(tf.sub(x!, mean!), factor);
    return offset === undefined || offset === null ? normalised : tf.add(normalised, offset);
  });
}
