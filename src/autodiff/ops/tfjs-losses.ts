import { tf, type Tensor } from '../../engine/tfjs.js';
import { sigmoidCrossEntropy } from './sigmoid-cross-entropy.js';
import { logSoftmax } from './softmax.js';

/**
 * Puts right two losses of `tf.losses`. Softmax cross-entropy keeps an intermediate, which makes its second order wrong, and
 * has a wrong gradient by the labels; sigmoid cross-entropy has the gradient `-label` at logit 0, where `1/2 - label` is right.
 */
export function installTfjsLosses(): void {
  const losses = tf.losses as { -readonly [Name in keyof typeof tf.losses]: unknown };
  losses.softmaxCrossEntropy = weightedLoss('softmaxCrossEntropy', (labels, logits, smoothing) => {
    const classes = logits.shape.at(-1)!;
    const smooth = smoothing > 0 ? tf.add(tf.mul(labels, 1 - smoothing), smoothing / classes) : labels;
    return tf.neg(tf.sum(tf.mul(smooth, logSoftmax(logits)), -1));
  });
  losses.sigmoidCrossEntropy = weightedLoss('sigmoidCrossEntropy', (labels, logits, smoothing) => {
    const smooth = smoothing > 0 ? tf.add(tf.mul(labels, 1 - smoothing), 0.5 * smoothing) : labels;
    return sigmoidCrossEntropy(logits, smooth);
  });
}

type Given = Tensor | tf.TensorLike;

/** A loss with the parameters that those of `tf.losses` have. */
function weightedLoss(name: string, lossOf: (labels: Tensor, logits: Tensor, smoothing: number) => Tensor) {
  return (labels: Given, logits: Given, weights?: Given, labelSmoothing = 0, reduction?: tf.Reduction): Tensor =>
    tf.tidy(() => {
      const [given, at] = prepare(labels, logits, name);
      return tf.losses.computeWeightedLoss(lossOf(given, at, labelSmoothing), weights, reduction);
    });
}

function prepare(labels: Given, logits: Given, name: string): [Tensor, Tensor] {
  const [given, at] = [labels, logits].map((value) => {
    const tensor = value instanceof tf.Tensor ? value : tf.tensor(value as number[]);
    return tensor.dtype === 'float32' ? tensor : tf.cast(tensor, 'float32');
  }) as [Tensor, Tensor];
  tf.util.assertShapesMatch(given.shape, at.shape, `Error in ${name}: `);
  return [given, at];
}
