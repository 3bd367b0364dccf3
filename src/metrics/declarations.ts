import { declarationDecorator } from '../core/declaration.js';

/**
 * Declares a metric class: its name in registries and files, and the class of its options.
 *
 * @example
 * ```ts
 * import { BaseMetric, Metric, tf, type MetricSums, type Tensor } from 'adjoint';
 *
 * @Metric('app/error-sum')
 * class ErrorSum extends BaseMetric {
 *   readonly sums = ['errors'];
 *   measure(labels: Tensor, predictions: Tensor): Record<string, Tensor> {
 *     return { errors: tf.sum(tf.abs(tf.sub(labels, predictions))) };
 *   }
 *   result(sums: MetricSums): number {
 *     return sums.errors!;
 *   }
 * }
 * console.log(new ErrorSum().evaluate(tf.tensor1d([1, 2]), tf.tensor1d([1, 4]))); // 2
 * ```
 */
export const Metric = declarationDecorator('metric', 'Metric');
