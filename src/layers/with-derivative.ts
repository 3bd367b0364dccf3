import { tf, type Tensor } from '../engine/tfjs.js';

/**
 * An elementwise function with a derivative of our own. The derivative is written in differentiable ops of the input, so
 * that every order follows from it.
 */
export function withDerivative(value: (x: Tensor) => Tensor, derivative: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return withPullback(value, (dy, x) => tf.mul(dy, derivative(x)));
}

/** A function with a pullback of our own: `pullback(dy, x)` is the gradient of `sum(dy * value(x))` by `x`. */
export function withPullback(
  value: (x: Tensor) => Tensor,
  pullback: (dy: Tensor, x: Tensor) => Tensor,
): (x: Tensor) => Tensor {
  const differentiable = tf.customGrad((...given) => {
    const [x, save] = given as [Tensor, (saved: Tensor[]) => void];
    save([x]);
    return { value: value(x), gradFunc: (dy: Tensor, saved: Tensor[]) => pullback(dy, saved[0]!) };
  });
  return (x) => differentiable(x);
}
