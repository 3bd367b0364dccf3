import { ShapeError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { Metric } from './declarations.js';
import { MetricOptions } from './metric-options.js';
import { WeightedMeanMetric } from './weighted-mean-metric.js';

/**
 * Share of predictions whose largest class is the largest of a one-hot label.
 *
 * `accuracy = mean(argMax(prediction) == argMax(label))`
 *
 * For one class out of several with one-hot labels; probabilities and logits give the same.
 *
 * Shapes: labels and predictions `[batch, ...positions, classes]`, sample weights `[batch]`.
 *
 * @throws ShapeError [label-shape | sample-weight]
 *
 * @example
 * ```ts
 * import { CategoricalAccuracy, tf } from 'adjoint';
 *
 * const labels = tf.tensor2d([[0, 1], [1, 0]]);
 * console.log(new CategoricalAccuracy().evaluate(labels, tf.tensor2d([[0.2, 0.8], [0.4, 0.6]]))); // 0.5
 * ```
 *
 * @see https://keras.io/api/metrics/accuracy_metrics/#categoricalaccuracy-class
 */
@Metric('adjoint/categorical-accuracy', MetricOptions)
export class CategoricalAccuracy extends WeightedMeanMetric {
  protected values(labels: Tensor, predictions: Tensor): Tensor {
    if (predictions.rank < 2 || !tf.util.arraysEqual(labels.shape, predictions.shape)) {
      throw new ShapeError('label-shape', {
        where: `labels of metric "${this.name}"`,
        expected: `one number for each class  ${formatShape(predictions.shape)}`,
        received: formatShape(labels.shape),
        fix: 'for class indices use the metric sparseCategoricalAccuracy',
      });
    }
    return tf.cast(tf.equal(tf.argMax(labels, -1), tf.argMax(predictions, -1)), 'float32');
  }
}
