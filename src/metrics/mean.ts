import { tf, type Tensor } from '../engine/tfjs.js';
import { Metric } from './declarations.js';
import { MetricOptions } from './metric-options.js';
import { WeightedMeanMetric } from './weighted-mean-metric.js';

/**
 * Mean of the predictions; labels are not looked at.
 *
 * `mean = sum(weight * prediction) / sum(weight)`
 *
 * To watch an output that is itself the number of interest, or where outputs drift to.
 *
 * Shapes: predictions `[batch, ...]`, sample weights `[batch]`.
 *
 * @throws ShapeError [sample-weight]
 *
 * @example
 * ```ts
 * import { Mean, tf } from 'adjoint';
 *
 * const labels = tf.zeros([2]);
 * console.log(new Mean().evaluate(labels, tf.tensor1d([1, 4]))); // 2.5
 * ```
 *
 * @see https://keras.io/api/metrics/reduction_metrics/#mean-class
 */
@Metric('adjoint/mean', MetricOptions)
export class Mean extends WeightedMeanMetric {
  protected values(_labels: Tensor, predictions: Tensor): Tensor {
    return tf.cast(predictions, 'float32');
  }
}
