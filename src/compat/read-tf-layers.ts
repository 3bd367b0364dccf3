import { join } from 'node:path';
import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape, sizeOf, type Shape } from '../core/shape.js';
import type { BaseLayer } from '../layers/base-layer.js';
import { withGivenWeights } from '../layers/given-weights.js';
import { checkOutputs, explained, MOST_INPUT_ELEMENTS } from '../model/load-limits.js';
import { Sequential } from '../model/sequential.js';
import { listed, shownName } from '../model/weight-file.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../storage/checked-json.js';
import { readWholeFile } from '../storage/read-file.js';
import { translateLayer, weightName } from './tf-layers-config.js';

/** Bytes of one shard of weights; tf.layers writes shards of 4 MB, or one file. */
const MOST_SHARD_BYTES = 2 ** 31;

/** A sequential model of tf.layers, or of Keras by its converter, from `model.json` and its shards. */
export async function readTfLayers(directory: string, json: JsonObject, file: string): Promise<Sequential> {
  const { layers, inputShape } = explained(file, () => readTopology(json, file));
  const model = new Sequential([...layers]);
  try {
    const weights = await readWeights(directory, json.weightsManifest, file);
    const unused = new Set(weights.keys());
    const give = () =>
      withGivenWeights(
        (path, shape) => {
          const found = weights.get(path);
          if (found === undefined || formatShape(found.shape) !== formatShape(shape)) {
            throw new DataError('weights-differ', {
              where: `weight "${path}" of ${file}`,
              expected: `float32 ${formatShape(shape)}`,
              received: found === undefined ? 'none' : formatShape(found.shape),
            });
          }
          unused.delete(path);
          return found.values;
        },
        () => model.build([null, ...inputShape]),
      );
    explained(file, give);
    if (unused.size > 0) {
      throw new DataError('weights-differ', {
        where: file,
        expected: 'weights of its layers, and nothing else',
        received: listed('extra', [...unused].map(shownName)).join('\n'),
      });
    }
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function readTopology(json: JsonObject, file: string): { layers: BaseLayer[]; inputShape: number[] } {
  const topology = json.modelTopology;
  const wrapped = isJsonObject(topology) ? (topology.model_config ?? topology) : undefined;
  if (!isJsonObject(wrapped)) throw wrong(file, 'a "modelTopology"', topology);
  const { class_name: className, config } = wrapped;
  if (className !== 'Sequential') {
    throw new DataError('unsupported-layer', {
      where: file,
      expected: 'a sequential model',
      received: formatValue(className),
      fix: 'write the model anew as a class, and load the weights alone',
    });
  }
  const list = isJsonObject(config) ? config.layers : config;
  const entries = Array.isArray(list) ? (list as readonly JsonValue[]) : [];
  const [first] = entries;
  if (!isJsonObject(first) || !isJsonObject(first.config)) throw wrong(file, 'a list of layers', list);
  const declared = first.config.batch_input_shape ?? first.config.batch_shape;
  const sizes = Array.isArray(declared) ? (declared as readonly JsonValue[]).slice(1) : [];
  const isKnown = sizes.length > 0 && sizes.every((size) => Number.isSafeInteger(size) && (size as number) > 0);
  if (!isKnown || sizeOf(sizes as number[]) > MOST_INPUT_ELEMENTS) {
    throw wrong(file, `the shape of the input, of at most ${MOST_INPUT_ELEMENTS} elements`, declared);
  }
  let shape: Shape = [null, ...(sizes as number[])];
  const layers = entries
    .filter((entry) => !isJsonObject(entry) || entry.class_name !== 'InputLayer')
    .map((entry) => {
      if (!isJsonObject(entry)) throw wrong(file, 'layers that are objects', entry);
      const layer = translateLayer(entry, shape, file);
      checkOutputs([layer as unknown as Parameters<typeof checkOutputs>[0][number]], shape, file);
      shape = layer.computeOutputShape(shape);
      return layer;
    });
  return { layers, inputShape: sizes as number[] };
}

interface ReadWeight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Weights by the paths that they have here. */
async function readWeights(
  directory: string,
  manifest: JsonValue | undefined,
  file: string,
): Promise<Map<string, ReadWeight>> {
  if (!Array.isArray(manifest)) throw wrong(file, 'a list "weightsManifest"', manifest);
  const weights = new Map<string, ReadWeight>();
  for (const group of manifest as readonly JsonValue[]) {
    const { paths, weights: specs } = isJsonObject(group) ? group : {};
    if (!Array.isArray(paths) || !Array.isArray(specs)) throw wrong(file, 'groups of "paths" and "weights"', group);
    const parsed = (specs as readonly JsonValue[]).map((spec) => readSpec(spec, file));
    const wanted = parsed.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
    const shards: Uint8Array[] = [];
    for (const path of paths as readonly JsonValue[]) shards.push(await readShard(directory, path, file));
    const received = shards.reduce((sum, { length }) => sum + length, 0);
    if (received !== wanted) {
      throw new DataError('weights-size', {
        where: `${(paths as readonly JsonValue[]).join(', ')} beside ${file}`,
        expected: `${wanted} bytes for the weights that it lists`,
        received: `${received} bytes`,
        fix: 'the files are cut short, or of another model: restore them from another copy',
      });
    }
    // Memory of its own, so that float32 elements are aligned.
    const joined = new Uint8Array(wanted);
    joined.set(Buffer.concat(shards));
    let at = 0;
    for (const { path, shape } of parsed) {
      if (weights.has(path)) throw wrong(file, 'every weight once', path);
      weights.set(path, { shape, values: new Float32Array(joined.buffer, at, sizeOf(shape)) });
      at += 4 * sizeOf(shape);
    }
  }
  return weights;
}

function readSpec(spec: JsonValue, file: string): { path: string; shape: number[] } {
  const { name, shape, dtype, quantization } = isJsonObject(spec) ? spec : {};
  if (typeof name !== 'string' || !name.includes('/')) throw wrong(file, 'a weight with a name "layer/weight"', name);
  const sizes = Array.isArray(shape) ? (shape as readonly JsonValue[]) : [];
  const isShape = sizes.length > 0 && sizes.every((size) => Number.isSafeInteger(size) && (size as number) > 0);
  if (!isShape || !Number.isSafeInteger(sizeOf(sizes as number[])))
    throw wrong(file, `a shape of ${formatValue(name)}`, shape);
  if (dtype !== 'float32' || quantization !== undefined) {
    throw new DataError('unsupported-weights', {
      where: `weight ${formatValue(name)} of ${file}`,
      expected: 'float32 values as they are',
      received: quantization === undefined ? formatValue(dtype) : 'quantised values',
      fix: 'convert the model again without quantisation',
    });
  }
  const cut = name.lastIndexOf('/');
  const layer = name.slice(0, cut).replace(/[/\s]/g, '_');
  return { path: `${layer}/${weightName(name.slice(cut + 1))}`, shape: sizes as number[] };
}

async function readShard(directory: string, path: JsonValue, file: string): Promise<Uint8Array> {
  // A plain name: what has a separator in it may lead anywhere.
  if (typeof path !== 'string' || !/^[\w][\w.-]*$/.test(path)) {
    throw wrong(file, 'files beside it, by plain names', path);
  }
  const where = `file "${path}" beside ${file}`;
  return readWholeFile(join(directory, path), MOST_SHARD_BYTES, where, { followLinks: false });
}

function wrong(where: string, expected: string, received: unknown): DataError {
  return new DataError('model-config', { where, expected, received: formatValue(received) });
}
