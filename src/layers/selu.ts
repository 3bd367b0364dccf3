import { tf } from '../engine/tfjs.js';
import { negativePart } from './elu.js';
import { exactConstant } from '../autodiff/exact-constant.js';
import { withDerivative } from './with-derivative.js';

const SCALE = 1.0507009873554805;
const SCALE_TIMES_ALPHA = 1.7580993408473768;

/**
 * Scaled exponential linear unit: `1.0507 x` where `x > 0`, else `1.7581 (exp(x) - 1)`.
 *
 * @see Klambauer et al., "Self-normalizing neural networks" (NeurIPS 2017), https://arxiv.org/abs/1706.02515
 */
export const selu = withDerivative(
  (x) => tf.selu(x),
  (x) => {
    const decaying = tf.mul(exactConstant(SCALE_TIMES_ALPHA), tf.exp(negativePart(x)));
    return tf.where(tf.greater(x, 0), exactConstant(SCALE), decaying);
  },
);
