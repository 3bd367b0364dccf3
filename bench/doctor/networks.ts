import {
  Adam,
  layers,
  sequential,
  SparseCategoricalCrossentropy,
  type BaseLayer,
  type BaseModel,
  type CompileOptions,
  type DenseOptions,
  type OptionsInput,
} from 'adjoint';
import type { Draw } from './draw.js';

export const logitLoss = () => new SparseCategoricalCrossentropy({ fromLogits: true });

type Hidden = Omit<OptionsInput<DenseOptions>, 'units'>;

/** Dense layers of these widths, of which the last has no activation. */
export function perceptron(widths: readonly number[], hidden: Hidden = { activation: 'relu' }): BaseLayer[] {
  return widths.map((units, i) => layers.dense(i === widths.length - 1 ? { units } : { units, ...hidden }));
}

/** Compiled to tell classes apart by logits, with Adam. */
export function classifier(draw: Draw, chain: readonly BaseLayer[], options: Partial<CompileOptions> = {}): BaseModel {
  return compiled(sequential(chain), draw, { loss: logitLoss(), metrics: ['accuracy'], ...options });
}

/** Compiled to predict numbers, with Adam. */
export function regressor(draw: Draw, chain: readonly BaseLayer[], options: Partial<CompileOptions> = {}): BaseModel {
  return compiled(sequential(chain), draw, { loss: 'meanSquaredError', ...options });
}

export function compiled<Model extends BaseModel>(model: Model, draw: Draw, options: Partial<CompileOptions>): Model {
  model.compile({ optimizer: new Adam({ learningRate: draw.scale('rate', 1e-3, 4e-3) }), seed: draw.seed, ...options });
  return model;
}
