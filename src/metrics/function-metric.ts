import { tf, type Tensor } from '../engine/tfjs.js';
import { WeightedMeanMetric } from './weighted-mean-metric.js';

/**
 * A metric as a plain function of tensors: one number for each example, `[batch]` or `[batch, ...]`, or their mean, a
 * scalar.
 */
export type MetricFunction = (labels: Tensor, predictions: Tensor) => Tensor;

/** The mean over all examples of what a function gives for each. */
export class FunctionMetric extends WeightedMeanMetric {
  constructor(private readonly fn: MetricFunction) {
    super({ name: fn.name === '' ? 'metric' : fn.name });
  }

  protected values(labels: Tensor, predictions: Tensor): Tensor {
    const values = tf.cast(this.fn(labels, predictions), 'float32');
    // A batch's mean counts once for each of its examples, so that uneven batches count rightly.
    return values.rank === 0 ? tf.fill([predictions.shape[0]!], 1).mul(values) : values;
  }
}
