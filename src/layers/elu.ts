import { relu } from '../autodiff/ops/relu.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { withDerivative } from './with-derivative.js';

/**
 * Exponential linear unit: `x` where `x > 0`, else `exp(x) - 1`.
 *
 * tfjs's gradient of it stops at first order.
 */
export const elu = withDerivative(
  (x) => tf.elu(x),
  (x) => tf.exp(negativePart(x)),
);

/** `min(x, 0)`, by relu: its gradients of every order are right, and `exp` of it cannot overflow. */
export function negativePart(x: Tensor): Tensor {
  return tf.neg(relu(tf.neg(x)));
}
