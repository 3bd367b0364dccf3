import { choosesNothing, compilePathPredicate, type PathPredicate } from '../core/path-predicate.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { collectLayers } from './collect-weights.js';

/**
 * Sets the flag of the layers below `root` that the predicate chooses.
 *
 * @throws OptionsError [invalid-option] where it chooses none
 */
export function setTrainable(
  root: BaseLayer<LayerOptions, LayerInput>,
  predicate: PathPredicate,
  trainable: boolean,
): void {
  const matches = compilePathPredicate(predicate);
  const tree = collectLayers(root);
  const chosen = [...tree].filter(([path]) => matches(path));
  if (chosen.length === 0) {
    throw choosesNothing(predicate, `setTrainable of ${root.describe()}`, 'layer of the model', tree.paths());
  }
  for (const [, layer] of chosen) layer.trainable = trainable;
}
