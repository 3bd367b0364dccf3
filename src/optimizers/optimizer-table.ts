import { AdamW } from './adam-w.js';
import { Adam } from './adam.js';
import type { BaseOptimizer } from './base-optimizer.js';
import { SGD } from './sgd.js';

/** A class that makes an optimizer from options. */
export type OptimizerClass = new (options?: object) => BaseOptimizer;

/** Optimizers that a model finds by name. */
export const optimizerTable: Readonly<Record<string, OptimizerClass>> = {
  sgd: SGD,
  adam: Adam,
  adamw: AdamW,
  adamW: AdamW,
};
