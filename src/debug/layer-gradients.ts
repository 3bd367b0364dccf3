import type { ProbeReading, WeightReading } from '../training/probe-contract.js';

/** What was measured of all the weights of a layer together. */
export interface LayerGradient {
  /** Path of the layer, `''` for the model itself. */
  readonly layer: string;
  /** L2 norm over all of its weights. */
  readonly gradientNorm: number;
  readonly gradientMax: number;
  readonly weightNorm: number;
  /** NaN where the step made no update, or the weights are all zero. */
  readonly updateRatio: number;
  /** Part of the gradients' elements that are zero. */
  readonly zeroFraction: number;
  readonly nonFinite: number;
}

/**
 * Puts the weights of each layer together, in the order in which the weights were measured.
 *
 * @param sizes - number of elements by weight path
 */
export function layerGradients(
  { weights }: Pick<ProbeReading, 'weights'>,
  sizes: ReadonlyMap<string, number>,
): LayerGradient[] {
  const byLayer = new Map<string, (WeightReading & { readonly size: number })[]>();
  for (const [path, reading] of Object.entries(weights)) {
    const layer = layerOf(path);
    const sized = { size: sizes.get(path) ?? 1, ...reading };
    byLayer.set(layer, [...(byLayer.get(layer) ?? []), sized]);
  }
  return [...byLayer].map(([layer, all]) => {
    const sum = (of: (weight: WeightReading & { readonly size: number }) => number): number =>
      all.reduce((total, w) => total + of(w), 0);
    const weightNorm = Math.sqrt(sum(({ weightNorm: norm = 0 }) => norm ** 2));
    const moved = all.filter(({ updateRatio }) => updateRatio !== undefined && !Number.isNaN(updateRatio));
    const update = Math.hypot(...moved.map(({ updateRatio, weightNorm: norm }) => updateRatio! * norm!));
    return {
      layer,
      gradientNorm: Math.sqrt(sum(({ gradientNorm = 0 }) => gradientNorm ** 2)),
      gradientMax: Math.max(...all.map(({ gradientMax = 0 }) => gradientMax)),
      weightNorm,
      updateRatio: moved.length === 0 || weightNorm === 0 ? NaN : update / weightNorm,
      zeroFraction: sum(({ zeroFraction = 0, size }) => zeroFraction * size) / sum(({ size }) => size),
      nonFinite: sum(({ nonFinite = 0 }) => nonFinite),
    };
  });
}

/** L2 norm of all gradients of a step. */
export function globalNorm({ weights }: Pick<ProbeReading, 'weights'>): number {
  return Math.sqrt(Object.values(weights).reduce((sum, { gradientNorm = 0 }) => sum + gradientNorm ** 2, 0));
}

/** `blocks/0/dense/kernel` is a weight of `blocks/0/dense`. */
export function layerOf(weight: string): string {
  return weight.slice(0, Math.max(0, weight.lastIndexOf('/')));
}
