import type { Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { alignLabels } from './align-labels.js';
import { BaseLoss, type LabelArray } from './base-loss.js';
import { checkSameShape } from './check-labels.js';
import { Loss } from './declarations.js';
import { LossOptions } from './loss-options.js';

/**
 * Mean of the squared differences of labels and predictions over the last axis.
 *
 * `loss = mean((labels - predictions)^2)`
 *
 * For regression, where errors are about normally distributed and large ones shall weigh more.
 *
 * Shapes: labels and predictions `[batch, ...features]`; a last axis of size 1 may be missing on one side.
 *
 * @throws ShapeError [label-shape]
 *
 * @example
 * ```ts
 * import { MeanSquaredError, tf } from 'adjoint';
 *
 * const loss = new MeanSquaredError();
 * tf.tidy(() => {
 *   const value = loss.compute(tf.tensor2d([[0, 1]]), tf.tensor2d([[2, 1]]));
 *   console.log(value.dataSync()[0]); // 2
 * });
 * ```
 *
 * @see https://keras.io/api/losses/regression_losses/#meansquarederror-class
 */
@Loss('adjoint/mean-squared-error', LossOptions)
export class MeanSquaredError extends BaseLoss {
  perExample(labels: Tensor, predictions: Tensor): Tensor {
    const squares = tf.square(tf.sub(alignLabels(labels, predictions, 'labels of MeanSquaredError'), predictions));
    return squares.rank === 1 ? squares : tf.mean(squares, -1);
  }

  override checkLabels(labels: LabelArray, outputShape: Shape, where: string): void {
    checkSameShape(labels, outputShape, where);
  }
}
