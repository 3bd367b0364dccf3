import { ownDeclaration } from '../core/declaration.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { consoleLogger } from '../core/logger.js';
import { encodeJson, type JsonObject, type JsonValue } from '../storage/checked-json.js';
import { encodeSafetensors } from '../storage/safetensors.js';
import type { StoredTensor } from '../storage/stored-tensor.js';
import { writeFolder } from '../storage/write-folder.js';
import { collectLayers } from './collect-weights.js';
import { SaveModelOptions } from './file-options.js';
import type { StoredModel } from './stored-model.js';
import { checkPath, storedWeights } from './weight-file.js';
import { placeWeights } from './weight-layouts.js';
import { ConfigWriter } from './write-config.js';

/** The folder's format, in its manifest and in `model.json`, and the version of the latter. */
export const MODEL_FORMAT = 'adjoint-model';
export const MODEL_VERSION = 1;
export const MODEL_FILE = 'model.json';
export const WEIGHTS_FILE = 'weights.safetensors';

/** What a folder of a model holds. */
interface ModelContent {
  readonly config: JsonObject;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Writes a folder from which `loadModel` makes the model again. */
export async function saveModel(
  stored: StoredModel,
  directory: string,
  input: OptionsInput<SaveModelOptions> | undefined,
): Promise<void> {
  const where = `save of ${stored.model.describe()}`;
  const options = parseOptions(SaveModelOptions, input, where);
  checkPath(directory, where);
  const { config, tensors } = await stored.betweenSteps('save', () => modelContent(stored, options));
  await writeFolder(directory, {
    format: MODEL_FORMAT,
    parts: [
      { name: MODEL_FILE, pieces: [encodeJson(config, `${MODEL_FILE} of ${where}`, 2)] },
      { name: WEIGHTS_FILE, pieces: encodeSafetensors(tensors, new Map([['format', 'adjoint-weights']])) },
    ],
    meta: { model: stored.model.name, weights: tensors.size },
  });
}

/**
 * The model's description and copies of its weights; between two steps.
 *
 * @throws SetupError [not-serialisable]
 */
function modelContent(stored: StoredModel, { compile }: { readonly compile: boolean }): ModelContent {
  const { model, inputShape, compiled } = stored;
  const layers = collectLayers(model);
  const byHand = [['', model] as const, ...layers].flatMap(([path, { trainableByHand }]): [string, boolean][] =>
    trainableByHand === undefined ? [] : [[path, trainableByHand]],
  );
  const config: JsonObject = {
    format: MODEL_FORMAT,
    version: MODEL_VERSION,
    model: new ConfigWriter('keep the weights alone: model.saveWeights(path)').layer(model),
    inputShape,
    layers: [...layers].map(([path, layer]) => ({
      path,
      class: ownDeclaration(layer.constructor)?.name ?? layer.constructor.name,
      // Weights do not depend on the batch.
      builtFor: layer.shapeOfBuild === undefined ? null : [null, ...layer.shapeOfBuild.slice(1)],
    })),
    trainable: Object.fromEntries(byHand),
    ...(compile && compiled !== undefined ? { compile: compileConfig(compiled) } : {}),
  };
  const weights = placeWeights(model, 'adjoint', {}, '', consoleLogger);
  return { config, tensors: storedWeights(weights) };
}

/** The settings of `compile`, with what names and defaults stood for. */
function compileConfig({ options, plan }: NonNullable<StoredModel['compiled']>): JsonObject {
  const writer = new ConfigWriter('leave these settings out: model.save(directory, { compile: false })');
  const settled = {
    ...options,
    optimizer: plan.optimizer,
    loss: typeof options.loss === 'function' || options.loss === undefined ? options.loss : plan.loss,
    metrics: options.metrics.map((metric, i) => (typeof metric === 'function' ? metric : plan.metrics[i])),
    // The default may be the process's own.
    precision: plan.precision,
  };
  const entries = Object.entries(settled).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]): [string, JsonValue] => [name, writer.option(value, 'compile', name)]),
  );
}
