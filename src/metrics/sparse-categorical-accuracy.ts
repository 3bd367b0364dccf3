import { ShapeError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { Metric } from './declarations.js';
import { MetricOptions } from './metric-options.js';
import { WeightedMeanMetric } from './weighted-mean-metric.js';

/**
 * Share of predictions whose largest class is the labelled one.
 *
 * `accuracy = mean(argMax(prediction) == label)`
 *
 * For one class out of several with class indices as labels; probabilities and logits give the same.
 *
 * Shapes: labels `[batch, ...positions]` or `[batch, ...positions, 1]`, predictions `[batch, ...positions, classes]`,
 * sample weights `[batch]`.
 *
 * @throws ShapeError [label-shape | sample-weight]
 *
 * @example
 * ```ts
 * import { SparseCategoricalAccuracy, tf } from 'adjoint';
 *
 * const labels = tf.tensor1d([1, 0], 'int32');
 * console.log(new SparseCategoricalAccuracy().evaluate(labels, tf.tensor2d([[0.2, 0.8], [0.4, 0.6]]))); // 0.5
 * ```
 *
 * @see https://keras.io/api/metrics/accuracy_metrics/#sparsecategoricalaccuracy-class
 */
@Metric('adjoint/sparse-categorical-accuracy', MetricOptions)
export class SparseCategoricalAccuracy extends WeightedMeanMetric {
  protected values(labels: Tensor, predictions: Tensor): Tensor {
    const positions = predictions.shape.slice(0, -1);
    const fits = [positions, [...positions, 1]].some((shape) => tf.util.arraysEqual(shape, labels.shape));
    if (predictions.rank < 2 || !fits) {
      throw new ShapeError('label-shape', {
        where: `labels of metric "${this.name}"`,
        expected: `one class index for each row of the predictions  ${formatShape(positions)}`,
        received: formatShape(labels.shape),
        fix: 'for one-hot labels use the metric categoricalAccuracy',
      });
    }
    const indices = tf.reshape(tf.cast(labels, 'int32'), positions);
    return tf.cast(tf.equal(indices, tf.argMax(predictions, -1)), 'float32');
  }
}
