import type { BaseLoss } from './base-loss.js';
import { BinaryCrossentropy } from './binary-crossentropy.js';
import { CategoricalCrossentropy } from './categorical-crossentropy.js';
import { MeanSquaredError } from './mean-squared-error.js';
import { SparseCategoricalCrossentropy } from './sparse-categorical-crossentropy.js';

/** A class that makes a loss from options. */
export type LossClass = new (options?: object) => BaseLoss;

/** Losses that a model finds by name: the names of tf.layers and those of Keras. */
export const lossTable: Readonly<Record<string, LossClass>> = {
  meanSquaredError: MeanSquaredError,
  mse: MeanSquaredError,
  MSE: MeanSquaredError,
  mean_squared_error: MeanSquaredError,
  binaryCrossentropy: BinaryCrossentropy,
  binary_crossentropy: BinaryCrossentropy,
  categoricalCrossentropy: CategoricalCrossentropy,
  categorical_crossentropy: CategoricalCrossentropy,
  sparseCategoricalCrossentropy: SparseCategoricalCrossentropy,
  sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
};
