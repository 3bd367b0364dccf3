import { optionsClassOf, type OptionsClass } from '../core/declaration.js';
import { toSnakeCase } from '../core/naming.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { MetricOptions } from './metric-options.js';

/** A metric's sums on the host. */
export type MetricSums = Readonly<Record<string, number>>;

/**
 * Base of every metric: sums that grow batch by batch, and a result from the sums, so that uneven batches count rightly.
 *
 * When to use: extend it where a metric is no mean over examples; else extend `WeightedMeanMetric`, or give `compile` a
 * function.
 *
 * Shapes: labels and predictions `[batch, ...]`, sample weights `[batch]`, each sum a scalar.
 *
 * @throws OptionsError [unknown-option | invalid-option] in the constructor
 *
 * @example
 * ```ts
 * import { BaseMetric, Metric, tf, type MetricSums, type Tensor } from 'adjoint';
 *
 * @Metric('app/positives')
 * class Positives extends BaseMetric {
 *   readonly sums = ['positives'];
 *   measure(labels: Tensor, predictions: Tensor): Record<string, Tensor> {
 *     return { positives: tf.sum(tf.cast(tf.greater(predictions, 0.5), 'float32')) };
 *   }
 *   result(sums: MetricSums): number {
 *     return sums.positives!;
 *   }
 * }
 * console.log(new Positives().evaluate(tf.tensor1d([1, 0]), tf.tensor1d([0.9, 0.1]))); // 1
 * ```
 */
export abstract class BaseMetric<O extends MetricOptions = MetricOptions> {
  readonly options: O;
  /** Key in logs and history. */
  readonly name: string;
  /** Names of the scalar sums. */
  abstract readonly sums: readonly string[];

  constructor(options?: OptionsInput<O>) {
    const metricClass = new.target;
    this.options = parseOptions(
      optionsClassOf(metricClass, MetricOptions) as OptionsClass<O>,
      options,
      `metric ${metricClass.name}`,
    );
    this.name = this.options.name ?? toSnakeCase(metricClass.name);
  }

  /**
   * What a batch adds to the sums: a float32 scalar each; a pure function that also runs inside a recorded step.
   *
   * @param sampleWeight - `[batch]`
   */
  abstract measure(labels: Tensor, predictions: Tensor, sampleWeight?: Tensor): Record<string, Tensor>;

  /** The metric's value from its sums. */
  abstract result(sums: MetricSums): number;

  /** The metric over one batch by itself. */
  evaluate(labels: Tensor, predictions: Tensor, sampleWeight?: Tensor): number {
    return tf.tidy(() => {
      const measured = this.measure(labels, predictions, sampleWeight);
      return this.result(Object.fromEntries(this.sums.map((name) => [name, measured[name]!.dataSync()[0]!])));
    });
  }
}
