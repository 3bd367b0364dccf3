import { tf, type Tensor } from '../engine/tfjs.js';
import { exactConstant } from '../autodiff/exact-constant.js';
import { withDerivative } from './with-derivative.js';

/**
 * Gaussian error linear unit in its exact form: `x` times the standard normal distribution function of `x`.
 *
 * @see Hendrycks and Gimpel, "Gaussian error linear units" (2016), https://arxiv.org/abs/1606.08415
 */
export function gelu(x: Tensor): Tensor {
  return tf.mul(x, normalDistribution(x));
}

/** tfjs's own gradient of erf holds 2 / sqrt(pi) rounded to float32; the density here holds its constant in full. */
const normalDistribution = withDerivative(
  (x) => tf.mul(0.5, tf.add(1, tf.erf(tf.mul(x, exactConstant(Math.SQRT1_2))))),
  (x) => tf.mul(exactConstant(1 / Math.sqrt(2 * Math.PI)), tf.exp(tf.mul(-0.5, tf.square(x)))),
);
