import type { Shape } from '../core/shape.js';
import { tf } from '../engine/tfjs.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import { CallContext } from '../layers/call-context.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { collectLayers } from './collect-weights.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/**
 * Builds a model's layers by one run on zeros; where one refuses, none are built that were not before.
 *
 * @param buildShell - makes the model's own weights
 * @param check - looks at the built model, and may refuse it
 */
export function buildByRun(
  model: AnyLayer,
  inputShape: Shape,
  seed: number,
  buildShell: () => void,
  check: () => void,
): void {
  const layers = (): AnyLayer[] => [model, ...[...collectLayers(model)].map(([, layer]) => layer)];
  const builtBefore = new Set(layers().filter(({ built }) => built));
  const context = new CallContext({ seed });
  try {
    buildShell();
    tf.tidy(() => void model.call(tf.zeros(inputShape.map((dimension) => dimension ?? 1)), context));
    check();
  } catch (error) {
    for (const layer of layers()) if (!builtBefore.has(layer)) layer.undoBuild();
    throw error;
  } finally {
    context.dispose();
  }
}
