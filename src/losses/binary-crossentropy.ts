import { sigmoidCrossEntropy } from '../autodiff/ops/sigmoid-cross-entropy.js';
import type { Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { alignLabels } from './align-labels.js';
import { BaseLoss, type LabelArray } from './base-loss.js';
import { checkSameShape, checkUnitInterval } from './check-labels.js';
import { checkProbabilities, clipped, logitsBehind } from './class-probabilities.js';
import { Loss } from './declarations.js';
import { CrossentropyOptions } from './loss-options.js';

/**
 * Cross-entropy of labels and probabilities of a yes, averaged over the last axis.
 *
 * `loss = mean(-labels * log(p) - (1 - labels) * log(1 - p))`, with `p = sigmoid(predictions)` under `fromLogits`
 *
 * For yes-or-no questions: one output for one question, several for several at once. Computed from the logits where the
 * predictions are logits or come straight from a sigmoid activation, so that the gradient is exact however wrong a
 * prediction is; other probabilities are kept 1e-7 away from 0 and 1. `labelSmoothing: s` turns labels into
 * `labels * (1 - s) + s / 2`.
 *
 * Shapes: labels and predictions `[batch, ...outputs]`; a last axis of size 1 may be missing on one side.
 *
 * @throws ShapeError [label-shape], DataError [label-range | not-probabilities | not-logits]
 *
 * @example
 * ```ts
 * import { BinaryCrossentropy, tf } from 'adjoint';
 *
 * const loss = new BinaryCrossentropy({ fromLogits: true });
 * tf.tidy(() => {
 *   const value = loss.compute(tf.tensor2d([[1], [0]]), tf.tensor2d([[0], [0]]));
 *   console.log(value.dataSync()[0]!.toFixed(4)); // 0.6931
 * });
 * ```
 *
 * @see https://keras.io/api/losses/probabilistic_losses/#binarycrossentropy-class
 */
@Loss('adjoint/binary-crossentropy', CrossentropyOptions)
export class BinaryCrossentropy extends BaseLoss<CrossentropyOptions> {
  perExample(labels: Tensor, predictions: Tensor): Tensor {
    const { fromLogits, labelSmoothing } = this.options;
    const aligned = alignLabels(labels, predictions, 'labels of BinaryCrossentropy');
    const target = labelSmoothing === 0 ? aligned : tf.add(tf.mul(aligned, 1 - labelSmoothing), labelSmoothing / 2);
    const logits = logitsBehind(predictions, fromLogits, 'sigmoid');
    const losses = logits === undefined ? fromProbabilities(target, predictions) : sigmoidCrossEntropy(logits, target);
    return losses.rank === 1 ? losses : tf.mean(losses, -1);
  }

  override checkLabels(labels: LabelArray, outputShape: Shape, where: string): void {
    checkSameShape(labels, outputShape, where);
    checkUnitInterval(labels, where, 'give 1 for yes and 0 for no');
  }

  override checkPredictions(predictions: Tensor, where: string): void {
    checkProbabilities(predictions, this.options.fromLogits, 'sigmoid', where);
  }
}

function fromProbabilities(target: Tensor, predictions: Tensor): Tensor {
  const yes = clipped(predictions);
  const no = tf.sub(1, yes);
  return tf.neg(tf.add(tf.mul(target, tf.log(yes)), tf.mul(tf.sub(1, target), tf.log(no))));
}
