import { sparseSoftmaxCrossEntropy } from '../autodiff/ops/softmax-cross-entropy.js';
import type { Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLoss, type LabelArray } from './base-loss.js';
import { crossEntropyOf, smoothed } from './categorical-crossentropy.js';
import { checkIndices } from './check-labels.js';
import { checkProbabilities, clipped, logitsBehind } from './class-probabilities.js';
import { Loss } from './declarations.js';
import { CrossentropyOptions } from './loss-options.js';

/**
 * Cross-entropy of class indices and probabilities of classes.
 *
 * `loss = -log(p[label])`, with `p = softmax(predictions)` under `fromLogits`
 *
 * For one class out of several, where labels are whole numbers from 0 to classes - 1. Computed from the logits by one
 * fused kernel where the predictions are logits or come straight from a softmax activation, so that the gradient is
 * exact however far a wrong class leads; other probabilities are kept 1e-7 away from 0 and 1. `labelSmoothing` is that
 * of {@link CategoricalCrossentropy}.
 *
 * Shapes: labels `[batch, ...positions]` or `[batch, ...positions, 1]`, predictions `[batch, ...positions, classes]`.
 *
 * @throws ShapeError [label-shape | label-rank | one-class], DataError [label-not-integer | label-range | not-probabilities | not-logits]
 *
 * @example
 * ```ts
 * import { SparseCategoricalCrossentropy, tf } from 'adjoint';
 *
 * const loss = new SparseCategoricalCrossentropy({ fromLogits: true });
 * tf.tidy(() => {
 *   const value = loss.compute(tf.tensor1d([1], 'int32'), tf.tensor2d([[3, 3]]));
 *   console.log(value.dataSync()[0]!.toFixed(4)); // 0.6931
 * });
 * ```
 *
 * @see https://keras.io/api/losses/probabilistic_losses/#sparsecategoricalcrossentropy-class
 */
@Loss('adjoint/sparse-categorical-crossentropy', CrossentropyOptions)
export class SparseCategoricalCrossentropy extends BaseLoss<CrossentropyOptions> {
  perExample(labels: Tensor, predictions: Tensor): Tensor {
    const { fromLogits, labelSmoothing } = this.options;
    const column = labels.rank === predictions.rank && labels.shape.at(-1) === 1;
    const indices = tf.cast(column ? tf.squeeze(labels, [-1]) : labels, 'int32');
    if (labelSmoothing > 0) {
      const rows = tf.cast(tf.oneHot(indices, predictions.shape.at(-1)!), 'float32');
      return crossEntropyOf(smoothed(rows, labelSmoothing), predictions, fromLogits);
    }
    const logits = logitsBehind(predictions, fromLogits, 'softmax') ?? tf.log(clipped(predictions));
    return sparseSoftmaxCrossEntropy(logits, indices);
  }

  override checkLabels(labels: LabelArray, outputShape: Shape, where: string): void {
    checkIndices(labels, outputShape, where);
  }

  override checkPredictions(predictions: Tensor, where: string): void {
    checkProbabilities(predictions, this.options.fromLogits, 'softmax', where);
  }
}
