import type { BaseMetric } from './base-metric.js';
import { BinaryAccuracy } from './binary-accuracy.js';
import { CategoricalAccuracy } from './categorical-accuracy.js';
import { Mean } from './mean.js';
import { SparseCategoricalAccuracy } from './sparse-categorical-accuracy.js';

/** A class that makes a metric from options. */
export type MetricClass = new (options?: object) => BaseMetric;

/** Metrics that a model finds by name: the names of tf.layers and those of Keras. */
export const metricTable: Readonly<Record<string, MetricClass>> = {
  mean: Mean,
  binaryAccuracy: BinaryAccuracy,
  binary_accuracy: BinaryAccuracy,
  categoricalAccuracy: CategoricalAccuracy,
  categorical_accuracy: CategoricalAccuracy,
  sparseCategoricalAccuracy: SparseCategoricalAccuracy,
  sparse_categorical_accuracy: SparseCategoricalAccuracy,
};
