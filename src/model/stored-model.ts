import type { Logger } from '../core/logger.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import type { Trainable } from '../training/trainable.js';
import type { TrainingPlan } from '../training/training-plan.js';
import type { CompileOptions } from './compile-options.js';

/** What saving and loading want of a built model. */
export interface StoredModel {
  readonly model: BaseLayer<LayerOptions, LayerInput> & Trainable;
  /** Shape of one input. */
  readonly inputShape: readonly number[];
  /** Absent where the model is not compiled. */
  readonly compiled: { readonly options: CompileOptions; readonly plan: TrainingPlan } | undefined;
  readonly logger: Logger;
  /** Runs a synchronous function when no step of the model is running; the model cannot be disposed meanwhile. */
  betweenSteps<T>(what: string, fn: () => T): Promise<T>;
}
