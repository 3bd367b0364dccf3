import { attribute, executeOp } from '../engine/execute-op.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/** A power of two, so that scaling by it rounds nothing; squares of any finite float32 times it stay finite. */
const DOWN = 2 ** -80;

/**
 * The norm of all elements of some tensors together, a scalar: right wherever the norm itself is a finite float32, also
 * where its square is not.
 */
export function normOf(tensors: readonly Tensor[]): Tensor {
  return tf.tidy(() => {
    const plain = sumOfSquares(tensors, 1);
    const scaled = sumOfSquares(tensors, DOWN);
    return tf.where(tf.isFinite(plain), tf.sqrt(plain), tf.mul(tf.sqrt(scaled), 1 / DOWN));
  });
}

/**
 * The norms of a weight's units: of all that leads to one place of the last axis, where outputs stand, `[1, ..., units]`;
 * of a vector or a scalar as a whole, `[]`. As right as {@link normOf}.
 */
export function unitNorms(tensor: Tensor): Tensor {
  if (tensor.rank < 2) return normOf([tensor]);
  return tf.tidy(() => {
    const axes = tensor.shape.slice(0, -1).map((_, axis) => axis);
    const plain = tf.sum(tf.square(tensor), axes, true);
    const scaled = tf.sum(tf.square(tf.mul(tensor, DOWN)), axes, true);
    return tf.where(tf.isFinite(plain), tf.sqrt(plain), tf.mul(tf.sqrt(scaled), 1 / DOWN));
  });
}

/** What scales a gradient of this norm down to the limit: exactly 1 within it, NaN for a norm that is not finite. */
export function clipFactor(norm: Tensor, limit: number | Tensor): Tensor {
  return tf.tidy(() => tf.div(limit, tf.maximum(norm, limit)).add(norm.sub(norm)));
}

function sumOfSquares(tensors: readonly Tensor[], scale: number): Tensor {
  const halves = tensors.map((tensor) =>
    tf.tidy(() => {
      const scaled = scale === 1 ? tensor : tensor.mul(scale);
      return executeOp('L2Loss', [attribute.type('T', 'float32')], [scaled])[0]!;
    }),
  );
  return tf.mul(halves.length === 1 ? halves[0]! : tf.addN(halves), 2);
}
