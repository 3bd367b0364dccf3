import type { BaseLayer } from '../../layers/base-layer.js';
import type { LayerLook, Look, Values } from '../look-inside.js';
import { rms } from '../look-inside.js';
import type { Evidence } from '../evidence.js';

/** A weight that multiplies a layer's input, with what it was when its layer was first called. */
export interface Kernel {
  readonly path: string;
  readonly look: LayerLook;
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** Inputs of one unit. */
  readonly fanIn: number;
  readonly units: number;
  readonly trainable: boolean;
}

/** The kernels that a pass used, in the order in which it came to them, with their initial or present values. */
export function kernelsOf(evidence: Evidence, look: Look, values: ReadonlyMap<string, Values>): Kernel[] {
  const found = new Map<string, Kernel>();
  const byLayer = new Map<unknown, LayerLook>();
  for (const seen of look.layers) if (!byLayer.has(seen.layer)) byLayer.set(seen.layer, seen);
  const tree = [...evidence.model.weightTree()];
  for (const [layer, seen] of byLayer) {
    for (const handle of (layer as BaseLayer).ownWeights) {
      const entry = tree.find(([, weight]) => weight.handle === handle);
      const value = entry && values.get(entry[0]);
      if (entry === undefined || value === undefined || value.shape.length < 2) continue;
      const units = value.shape.at(-1)!;
      found.set(entry[0], {
        path: entry[0],
        look: seen,
        shape: value.shape,
        values: value.values,
        fanIn: value.values.length / units,
        units,
        trainable: entry[1].trainable,
      });
    }
  }
  return [...found.values()];
}

/** How far the kernel stretches inputs of independent numbers; He's initialisation gives 1.4, Glorot's about 1. */
export function gainOf({ values, fanIn }: Kernel): number {
  return rms(values) * Math.sqrt(fanIn);
}

/** Whether a layer's output is the model's. */
export function isLast(look: Look, { output }: LayerLook): boolean {
  const { values } = look.output;
  if (output.values.length !== values.length) return false;
  return output.values.every((value, i) => Math.abs(value - values[i]!) <= 1e-6 * Math.abs(value));
}

/** The name of a layer's activation, `''` where it has none that is known. */
export function activationOf({ layer }: LayerLook): string {
  const { activation } = layer.options as { readonly activation?: unknown };
  return typeof activation === 'string' ? activation : '';
}

/** Whether the layer comes with the package, without a function of the user's: what it computes is known. */
export function isBuiltIn({ layer }: LayerLook): boolean {
  const { activation } = layer.options as { readonly activation?: unknown };
  return BUILT_IN.has(layer.constructor.name) && typeof activation !== 'function';
}

const BUILT_IN = new Set([
  ...['Activation', 'Add', 'BatchNormalization', 'Conv2D', 'Dense', 'Dropout', 'Flatten', 'GlobalAveragePooling2D'],
  ...['MaxPooling2D', 'Reshape', 'Residual', 'StochasticDepth', 'Sequential'],
]);
