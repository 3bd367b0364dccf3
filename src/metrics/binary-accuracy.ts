import { IsNumber } from 'class-validator';
import { ShapeError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { Metric } from './declarations.js';
import { MetricOptions } from './metric-options.js';
import { WeightedMeanMetric } from './weighted-mean-metric.js';

/** Options of {@link BinaryAccuracy}. */
export class BinaryAccuracyOptions extends MetricOptions {
  /** A prediction above it is a yes. For logits, as under `fromLogits: true`, give 0. Default 0.5. */
  @IsNumber()
  threshold = 0.5;
}

/**
 * Share of yes-or-no predictions that are right.
 *
 * `accuracy = mean((prediction > threshold) == label)`
 *
 * For models with one output, or several independent ones, of probabilities. The outputs of a model trained with
 * `fromLogits: true` are logits: a probability of 0.5 is a logit of 0, so pass `threshold: 0` there.
 *
 * Shapes: labels (0 or 1) and predictions `[batch, ...outputs]`; a last axis of size 1 may be missing on one side.
 * Sample weights `[batch]`.
 *
 * @throws ShapeError [label-shape | sample-weight]
 *
 * @example
 * ```ts
 * import { BinaryAccuracy, tf } from 'adjoint';
 *
 * const accuracy = new BinaryAccuracy({ threshold: 0 });
 * console.log(accuracy.evaluate(tf.tensor1d([1, 0]), tf.tensor1d([2.5, 0.3]))); // 0.5
 * ```
 *
 * @see https://keras.io/api/metrics/accuracy_metrics/#binaryaccuracy-class
 */
@Metric('adjoint/binary-accuracy', BinaryAccuracyOptions)
export class BinaryAccuracy extends WeightedMeanMetric<BinaryAccuracyOptions> {
  protected values(labels: Tensor, predictions: Tensor): Tensor {
    const pairs = [
      [labels.shape, predictions.shape],
      [[...labels.shape, 1], predictions.shape],
      [labels.shape, [...predictions.shape, 1]],
    ] as const;
    if (!pairs.some(([left, right]) => tf.util.arraysEqual([...left], [...right]))) {
      throw new ShapeError('label-shape', {
        where: `labels of metric "${this.name}"`,
        expected: `the predictions' shape  ${formatShape(predictions.shape)}`,
        received: formatShape(labels.shape),
      });
    }
    const yes = tf.cast(tf.greater(predictions, this.options.threshold), 'float32');
    return tf.cast(tf.equal(tf.reshape(tf.cast(labels, 'float32'), predictions.shape), yes), 'float32');
  }
}
