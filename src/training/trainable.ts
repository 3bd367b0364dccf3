import type { PathTree } from '../core/path-tree.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../engine/tfjs.js';
import type { CallContext } from '../layers/call-context.js';
import type { StepContext } from './step-context.js';
import type { DeviceBatch } from './device-batch.js';
import type { WeightHandle } from '../layers/weight-handle.js';

/** A weight in a model. */
export interface TrainableWeight {
  readonly handle: WeightHandle;
  /** Whether training updates it now: its own flag, its layer's and every ancestor's. */
  readonly trainable: boolean;
  /** Whether its layer is trainable: BatchNormalization runs by its moving statistics where not. */
  readonly inTrainableLayer: boolean;
}

/** All that training wants of a model. */
export interface Trainable {
  readonly name: string;
  /** How errors name it: `model "digits"`. */
  describe(): string;
  call(inputs: Tensor, context: CallContext): Tensor;
  /** Makes the weights for a shape of the input, `[batch, ...]`; does nothing once they exist. */
  build(inputShape: Shape, seed?: number): void;
  /** Makes the model's own weights only; its layers are built when they are first called. */
  buildShell(inputShape: Shape, seed: number): void;
  /** Checks and settles what is chosen among the layers, once they are there. */
  settleLayers(): void;
  /** The model's own training step, in the place of the usual one. */
  trainStep?(batch: DeviceBatch, step: StepContext): Readonly<Record<string, Tensor>>;
  /** The weights by path; a shared one once, under its first path. */
  weightTree(): PathTree<TrainableWeight>;
}
