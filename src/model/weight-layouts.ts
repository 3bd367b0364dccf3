import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { Logger } from '../core/logger.js';
import { toSnakeCase } from '../core/naming.js';
import { didYouMean } from '../core/nearest-name.js';
import { sizeOf } from '../core/shape.js';
import { Activation } from '../layers/activation.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import { BatchNormalization } from '../layers/batch-normalization.js';
import { Conv2D } from '../layers/conv2d.js';
import { Dense } from '../layers/dense.js';
import { Dropout } from '../layers/dropout.js';
import { Flatten } from '../layers/flatten.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { Reshape } from '../layers/reshape.js';
import type { WeightHandle } from '../layers/weight-handle.js';
import { elementsOf } from './chain-elements.js';
import { collectLayers } from './collect-weights.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/**
 * Whose way of naming and laying out weights a file follows: `adjoint` paths as they are, `keras` with names in snake case,
 * `torch` with dots, `weight` and `running_mean`, and kernels with the outputs first.
 */
export type WeightLayout = 'adjoint' | 'keras' | 'torch';

/** All of them, for checks. */
export const WEIGHT_LAYOUTS: readonly WeightLayout[] = ['adjoint', 'keras', 'torch'];

/** Height, width and channels of images that a layer flattens. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** A weight of a model as a file of some layout has it. */
export interface PlacedWeight {
  readonly path: string;
  readonly handle: WeightHandle;
  /** Its name in the file. */
  readonly name: string;
  /** Its shape in the file. */
  readonly shape: readonly number[];
  /** The weight's own elements under a shape whose axes are the file's in another order. */
  readonly view: readonly number[];
  /** The file's axes in terms of the view's. */
  readonly axes: readonly number[];
}

/** PyTorch's names of weights by the layer's class and the weight's name here; kernels have their outputs first there. */
const TORCH_NAMES: readonly (readonly [new (...options: never[]) => object, Readonly<Record<string, string>>])[] = [
  [Dense, { kernel: 'weight' }],
  [Conv2D, { kernel: 'weight' }],
  [BatchNormalization, { gamma: 'weight', beta: 'bias', movingMean: 'running_mean', movingVariance: 'running_var' }],
];

/**
 * The weights of a built model as a file of a layout has them, by path.
 *
 * @param given - images that are flattened before layers, by the layers' paths
 */
export function placeWeights(
  model: AnyLayer,
  layout: WeightLayout,
  given: Readonly<Record<string, ImageShape>>,
  where: string,
  logger: Logger,
): PlacedWeight[] {
  const images = layout === 'torch' ? flattenedImages(model, given, where, logger) : new Map<AnyLayer, ImageShape>();
  const seen = new Set<WeightHandle>();
  return [['', model] as const, ...collectLayers(model)].flatMap(([layerPath, layer]) =>
    layer.ownWeights.flatMap((handle) => {
      if (seen.has(handle)) return [];
      seen.add(handle);
      const prefix = layerPath === '' ? '' : `${layerPath}/`;
      const { name, view, axes, shape } = place(layer, handle, layout, images.get(layer));
      const path = `${prefix}${handle.name}`;
      return [{ path, handle, name: fileName(`${prefix}${name}`, layout), view, axes, shape }];
    }),
  );
}

/** A path as a layout writes it. */
export function fileName(path: string, layout: WeightLayout): string {
  return layout === 'torch' ? path.replaceAll('/', '.') : path;
}

function place(
  layer: AnyLayer,
  { name, shape }: WeightHandle,
  layout: WeightLayout,
  image: ImageShape | undefined,
): Pick<PlacedWeight, 'name' | 'view' | 'axes' | 'shape'> {
  const asIs = { name, view: shape, axes: shape.map((_, axis) => axis), shape };
  if (layout === 'adjoint') return asIs;
  if (layout === 'keras') return { ...asIs, name: toSnakeCase(name) };
  const torch = TORCH_NAMES.find(([layerClass]) => layer instanceof layerClass)?.[1][name] ?? name;
  if (layer instanceof Conv2D && name === 'kernel') {
    const axes = [3, 2, 0, 1];
    return { name: torch, view: shape, axes, shape: axes.map((axis) => shape[axis]!) };
  }
  if (layer instanceof Dense && name === 'kernel') {
    const [inputs, units] = shape as [number, number];
    return image === undefined
      ? { name: torch, view: shape, axes: [1, 0], shape: [units, inputs] }
      : { name: torch, view: [...image, units], axes: [3, 2, 0, 1], shape: [units, inputs] };
  }
  const isSpread = layer instanceof BatchNormalization && image !== undefined;
  return isSpread ? { name: torch, view: image, axes: [2, 0, 1], shape } : { ...asIs, name: torch };
}

/** The layers whose inputs are flattened images: rows, columns and channels stand in another order in PyTorch. */
function flattenedImages(
  model: AnyLayer,
  given: Readonly<Record<string, ImageShape>>,
  where: string,
  logger: Logger,
): Map<AnyLayer, ImageShape> {
  const images = new Map<AnyLayer, ImageShape>();
  const settled = new Set<AnyLayer>();
  for (const chain of outermostChains(model)) {
    const elements = expanded(chain);
    elements.forEach((element, i) => {
      const image = flattens(element);
      if (image === undefined) return;
      for (const next of elements.slice(i + 1)) {
        if (next instanceof Dense || next instanceof BatchNormalization) images.set(next as unknown as AnyLayer, image);
        if (next instanceof Dense) settled.add(element);
        if (!(next instanceof Dropout || next instanceof Activation || next instanceof BatchNormalization)) break;
      }
    });
  }
  const layers = collectLayers(model);
  for (const [path, image] of Object.entries(given)) images.set(checkedLayer(layers.get(path), path, image), image);
  const open = [...layers].find(([, layer]) => flattens(layer) !== undefined && !settled.has(layer));
  if (open !== undefined && Object.keys(given).length === 0) {
    logger.warn(
      `${where}: "${open[0]}" flattens images of ${open[1].shapeOfBuild!.slice(1).join(' x ')}, channels last; PyTorch flattens channels ` +
        "first. Name the dense layer that reads them, flattenedImages: { 'head': [height, width, channels] }, or its kernel keeps this order.",
    );
  }
  return images;

  function checkedLayer(layer: AnyLayer | undefined, path: string, image: ImageShape): AnyLayer {
    const sizes = Array.isArray(image) ? ([...image] as unknown[]) : [];
    const isImage = sizes.length === 3 && sizes.every((size) => Number.isSafeInteger(size) && (size as number) > 0);
    const rows = layer?.ownWeights[0]?.shape[0];
    const fits = layer instanceof Dense || layer instanceof BatchNormalization;
    if (layer !== undefined && fits && isImage && sizeOf(sizes as number[]) === rows) return layer;
    throw new OptionsError('invalid-option', {
      where: `option "flattenedImages" of ${where}`,
      expected:
        fits && rows !== undefined
          ? `[height, width, channels] with a product of ${rows}, the inputs of "${path}"`
          : 'paths of dense layers or batch normalisations',
      received: fits ? formatValue(image) : `"${path}"`,
      fix: layer === undefined ? didYouMean(path, layers.paths()) : undefined,
    });
  }
}

/** The shape of the images whose order flattening changes; `undefined` where it changes none. */
function flattens(layer: BaseLayer | AnyLayer): ImageShape | undefined {
  const isFlattening = layer instanceof Flatten || (layer instanceof Reshape && layer.options.targetShape.length === 1);
  const [, ...image] = (isFlattening ? layer.shapeOfBuild : undefined) ?? [];
  if (image.length !== 3 || image.includes(null)) return undefined;
  const [height, width, channels] = image as [number, number, number];
  return height * width === 1 || channels === 1 ? undefined : [height, width, channels];
}

function outermostChains(layer: AnyLayer): AnyLayer[] {
  return elementsOf(layer) === undefined ? layer.children().flatMap(([, child]) => outermostChains(child)) : [layer];
}

/** A layer, or the layers of a chain, those of chains inside it in their place. */
function expanded(layer: AnyLayer): AnyLayer[] {
  return elementsOf(layer)?.flatMap(expanded) ?? [layer];
}

/** Elements of shape `view` in the order of the axes. */
export function permuted(values: Float32Array, view: readonly number[], axes: readonly number[]): Float32Array {
  if (axes.every((axis, i) => axis === i)) return values;
  const strides = view.map((_, axis) => view.slice(axis + 1).reduce((product, size) => product * size, 1));
  const sizes = axes.map((axis) => view[axis]!);
  const steps = axes.map((axis) => strides[axis]!);
  const out = new Float32Array(values.length);
  const index = new Array<number>(axes.length).fill(0);
  const last = axes.length - 1;
  for (let to = 0, from = 0; to < out.length;) {
    for (let i = 0; i < sizes[last]!; i++) out[to++] = values[from + i * steps[last]!]!;
    for (let axis = last - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** The way back of {@link permuted}: from the file's order to the weight's own. */
export function unpermuted(values: Float32Array, view: readonly number[], axes: readonly number[]): Float32Array {
  return permuted(
    values,
    axes.map((axis) => view[axis]!),
    axes.map((_, axis) => axes.indexOf(axis)),
  );
}
