import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/** Under this name a chain of layers has its elements. */
export const ELEMENTS = Symbol('adjoint:elements');

/** The layers of a chain as they were given, one that is used twice twice; `undefined` for a layer that is no chain. */
export function elementsOf(layer: object): readonly AnyLayer[] | undefined {
  return (layer as { readonly [ELEMENTS]?: readonly AnyLayer[] })[ELEMENTS];
}
