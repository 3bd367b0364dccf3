import { softmaxCrossEntropy } from '../autodiff/ops/softmax-cross-entropy.js';
import { ShapeError } from '../core/errors.js';
import { formatShape, type Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLoss, type LabelArray } from './base-loss.js';
import { checkOneHot } from './check-labels.js';
import { checkProbabilities, clipped, logitsBehind } from './class-probabilities.js';
import { Loss } from './declarations.js';
import { CrossentropyOptions } from './loss-options.js';

/**
 * Cross-entropy of one-hot labels and probabilities of classes.
 *
 * `loss = -sum(labels * log(p))`, with `p = softmax(predictions)` under `fromLogits`
 *
 * For one class out of several, where labels are one-hot or probabilities themselves. Computed from the logits by one
 * fused kernel where the predictions are logits or come straight from a softmax activation, so that the gradient is
 * exact however far a wrong class leads; other probabilities are normalised and kept 1e-7 away from 0 and 1.
 * `labelSmoothing: s` turns labels into `labels * (1 - s) + s / classes`.
 *
 * Shapes: labels and predictions `[batch, ...positions, classes]`.
 *
 * @throws ShapeError [label-shape | label-rank | label-width | one-class], DataError [label-range | not-probabilities | not-logits]
 *
 * @example
 * ```ts
 * import { CategoricalCrossentropy, tf } from 'adjoint';
 *
 * const loss = new CategoricalCrossentropy({ fromLogits: true });
 * tf.tidy(() => {
 *   const value = loss.compute(tf.tensor2d([[0, 1]]), tf.tensor2d([[3, 3]]));
 *   console.log(value.dataSync()[0]!.toFixed(4)); // 0.6931
 * });
 * ```
 *
 * @see https://keras.io/api/losses/probabilistic_losses/#categoricalcrossentropy-class
 */
@Loss('adjoint/categorical-crossentropy', CrossentropyOptions)
export class CategoricalCrossentropy extends BaseLoss<CrossentropyOptions> {
  perExample(labels: Tensor, predictions: Tensor): Tensor {
    const { fromLogits, labelSmoothing } = this.options;
    return crossEntropyOf(smoothed(tf.cast(labels, 'float32'), labelSmoothing), predictions, fromLogits);
  }

  override checkLabels(labels: LabelArray, outputShape: Shape, where: string): void {
    checkOneHot(labels, outputShape, where);
  }

  override checkPredictions(predictions: Tensor, where: string): void {
    checkProbabilities(predictions, this.options.fromLogits, 'softmax', where);
  }
}

/** Moves a share of each label row evenly over all classes. */
export function smoothed(labels: Tensor, share: number): Tensor {
  return share === 0 ? labels : tf.add(tf.mul(labels, 1 - share), share / labels.shape.at(-1)!);
}

/** Cross-entropy of label rows and predictions, `[..., classes]` to `[...]`. */
export function crossEntropyOf(labels: Tensor, predictions: Tensor, fromLogits: boolean): Tensor {
  const logits = logitsBehind(predictions, fromLogits, 'softmax');
  if (logits !== undefined) return softmaxCrossEntropy(logits, labels);
  if (!tf.util.arraysEqual(labels.shape, predictions.shape)) {
    throw new ShapeError('label-shape', {
      where: 'labels of a cross-entropy',
      expected: `the predictions' shape  ${formatShape(predictions.shape)}`,
      received: formatShape(labels.shape),
    });
  }
  const normalised = tf.div(predictions, tf.sum(predictions, -1, true));
  return tf.neg(tf.sum(tf.mul(labels, tf.log(clipped(normalised))), -1));
}
