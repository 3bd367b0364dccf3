import { choosesNothing, compilePathPredicate, type PathPredicate } from '../core/path-predicate.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { collectLayers } from './collect-weights.js';

/**
 * Refuses a `float32Layers` that names no layer: a misspelt one would leave all in half precision in silence.
 *
 * @param model - built, as some layers are made only then
 * @throws OptionsError [invalid-option]
 */
export function checkFloat32Layers(
  model: BaseLayer<LayerOptions, LayerInput>,
  predicate: PathPredicate | undefined,
  where: string,
): void {
  if (predicate === undefined) return;
  const matches = compilePathPredicate(predicate);
  const paths = collectLayers(model).paths();
  if (!paths.some(matches))
    throw choosesNothing(predicate, `option "float32Layers" of ${where}`, 'layer of the model', paths);
}
