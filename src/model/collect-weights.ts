import { PathTree } from '../core/path-tree.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import type { WeightHandle } from '../layers/weight-handle.js';
import type { TrainableWeight } from '../training/trainable.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/** A layer's own weights and all its descendants', by path; a shared one once, under its first path. */
export function collectWeights(root: AnyLayer): PathTree<TrainableWeight> {
  const tree = new PathTree<TrainableWeight>();
  const seen = new Set<WeightHandle>();
  const visit = (layer: AnyLayer, prefix: string, trainable: boolean): void => {
    const active = trainable && layer.trainable;
    for (const handle of layer.ownWeights) {
      if (seen.has(handle)) continue;
      seen.add(handle);
      tree.add(`${prefix}${handle.name}`, {
        handle,
        trainable: active && handle.trainable,
        inTrainableLayer: active,
      });
    }
    for (const [name, child] of layer.children()) visit(child, `${prefix}${name}/`, active);
  };
  visit(root, '', true);
  return tree;
}

/** Every descendant by path, in the order of declaration; a shared one once. */
export function collectLayers(root: AnyLayer): PathTree<AnyLayer> {
  const tree = new PathTree<AnyLayer>();
  const seen = new Set<AnyLayer>();
  const visit = (layer: AnyLayer, prefix: string): void => {
    for (const [name, child] of layer.children()) {
      if (seen.has(child)) continue;
      seen.add(child);
      tree.add(`${prefix}${name}`, child);
      visit(child, `${prefix}${name}/`);
    }
  };
  visit(root, '');
  return tree;
}
