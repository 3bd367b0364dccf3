import { AdjointError, DataError, EngineError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape, sizeOf, type Shape } from '../core/shape.js';
import { BaseLayer, type LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { Residual } from '../layers/residual.js';
import { elementsOf } from './chain-elements.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/** Elements of one input; a model is built by a run on an input of zeros. */
export const MOST_INPUT_ELEMENTS = 2 ** 26;
/** Elements that the layers of a chain give for one input, in that run: 4 GiB. */
const MOST_OUTPUT_ELEMENTS = 2 ** 30;

/**
 * Refuses a chain whose outputs would fill the memory, before it is built. What layers of other classes give is not known
 * without running them.
 *
 * @throws DataError [model-config]
 */
export function checkOutputs(layers: readonly AnyLayer[], inputShape: Shape, file: string): void {
  let elements = 0;
  let shape: Shape | undefined = inputShape;
  for (const layer of expanded(layers)) {
    shape = outputShape(layer, shape);
    if (shape === undefined) return;
    elements += sizeOf(shape.map((size) => size ?? 1));
    if (elements <= MOST_OUTPUT_ELEMENTS) continue;
    throw new DataError('model-config', {
      where: `${layer.describe()} of ${file}`,
      expected: `layers that give at most ${MOST_OUTPUT_ELEMENTS} elements for one input`,
      received: formatShape(shape),
      fix: 'the file is damaged, or no program of this kind wrote it: restore it from another copy',
    });
  }
}

function expanded(layers: readonly AnyLayer[]): AnyLayer[] {
  return layers.flatMap((layer) => {
    const body = layer instanceof Residual ? (layer.body as readonly unknown[] as readonly AnyLayer[]) : undefined;
    const inside = elementsOf(layer) ?? body;
    return inside === undefined ? [layer] : expanded(inside);
  });
}

function outputShape(layer: AnyLayer, inputShape: Shape): Shape | undefined {
  // The inherited one builds and runs the layer.
  if (layer.computeOutputShape === BaseLayer.prototype.computeOutputShape) return undefined;
  try {
    return layer.computeOutputShape(inputShape);
  } catch {
    // Building says it with the layer's path.
    return undefined;
  }
}

/** Runs what makes a model from a file; an error of the language or of TensorFlow.js becomes one that names the file. */
export function explained<T>(file: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    // What the kernels say of an option names an op, and not the file.
    const isOfOp = error instanceof EngineError && ['op-failed', 'bad-attribute'].includes(error.kind);
    if (error instanceof AdjointError && !isOfOp) throw error;
    throw new DataError('model-config', {
      where: file,
      expected: 'options with which the model can be built',
      received: `an error while it was built: ${error instanceof Error ? error.message : formatValue(error)}`,
      fix: 'where a class of your own threw it, mend that; else the file is damaged: restore it from another copy',
      cause: error,
    });
  }
}
