import { DataError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import type { Batch } from '../data/example.js';
import type { HostArray } from '../data/host-array.js';
import { engine } from '../engine/start-engine.js';
import { tf } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import { isJsonObject, type JsonValue } from '../storage/checked-json.js';
import { readFolder, readManifest } from '../storage/read-folder.js';
import { encodeSafetensors } from '../storage/safetensors.js';
import { readSafetensorsFile } from '../storage/safetensors-file.js';
import { readValues, storeValues, type StoredTensor } from '../storage/stored-tensor.js';
import { writeFolder } from '../storage/write-folder.js';
import { join } from 'node:path';
import type { PastStep } from './replay-step.js';
import { withLearningRates } from './step-scalars.js';
import { namedVariables } from './training-snapshot.js';

const STORED = { float32: 'F32', int32: 'I32', bool: 'BOOL' } as const;
const FORMAT = 'adjoint-repro';
const FIELDS = ['x', 'y', 'sampleWeight'] as const;
const FILES = { weights: 'weights.safetensors', state: 'state.safetensors', batch: 'batch.safetensors' } as const;

/** A step as a folder holds it. */
export interface Repro {
  /** The model and the step, as a phrase. */
  readonly where: string;
  readonly model: string;
  readonly batch: Batch;
  readonly isUpdate: boolean;
  readonly randomStep: number;
  readonly lossScale: number | undefined;
  readonly learningRates: readonly number[];
  /** Paths of the weights whose gradients a group has summed up. */
  readonly summed: readonly string[];
  readonly weights: ReadonlyMap<string, StoredTensor>;
  readonly state: ReadonlyMap<string, StoredTensor>;
}

/**
 * Writes a step as a folder from which it can be run again: weights, state, batch, counter of the draws, loss scale and
 * learning rates.
 *
 * @throws DataError [write-failed | not-ours] a saved model or checkpoint that stands there is not replaced
 */
export async function writeRepro(path: string, step: PastStep, where: string): Promise<void> {
  await refuseOthers(path);
  const { model, state, batch, isUpdate = false, randomStep, lossScale } = step;
  const variables = namedVariables(model, state);
  const learningRates = await withLearningRates(state, async (rates) =>
    [...rates.values()].map((rate) => rate.dataSync()[0]!),
  );
  const arrays = new Map(
    FIELDS.flatMap((field) => (batch[field] === undefined ? [] : [[field, stored(batch[field])] as const])),
  );
  await writeFolder(path, {
    format: FORMAT,
    parts: [
      { name: FILES.weights, pieces: encodeSafetensors(download(variables.weights)) },
      { name: FILES.state, pieces: encodeSafetensors(download(variables.state)) },
      { name: FILES.batch, pieces: encodeSafetensors(arrays) },
    ],
    // JSON has no infinite numbers.
    meta: {
      where,
      model: model.name,
      isUpdate,
      randomStep,
      lossScale: lossScale ?? null,
      learningRates: learningRates.map(String),
      sums: state.gradientSums?.saveState() ?? null,
    },
  });
}

async function refuseOthers(path: string): Promise<void> {
  const where = `folder ${formatValue(path)}`;
  const found = await readManifest(path, where).catch(() => undefined);
  if (found === undefined || found.format === FORMAT) return;
  throw new DataError('not-ours', {
    where,
    expected: 'a new path, an empty folder, or one that NonFiniteGuard wrote',
    received: `a folder of the format ${found.format}`,
    fix: 'write to another path',
  });
}

/** @throws DataError where the folder is none of these, or is damaged */
export async function readRepro(path: string): Promise<Repro> {
  if (typeof path !== 'string' || path === '') {
    throw new OptionsError('invalid-option', {
      where: 'directory of replay',
      expected: 'the path of a folder that NonFiniteGuard wrote',
      received: formatValue(path),
    });
  }
  const { path: folder, manifest } = await readFolder(path, { format: FORMAT });
  const { where, model, isUpdate, randomStep, lossScale, learningRates, sums } = manifest.meta;
  const place = `folder ${formatValue(path)}`;
  if (
    typeof where !== 'string' ||
    typeof model !== 'string' ||
    typeof isUpdate !== 'boolean' ||
    !Number.isInteger(randomStep) ||
    !(lossScale === null || typeof lossScale === 'number') ||
    !isList(learningRates)
  ) {
    throw new DataError('manifest', {
      where: `"meta" of ${place}`,
      expected: '{ where, model, isUpdate, randomStep, lossScale, learningRates }',
      received: isJsonObject(manifest.meta) ? Object.keys(manifest.meta).join(', ') : 'none',
    });
  }
  const read = async (name: string) => (await readSafetensorsFile(join(folder, name))).tensors;
  const arrays = await read(FILES.batch);
  const [x, y, sampleWeight] = FIELDS.map((field) => hostArray(arrays.get(field), `${field} of ${place}`));
  if (x === undefined) throw new DataError('manifest', { where: place, expected: 'an array x', received: 'none' });
  return {
    where,
    model,
    batch: { size: x.shape[0]!, x, y, sampleWeight },
    isUpdate,
    randomStep: randomStep as number,
    lossScale: lossScale ?? undefined,
    learningRates: learningRates.map(Number),
    summed: isJsonObject(sums) && isList(sums.reached) ? sums.reached : [],
    weights: await read(FILES.weights),
    state: await read(FILES.state),
  };
}

/**
 * Gives a model and its state the values of a folder.
 *
 * @throws DataError [repro-model] where the model is another one
 */
export function restoreRepro(
  { weights, state, summed }: Repro,
  model: PastStep['model'],
  trained: PastStep['state'],
): void {
  const variables = namedVariables(model, trained);
  trained.gradientSums?.restoreState({ pending: 0, reached: summed });
  for (const [kind, wanted, given] of [
    ['weight', variables.weights, weights],
    ['state', variables.state, state],
  ] as const) {
    for (const [name, variable] of wanted) {
      const value = given.get(name);
      // Sums and what debugging keeps do not change a step.
      if (value === undefined && kind === 'state') continue;
      const fits = value !== undefined && String(value.shape) === String(variable.shape);
      if (!fits) throw otherModel(model, `${kind} "${name}" of ${formatShape(variable.shape)}`, value);
      write(variable, value, name);
    }
    const missing = [...given.keys()].find((name) => !wanted.has(name));
    if (missing !== undefined && kind === 'weight') {
      throw otherModel(model, 'the weights of the folder', undefined, `none for "${missing}"`);
    }
  }
}

function write(variable: Variable, value: StoredTensor, name: string): void {
  const dtype = variable.dtype as keyof typeof STORED;
  const tensor = tf.tensor(readValues(value, dtype, name), [...variable.shape], dtype);
  variable.assign(tensor);
  tensor.dispose();
}

function otherModel(
  model: PastStep['model'],
  expected: string,
  value: StoredTensor | undefined,
  received = value === undefined ? 'a folder without it' : `one of ${formatShape(value.shape)}`,
): DataError {
  return new DataError('repro-model', {
    where: `replay with ${model.describe()}`,
    expected,
    received,
    fix: 'pass the file that makes the model of the run, compiled with the same options',
  });
}

function isList(value: JsonValue | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function download(variables: ReadonlyMap<string, Variable>): Map<string, StoredTensor> {
  const { backend } = engine();
  return new Map(
    [...variables].map(([name, variable]) => {
      const value = variable.read();
      const data = backend.binding.readContent(backend.nativeId(value)) as Uint8Array;
      value.dispose();
      return [name, { dtype: STORED[variable.dtype as keyof typeof STORED], shape: [...variable.shape], data }];
    }),
  );
}

function stored({ values, shape, dtype }: HostArray): StoredTensor {
  // Pixels are bytes on the host and numbers on the device.
  const wide = dtype === 'float32' ? Float32Array.from(values) : values;
  return storeValues(dtype, wide as Float32Array, shape);
}

function hostArray(value: StoredTensor | undefined, where: string): HostArray | undefined {
  if (value === undefined) return undefined;
  const dtype = value.dtype === 'I32' ? 'int32' : value.dtype === 'BOOL' ? 'bool' : 'float32';
  return { dtype, shape: value.shape, values: readValues(value, dtype, where) };
}
