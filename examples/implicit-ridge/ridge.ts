import { conjugateGradients, customRoot, grad, tf, type LinearSolver, type Tensor } from 'adjoint';
import { FEATURES, type Examples } from './data.js';

const DESCENT_RATE = 0.25;
/** Twice the unknowns: exact arithmetic would be done after one for each, rounding is not. */
const solve: LinearSolver = (product, rightSide) =>
  conjugateGradients(product, rightSide, { iterations: 2 * FEATURES });

/** Half the mean squared error of a linear model with weights `[features, 1]`. */
export function error(weights: Tensor, { x, y }: Examples): Tensor {
  return tf.mul(0.5, tf.mean(tf.square(tf.sub(tf.matMul(x, weights as tf.Tensor2D), y))));
}

/** Ridge regression on some examples, as a function of the logarithm of the penalty: of one, or `[features, 1]` of them. */
export class Ridge {
  constructor(private readonly examples: Examples) {}

  /** What the weights minimise: `||X w - y||^2 / 2n + sum(penalty w^2) / 2`. */
  readonly loss = (weights: Tensor, logPenalty: Tensor): Tensor =>
    tf.add(error(weights, this.examples), tf.mul(0.5, tf.sum(tf.mul(tf.exp(logPenalty), tf.square(weights)))));

  /**
   * The weights, which are where the loss has no slope. That equation is all that their derivative needs: how they are found,
   * here by solving the normal equations, is not differentiated.
   */
  readonly weights = customRoot(
    grad(this.loss),
    (logPenalty: Tensor): Tensor => {
      const { x, y } = this.examples;
      const rows = x.shape[0];
      const timesMatrix = (v: Tensor): Tensor => {
        const squares = tf.matMul(x, tf.matMul(x, v as tf.Tensor2D), true);
        return tf.add(tf.div(squares, rows), tf.mul(tf.exp(logPenalty), v));
      };
      return solve(timesMatrix, tf.div(tf.matMul(x, y, true), rows));
    },
    // The matrix of the derivative is the loss's Hessian: symmetric and positive definite.
    { linearSolver: solve },
  );

  /** The weights after some steps of gradient descent, for those who would differentiate through each of them. */
  descend(logPenalty: Tensor, steps: number): Tensor {
    const slope = grad(this.loss);
    let weights: Tensor = tf.zeros([FEATURES, 1]);
    for (let i = 0; i < steps; i++) weights = tf.sub(weights, tf.mul(DESCENT_RATE, slope(weights, logPenalty)));
    return weights;
  }
}
