import { Activation } from './activation.js';
import { Add } from './add.js';
import { BatchNormalization } from './batch-normalization.js';
import { Conv2D } from './conv2d.js';
import { Dense } from './dense.js';
import { Dropout } from './dropout.js';
import { Flatten } from './flatten.js';
import { GlobalAveragePooling2D } from './global-average-pooling2d.js';
import { MaxPooling2D } from './max-pooling2d.js';
import { Reshape } from './reshape.js';
import { Residual } from './residual.js';
import { StochasticDepth } from './stochastic-depth.js';

/** The built-in layer classes by the names of their factories. */
export const layerTable = {
  activation: Activation,
  add: Add,
  batchNormalization: BatchNormalization,
  conv2d: Conv2D,
  dense: Dense,
  dropout: Dropout,
  flatten: Flatten,
  globalAveragePooling2d: GlobalAveragePooling2D,
  maxPooling2d: MaxPooling2D,
  reshape: Reshape,
  residual: Residual,
  stochasticDepth: StochasticDepth,
};
