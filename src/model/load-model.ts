import { join } from 'node:path';
import { ownDeclaration } from '../core/declaration.js';
import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { currentServices, withServices } from '../core/services.js';
import { formatShape, sizeOf, type Shape } from '../core/shape.js';
import type { BaseLayer, LayerInput } from '../layers/base-layer.js';
import { withGivenWeights, type GivenWeights } from '../layers/given-weights.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../storage/checked-json.js';
import { readWholeFile } from '../storage/read-file.js';
import { readFolder } from '../storage/read-folder.js';
import { readSafetensorsFile } from '../storage/safetensors-file.js';
import { readValues, type StoredTensor } from '../storage/stored-tensor.js';
import { BaseModel } from './base-model.js';
import type { ClassLookup } from './class-lookup.js';
import { collectLayers } from './collect-weights.js';
import { checkOutputs, explained, MOST_INPUT_ELEMENTS } from './load-limits.js';
import { ConfigReader } from './read-config.js';
import { MODEL_FILE, MODEL_FORMAT, MODEL_VERSION, WEIGHTS_FILE } from './save-model.js';
import { assignAll, compare, differing } from './weight-file.js';
import { placeWeights } from './weight-layouts.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/** JSON of more bytes describes no model. */
export const MOST_CONFIG_BYTES = 64e6;
/** What a weight that the file does not have may take, so that all differences can be told at once. */
const SPARE_ELEMENTS = 2 ** 20;

/** A model from a folder that `model.save` wrote. */
export async function readModel(directory: string, classes: ClassLookup, compile: boolean): Promise<BaseModel> {
  const services = currentServices();
  const { path } = await readFolder(directory, { format: MODEL_FORMAT });
  const file = `${MODEL_FILE} of folder ${JSON.stringify(directory)}`;
  const json = parseJson(await readWholeFile(join(path, MODEL_FILE), MOST_CONFIG_BYTES, file), file);
  const { tensors } = await readSafetensorsFile(
    join(path, WEIGHTS_FILE),
    `${WEIGHTS_FILE} of folder ${JSON.stringify(directory)}`,
  );
  return withServices(services, () => makeModel({ json, tensors, classes, file, compile }));
}

/** What a model is made from. */
interface Source {
  readonly json: JsonValue;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly classes: ClassLookup;
  readonly file: string;
  readonly compile: boolean;
}

/**
 * Makes, compiles and builds a model, and gives it its weights.
 *
 * @throws DataError [model-config | newer-version | other-layers | weights-differ], LookupError [unknown-class], OptionsError
 */
export function makeModel(source: Source): BaseModel {
  return explained(source.file, () => makeExplained(source));
}

function makeExplained({ json, tensors, classes, file, compile }: Source): BaseModel {
  const config = checkedConfig(json, file);
  const reader = new ConfigReader(classes, file);
  let model: AnyLayer | undefined;
  try {
    model = reader.layer(config.model, 'model');
    if (!(model instanceof BaseModel)) throw wrong(file, '"model" to be a model', model.describe());
    const made: BaseModel = model;
    const inputShape = readShape(config.inputShape, 'inputShape', file) as number[];
    checkOutputs([model], [null, ...inputShape], file);
    // Before `compile`, which would build it for what its first layer has as `inputShape`.
    withGivenWeights(limited(tensors, file), () => buildAs(made, inputShape, config, file));
    if (compile && config.compile !== undefined) {
      const settings = isJsonObject(config.compile) ? Object.entries(config.compile) : [];
      made.compile(
        Object.fromEntries(settings.map(([name, value]) => [name, reader.option(value, `compile.${name}`)])),
      );
    }
    applyTrainable(made, config.trainable, file);
    const weights = placeWeights(made as unknown as AnyLayer, 'adjoint', {}, '', currentServices().logger);
    const named = new Map([...tensors].map(([name, tensor]) => [name, { original: name, tensor }]));
    const { report, values } = compare(weights, weights, named, 'adjoint', file);
    if (report.loaded.length < weights.length || report.extra.length > 0) {
      throw differing(report, weights.length, `${WEIGHTS_FILE} beside ${file}`);
    }
    assignAll(values);
    return made;
  } catch (error) {
    model?.dispose();
    reader.dispose();
    throw error;
  }
}

function checkedConfig(json: JsonValue, file: string): JsonObject {
  if (!isJsonObject(json) || json.format !== MODEL_FORMAT) {
    throw wrong(file, `an object with the format "${MODEL_FORMAT}"`, isJsonObject(json) ? json.format : json);
  }
  const { version } = json;
  if (typeof version === 'number' && Number.isInteger(version) && version > MODEL_VERSION) {
    throw new DataError('newer-version', {
      where: file,
      expected: `version ${MODEL_VERSION} of ${MODEL_FORMAT} at most`,
      received: `version ${version}`,
      fix: 'update Adjoint',
    });
  }
  if (version !== MODEL_VERSION) throw wrong(file, `"version" to be ${MODEL_VERSION}`, version);
  return json;
}

function readShape(value: JsonValue | undefined, place: string, file: string): Shape {
  const sizes = Array.isArray(value) ? (value as readonly JsonValue[]) : undefined;
  const isShape = sizes?.every((size) => size === null || (Number.isSafeInteger(size) && (size as number) > 0));
  const known = isShape === true ? sizeOf(sizes!.filter((size) => size !== null) as number[]) : NaN;
  if (!(known <= MOST_INPUT_ELEMENTS) || (place === 'inputShape' && sizes!.includes(null))) {
    throw wrong(file, `"${place}" to be a shape of at most ${MOST_INPUT_ELEMENTS} elements`, value);
  }
  return sizes as Shape;
}

/** First values from the file: what does not fit is drawn, and told later with all else, unless it is large. */
function limited(tensors: ReadonlyMap<string, StoredTensor>, file: string): GivenWeights {
  return (path, shape) => {
    const tensor = tensors.get(path);
    if (tensor?.dtype === 'F32' && formatShape(tensor.shape) === formatShape(shape)) {
      return readValues(tensor, 'float32', `tensor "${path}" beside ${file}`);
    }
    if (sizeOf(shape) <= SPARE_ELEMENTS) return undefined;
    throw new DataError('weights-differ', {
      where: `weight "${path}" beside ${file}`,
      expected: `a tensor F32 ${formatShape(shape)}`,
      received: tensor === undefined ? 'none' : `${tensor.dtype} ${formatShape(tensor.shape)}`,
    });
  };
}

/** Builds all layers for the shapes that they were built for when the model was saved. */
function buildAs(model: BaseModel, inputShape: readonly number[], config: JsonObject, file: string): void {
  const saved = (Array.isArray(config.layers) ? (config.layers as readonly JsonValue[]) : []).map((entry, i) => {
    const place = `layers[${i}]`;
    if (!isJsonObject(entry)) throw wrong(file, `"${place}" to be an object`, entry);
    const { path, class: name, builtFor } = entry;
    if (typeof path !== 'string' || typeof name !== 'string')
      throw wrong(file, `"path" and "class" in ${place}`, entry);
    return { path, name, builtFor: builtFor === null ? null : readShape(builtFor, `${place}.builtFor`, file) };
  });
  const shape = [null, ...inputShape];
  // Such a step may call layers that `call` does not, and `call` may be of no use to it.
  if (model.trainStep === undefined) model.build(shape);
  else model.buildShell(shape, 0);
  for (const { path, builtFor } of saved) {
    // A layer that is built now may just have been made by the one above it.
    const layer = collectLayers(model as unknown as AnyLayer).get(path);
    if (builtFor !== null && layer !== undefined && !layer.built) layer.build(builtFor);
  }
  const have = [...collectLayers(model as unknown as AnyLayer)].map(
    ([path, { constructor }]) => `${path} (${ownDeclaration(constructor)?.name ?? constructor.name})`,
  );
  const want = saved.map(({ path, name }) => `${path} (${name})`);
  const gone = want.filter((layer) => !have.includes(layer));
  const added = have.filter((layer) => !want.includes(layer));
  if (gone.length + added.length === 0) return;
  throw new DataError('other-layers', {
    where: file,
    expected: gone.length > 0 ? `the layers ${gone.join(', ')}` : 'no other layers than those saved',
    received: added.length > 0 ? `a class that makes ${added.join(', ')}` : 'a class that does not make them',
    fix: 'pass the classes as they were when the model was saved, or load the weights: model.loadWeights(path, { partial: true })',
  });
}

function applyTrainable(model: BaseModel, flags: JsonValue | undefined, file: string): void {
  const layers = collectLayers(model as unknown as AnyLayer);
  for (const [path, flag] of Object.entries(isJsonObject(flags) ? flags : {})) {
    const layer = path === '' ? (model as unknown as AnyLayer) : layers.get(path);
    if (layer === undefined || typeof flag !== 'boolean')
      throw wrong(file, '"trainable" to hold flags by layer path', path);
    layer.trainable = flag;
  }
}

function wrong(where: string, expected: string, received: unknown): DataError {
  return new DataError('model-config', {
    where,
    expected,
    received: formatValue(received),
    fix: 'the file is damaged, or no program of this kind wrote it: restore it from another copy',
  });
}
