import type { Tensor, tf } from 'adjoint';

/** Adjoint's tfjs, or any other copy of it. */
export type Tfjs = typeof tf;

/** `mean (||dD/dx|| - 1)^2` of a critic `D` at points `[batch, ...]`: how far its slope is from 1. */
export function gradientPenalty(
  { grad, mean, norm, square, sub, sum }: Tfjs,
  critic: (x: Tensor) => Tensor,
  x: Tensor,
): Tensor {
  // Each point has a row of its own in the gradient of the sum.
  const slopes = grad((at) => sum(critic(at)))(x);
  return mean(square(sub(norm(slopes, 'euclidean', 1), 1)));
}

/** The smallest case: a critic `sigmoid(w x)` of one number, at x = 1. */
function smallestPenalty(tf: Tfjs, w: Tensor): Tensor {
  return gradientPenalty(tf, (x) => tf.sigmoid(tf.mul(w, x)), tf.tensor2d([[1]]));
}

const HEAD = [[1.5], [-1], [2]];
const POINTS = [
  [0.5, -1],
  [-0.25, 0.75],
  [1.25, 0.5],
  [-1.5, -0.5],
];
/** `[2, 3]` */
export const KERNEL = [
  [1, -0.5, 0.75],
  [0.25, 1.5, -1],
];

/** A critic with three hidden units of sigmoid, by their kernel. */
export function networkPenalty(tf: Tfjs, kernel: Tensor): Tensor {
  const critic = (x: Tensor): Tensor => tf.matMul(tf.sigmoid(tf.matMul(x, kernel)), tf.tensor2d(HEAD));
  return gradientPenalty(tf, critic, tf.tensor2d(POINTS));
}

/** The penalties' gradients, by w = 1 and by the kernel, as the tape of this tfjs has them. */
export function penaltyGradients(tf: Tfjs): { smallest: number; network: number[] } {
  return tf.tidy(() => {
    const smallest = tf
      .grad((w) => smallestPenalty(tf, w))(tf.scalar(1))
      .dataSync()[0]!;
    const network = [
      ...tf
        .grad((kernel) => networkPenalty(tf, kernel))(tf.tensor2d(KERNEL))
        .dataSync(),
    ];
    return { smallest, network };
  });
}
