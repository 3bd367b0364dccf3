import { sizeOf } from './task.js';
import type { WeightSpec } from './network.js';

/** Loss and gradients that a peer computed from the common weights on the common batch. */
export interface Computed {
  readonly loss: number;
  readonly gradients: Float32Array;
}

/** A peer that is further off than this computes something else and is not timed. */
export const LARGEST_ERROR = 1e-3;

/**
 * The same in bfloat16, which keeps eight bits of every product's result: hundreds of roundings stand one after the other
 * in a deep network, and each framework does them elsewhere.
 */
export const LARGEST_HALF_ERROR = 0.9;

/**
 * A tensor whose gradient is less than this share of the largest one is pure rounding; its error is measured against
 * that share.
 */
const SMALLEST_SHARE = 1e-3;

/** The largest relative error: of the loss, and of each weight's gradient as `|a - b| / |b|` in the Euclidean norm. */
export function relativeError(computed: Computed, reference: Computed, weights: readonly WeightSpec[]): number {
  if (computed.gradients.length !== reference.gradients.length) return Infinity;
  const errors: number[] = [];
  const norms: number[] = [];
  let position = 0;
  for (const { shape } of weights.filter(({ trainable }) => trainable)) {
    let [difference, size] = [0, 0];
    for (const end = position + sizeOf(shape); position < end; position++) {
      difference += (computed.gradients[position]! - reference.gradients[position]!) ** 2;
      size += reference.gradients[position]! ** 2;
    }
    errors.push(Math.sqrt(difference));
    norms.push(Math.sqrt(size));
  }
  const floor = SMALLEST_SHARE * Math.max(...norms);
  const ofLoss = Math.abs(computed.loss - reference.loss) / Math.abs(reference.loss);
  const largest = Math.max(ofLoss, ...errors.map((error, i) => error / Math.max(norms[i]!, floor)));
  return Number.isNaN(largest) ? Infinity : largest;
}
