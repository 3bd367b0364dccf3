import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { currentServices, withServices } from '../core/services.js';
import type { BaseModel } from '../model/base-model.js';
import { ClassLookup } from '../model/class-lookup.js';
import { LoadModelOptions } from '../model/file-options.js';
import { MOST_CONFIG_BYTES, readModel } from '../model/load-model.js';
import { MODEL_FILE } from '../model/save-model.js';
import { checkPath } from '../model/weight-file.js';
import { isJsonObject, parseJson } from '../storage/checked-json.js';
import { MANIFEST_NAME } from '../storage/manifest.js';
import { readWholeFile } from '../storage/read-file.js';
import { previousPath } from '../storage/read-folder.js';
import { readTfLayers } from './read-tf-layers.js';

/** What tf.layers writes as the format of its `model.json`. */
const TF_LAYERS_FORMAT = 'layers-model';

/**
 * Makes a model from a folder that `model.save` wrote, or from one with the `model.json` of tf.layers.
 *
 * The model has its weights and, where it was saved with them, the settings of `compile`; its predictions are those of the saved
 * one, to the bit where both are compiled or neither is. A file is data: it names classes and options, every option is checked as if it were written by hand, and no code
 * of it is run. A folder of tf.layers gives a sequential model that is not compiled.
 *
 * When to use: to go on with a model in another process. For weights alone there is `model.loadWeights`; to go on with a
 * training there are checkpoints.
 *
 * @param directory - the folder
 * @returns the model, a `Sequential` or an object of your class
 * @throws LookupError [unknown-class] for a class that is neither registered nor in `classes`; DataError for a folder that is
 * incomplete, damaged, of a newer version, or whose weights are not those of its layers; OptionsError for options out of
 * their range; DataError [unsupported-layer] for layers of tf.layers that there are none of here
 *
 * @example
 * ```ts
 * import { mkdtemp, rm } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { BaseModel, Child, layers, loadModel, Model, type CallContext, type Tensor } from 'adjoint';
 *
 * @Model('app/scorer')
 * class Scorer extends BaseModel {
 *   @Child() head = layers.dense({ units: 1 });
 *   call(x: Tensor, context: CallContext): Tensor {
 *     return this.head.call(x, context);
 *   }
 * }
 * const model = new Scorer();
 * model.build([null, 2]);
 * const folder = await mkdtemp(join(tmpdir(), 'scorer-'));
 * await model.save(join(folder, 'model'));
 * const loaded = await loadModel(join(folder, 'model'), { classes: [Scorer] });
 * console.log(loaded instanceof Scorer); // true
 * model.dispose();
 * loaded.dispose();
 * await rm(folder, { recursive: true });
 * ```
 *
 * @see `docs/saving.md`
 */
export async function loadModel(directory: string, input?: OptionsInput<LoadModelOptions>): Promise<BaseModel> {
  const options = parseOptions(LoadModelOptions, input, 'loadModel');
  checkPath(directory, 'loadModel');
  const services = currentServices();
  const classes = new ClassLookup(options.classes, services.registries);
  if (await isOurs(directory)) return withServices(services, () => readModel(directory, classes, options.compile));
  const file = `${MODEL_FILE} of folder ${JSON.stringify(directory)}`;
  const json = parseJson(await readWholeFile(join(directory, MODEL_FILE), MOST_CONFIG_BYTES, file), file);
  const format = isJsonObject(json) ? json.format : undefined;
  if (format === TF_LAYERS_FORMAT && isJsonObject(json)) {
    return withServices(services, () => readTfLayers(directory, json, file));
  }
  throw new DataError('other-format', {
    where: file,
    expected: `a folder with a ${MANIFEST_NAME} that model.save wrote, or a "format" of "${TF_LAYERS_FORMAT}"`,
    received: format === undefined ? 'no format' : formatValue(format),
    fix:
      format === 'graph-model'
        ? 'convert the original with --output_format=tfjs_layers_model: a graph has no layers'
        : undefined,
  });
}

/**
 * Whether the folder, or the one that a save that died has set aside for it, has a manifest.
 *
 * @throws DataError [not-a-folder]
 */
async function isOurs(directory: string): Promise<boolean> {
  const [folder, manifest, previous] = await Promise.all(
    [directory, join(directory, MANIFEST_NAME), previousPath(directory)].map((path) =>
      stat(path).catch(() => undefined),
    ),
  );
  if (previous !== undefined || manifest !== undefined) return true;
  if (folder?.isDirectory() === true) return false;
  throw new DataError('not-a-folder', {
    where: `folder ${JSON.stringify(directory)} in loadModel`,
    expected: 'a folder that model.save wrote, or one with the model.json of tf.layers',
    received: folder === undefined ? 'a path where there is nothing' : 'a file',
    fix: fixOf(directory, folder !== undefined),
  });
}

function fixOf(path: string, exists: boolean): string | undefined {
  if (path.endsWith('.safetensors')) return 'make the model, and load its weights: model.loadWeights(path)';
  return exists && path.endsWith('.json') ? `give the folder: loadModel(${JSON.stringify(dirname(path))})` : undefined;
}
