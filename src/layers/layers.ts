import { activation } from './activation.js';
import { add } from './add.js';
import { batchNormalization } from './batch-normalization.js';
import { conv2d } from './conv2d.js';
import { dense } from './dense.js';
import { dropout } from './dropout.js';
import { flatten } from './flatten.js';
import { globalAveragePooling2d } from './global-average-pooling2d.js';
import { maxPooling2d } from './max-pooling2d.js';
import { reshape } from './reshape.js';
import { residual } from './residual.js';
import { stochasticDepth } from './stochastic-depth.js';

/**
 * The layers by name, as `tf.layers` has them: `layers.dense({ units: 10 })`.
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * console.log(layers.maxPooling2d({ poolSize: 2 }).computeOutputShape([null, 8, 8, 3])); // [null, 4, 4, 3]
 * ```
 */
export const layers = {
  activation,
  add,
  batchNormalization,
  conv2d,
  dense,
  dropout,
  flatten,
  globalAveragePooling2d,
  maxPooling2d,
  reshape,
  residual,
  stochasticDepth,
};
