import { ShapeError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseMetric, type MetricSums } from './base-metric.js';
import type { MetricOptions } from './metric-options.js';

/**
 * Base of metrics that are a weighted mean over examples: `sum(weight * value) / sum(weight)` over all batches, so that
 * uneven batches count rightly.
 *
 * A subclass overrides `values`. The result is NaN while the weights sum to zero.
 *
 * When to use: for a metric that is a mean of one number for each example.
 *
 * Shapes: labels and predictions `[batch, ...]`, sample weights `[batch]`.
 *
 * @throws ShapeError [sample-weight]
 *
 * @example
 * ```ts
 * import { Metric, tf, WeightedMeanMetric, type Tensor } from 'adjoint';
 *
 * @Metric('app/mean-absolute-error')
 * class MeanAbsoluteError extends WeightedMeanMetric {
 *   protected values(labels: Tensor, predictions: Tensor): Tensor {
 *     return tf.abs(tf.sub(labels, predictions));
 *   }
 * }
 * console.log(new MeanAbsoluteError().evaluate(tf.tensor1d([1, 2]), tf.tensor1d([1, 4]))); // 1
 * ```
 */
export abstract class WeightedMeanMetric<O extends MetricOptions = MetricOptions> extends BaseMetric<O> {
  readonly sums: readonly string[] = ['total', 'weight'];

  /**
   * The value of each example, or of each position in it.
   *
   * @returns float32, `[batch, ...]`
   */
  protected abstract values(labels: Tensor, predictions: Tensor): Tensor;

  /** @throws ShapeError [sample-weight] */
  measure(labels: Tensor, predictions: Tensor, sampleWeight?: Tensor): Record<string, Tensor> {
    return tf.tidy(() => {
      const values = this.values(labels, predictions);
      if (sampleWeight === undefined) return { total: tf.sum(values), weight: tf.scalar(values.size) };
      if (sampleWeight.rank !== 1 || sampleWeight.shape[0] !== values.shape[0]) {
        throw new ShapeError('sample-weight', {
          where: `sample weights of metric "${this.name}"`,
          expected: `one number an example  [${values.shape[0]}]`,
          received: formatShape(sampleWeight.shape),
        });
      }
      const weight = tf.reshape(tf.cast(sampleWeight, 'float32'), [-1, ...values.shape.slice(1).map(() => 1)]);
      const positions = values.size / values.shape[0]!;
      return { total: tf.sum(tf.mul(values, weight)), weight: tf.mul(tf.sum(weight), positions) };
    });
  }

  result(sums: MetricSums): number {
    return sums['total']! / sums['weight']!;
  }
}
