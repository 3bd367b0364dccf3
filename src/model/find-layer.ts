import { OptionsError } from '../core/errors.js';
import { didYouMean } from '../core/nearest-name.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { collectLayers } from './collect-weights.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/**
 * The layer below `root` of a path, or of a name that only one has.
 *
 * @throws OptionsError [unknown-layer]
 */
export function findLayer(root: AnyLayer, name: string): AnyLayer {
  const tree = collectLayers(root);
  const named = (wanted: string) => onlyOne([...tree].filter(([, layer]) => layer.name === wanted));
  const found = tree.get(name) ?? named(name);
  if (found !== undefined) return found;
  throw new OptionsError('unknown-layer', {
    where: `getLayer of ${root.describe()}`,
    expected: 'the path of a layer, or a name that one layer has',
    received: `"${name}"`,
    fix: didYouMean(
      name,
      new Set([...tree].flatMap(([path, layer]) => (named(layer.name) ? [path, layer.name] : [path]))),
    ),
  });
}

function onlyOne<T>(entries: readonly (readonly [string, T])[]): T | undefined {
  return entries.length === 1 ? entries[0]![1] : undefined;
}
