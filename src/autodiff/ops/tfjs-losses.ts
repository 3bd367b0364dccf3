import { tf, type Tensor } from '../../engine/tfjs.js';
import { sigmoidCrossEntropy } from './sigmoid-cross-entropy.js';
import { logSoftmax } from './softmax.js';

/**
 * Puts right two losses of `tf.losses`. Softmax cross-entropy keeps an intermediate, which makes its second order wrong, and
 * has a wrong gradient by the labels; sigmoid cross-entropy has the gradient `-label` at logit 0, where `1/2 - label` is right.
 */
export function installTfjsLosses(): void {
  const losses = tf.losses as { -readonly [Name in keyof typeof tf.losses]: unknown };
  losses.softmaxCrossEntropy = (
    labels: Tensor | tf.TensorLike,
    logits: Tensor | tf.TensorLike,
    weights?: Tensor | tf.TensorLike,
    labelSmoothing = 0,
    reduction?: tf.Reduction,
  ): Tensor =>
    tf.tidy(() => {
      const [given, at] = prepare(labels, logits, 'softmaxCrossEntropy');
      const classes = at.shape.at(-1)!;
      const smooth = labelSmoothing > 0 ? tf.add(tf.mul(given, 1 - labelSmoothing), labelSmoothing / classes) : given;
      const each = tf.neg(tf.sum(tf.mul(smooth, logSoftmax(at)), -1));
      return tf.losses.computeWeightedLoss(each, weights, reduction);
    });
  losses.sigmoidCrossEntropy = (
    labels: Tensor | tf.TensorLike,
    logits: Tensor | tf.TensorLike,
    weights?: Tensor | tf.TensorLike,
    labelSmoothing = 0,
    reduction?: tf.Reduction,
  ): Tensor =>
    tf.tidy(() => {
      const [given, at] = prepare(labels, logits, 'sigmoidCrossEntropy');
      const smooth = labelSmoothing > 0 ? tf.add(tf.mul(given, 1 - labelSmoothing), 0.5 * labelSmoothing) : given;
      return tf.losses.computeWeightedLoss(sigmoidCrossEntropy(at, smooth), weights, reduction);
    });
}

function prepare(labels: Tensor | tf.TensorLike, logits: Tensor | tf.TensorLike, name: string): [Tensor, Tensor] {
  const [given, at] = [labels, logits].map((value) => {
    const tensor = value instanceof tf.Tensor ? value : tf.tensor(value as number[]);
    return tensor.dtype === 'float32' ? tensor : tf.cast(tensor, 'float32');
  }) as [Tensor, Tensor];
  tf.util.assertShapesMatch(given.shape, at.shape, `Error in ${name}: `);
  return [given, at];
}
