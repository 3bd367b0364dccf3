import { stat } from 'node:fs/promises';
import { DataError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { choosesNothing, compilePathPredicate } from '../core/path-predicate.js';
import { formatShape } from '../core/shape.js';
import { tf } from '../engine/tfjs.js';
import { encodeSafetensors, type SafetensorsFile } from '../storage/safetensors.js';
import { readSafetensorsFile } from '../storage/safetensors-file.js';
import { readValues, storeValues, type StoredTensor } from '../storage/stored-tensor.js';
import { writeFileAtomically } from '../storage/write-file.js';
import { LoadWeightsOptions, SaveWeightsOptions } from './file-options.js';
import type { StoredModel } from './stored-model.js';
import {
  fileName,
  permuted,
  placeWeights,
  unpermuted,
  WEIGHT_LAYOUTS,
  type PlacedWeight,
  type WeightLayout,
} from './weight-layouts.js';

/** What `loadWeights` did with each weight of the model, by path, and with each tensor of the file, by its name there. */
export interface WeightReport {
  /** Weights that have the file's values now. */
  readonly loaded: readonly string[];
  /** Weights that the file does not have. */
  readonly missing: readonly string[];
  /** Tensors of the file that the model has no weight for. */
  readonly extra: readonly string[];
  /** Weights whose tensor in the file has another shape or type. */
  readonly misshapen: readonly { readonly path: string; readonly expected: string; readonly received: string }[];
}

/** Elements that a weight's values may be taken from. */
const FLOATS = ['F32', 'F16', 'BF16', 'F64'];

/** How many names an error lists before it counts the rest. */
const MOST_LISTED = 10;

/** Copies of all weights as a file has them; between two steps. */
export function storedWeights(weights: readonly PlacedWeight[]): Map<string, StoredTensor> {
  return new Map(
    weights.map(({ handle, name, view, axes, shape }) => {
      const value = handle.variable.read();
      const values = value.dataSync() as Float32Array;
      value.dispose();
      return [name, storeValues('float32', permuted(values, view, axes), shape)];
    }),
  );
}

export async function saveWeights(
  stored: StoredModel,
  path: string,
  input: OptionsInput<SaveWeightsOptions> | undefined,
): Promise<void> {
  const { model, logger } = stored;
  const where = `saveWeights of ${model.describe()}`;
  const { weightLayout, flattenedImages } = parseOptions(SaveWeightsOptions, input, where);
  checkPath(path, where);
  const weights = placeWeights(model, weightLayout, flattenedImages, where, logger);
  const tensors = await stored.betweenSteps('saveWeights', () => storedWeights(weights));
  // Readers of PyTorch's files look for this word.
  const format = { adjoint: 'adjoint-weights', keras: 'tf', torch: 'pt' }[weightLayout];
  const metadata = new Map(Object.entries({ format, layout: weightLayout }));
  await writeFileAtomically(path, encodeSafetensors(tensors, metadata));
}

export async function loadWeights(
  stored: StoredModel,
  path: string,
  input: OptionsInput<LoadWeightsOptions> | undefined,
): Promise<WeightReport> {
  const { model } = stored;
  const where = `loadWeights of ${model.describe()}`;
  const options = parseOptions(LoadWeightsOptions, input, where);
  checkPath(path, where);
  await refuseFolder(path, where);
  const { tensors, metadata } = await readSafetensorsFile(path);
  return stored.betweenSteps('loadWeights', () => applyWeights(stored, path, { options, where, tensors, metadata }));
}

/** All at once, so that nothing happens to the model between looking and writing. */
function applyWeights(
  { model, logger }: StoredModel,
  path: string,
  { options, where, tensors, metadata }: SafetensorsFile & { options: LoadWeightsOptions; where: string },
): WeightReport {
  const layout = options.weightLayout ?? WEIGHT_LAYOUTS.find((known) => known === metadata.get('layout')) ?? 'adjoint';
  const all = placeWeights(model, layout, options.flattenedImages, where, logger);
  const matches = compilePathPredicate(options.only ?? '**');
  const chosen = all.filter(({ path: weight }) => matches(weight));
  if (chosen.length === 0) {
    const paths = all.map((weight) => weight.path);
    throw choosesNothing(options.only ?? '**', `option "only" of ${where}`, 'weight of the model', paths);
  }
  const named = renamed(tensors, options.rename, layout, where);
  const file = `file ${JSON.stringify(path)}`;
  const { report, values } = compare(all, chosen, named, layout, file);
  // Who names the weights that count has no use for the rest of the file.
  const hasExtra = report.extra.length > 0 && options.only === undefined;
  if (options.partial ? report.loaded.length === 0 : report.loaded.length < chosen.length || hasExtra) {
    throw differing(report, chosen.length, `${file} in ${where}`, options);
  }
  assignAll(values);
  return report;
}

/** @throws DataError [not-a-file] */
async function refuseFolder(path: string, where: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory() !== true) return;
  throw new DataError('not-a-file', {
    where: `file ${JSON.stringify(path)} in ${where}`,
    expected: 'a safetensors file',
    received: 'a folder',
    fix: `the weights of a saved model are in its file weights.safetensors; loadModel reads the folder`,
  });
}

/** Tensors of a file by the names that the model has for them. */
function renamed(
  tensors: ReadonlyMap<string, StoredTensor>,
  rename: LoadWeightsOptions['rename'],
  layout: WeightLayout,
  where: string,
): Map<string, { original: string; tensor: StoredTensor }> {
  const named = new Map<string, { original: string; tensor: StoredTensor }>();
  for (const [original, tensor] of tensors) {
    // A counter that PyTorch keeps beside the statistics and uses only without a momentum.
    if (layout === 'torch' && /(^|\.)num_batches_tracked$/.test(original)) continue;
    const wish: unknown = typeof rename === 'function' ? rename(original) : byParts(original, rename ?? {});
    if (typeof wish !== 'string') {
      throw new OptionsError('invalid-option', {
        where: `option "rename" of ${where}`,
        expected: `a name for ${formatValue(original)}`,
        received: formatValue(wish),
        fix: 'return the name as it is where it is to stay',
      });
    }
    const name = fileName(wish, layout);
    const other = named.get(name);
    if (other !== undefined) {
      throw new OptionsError('invalid-option', {
        where: `option "rename" of ${where}`,
        expected: 'different names for different tensors',
        received: `${formatValue(name)} for ${formatValue(other.original)} and ${formatValue(original)}`,
      });
    }
    named.set(name, { original, tensor });
  }
  return named;
}

/** The name with its longest known beginning replaced: `fc1.weight` under `{ fc1: 'head' }` is `head.weight`. */
function byParts(name: string, names: Readonly<Record<string, string>>): string {
  const known = Object.keys(names)
    .filter((key) => name === key || (name.startsWith(key) && /[./]/.test(name[key.length]!)))
    .sort((a, b) => b.length - a.length)[0];
  return known === undefined ? name : names[known]! + name.slice(known.length);
}

/** Weights with what they are to become. */
export type NewValues = readonly { readonly weight: PlacedWeight; readonly values: Float32Array }[];

/** Compares what a file has with what a model needs; nothing is written. */
export function compare(
  all: readonly PlacedWeight[],
  chosen: readonly PlacedWeight[],
  named: ReadonlyMap<string, { original: string; tensor: StoredTensor }>,
  layout: WeightLayout,
  file: string,
): { report: WeightReport; values: NewValues } {
  const loaded: string[] = [];
  const missing: string[] = [];
  const misshapen: WeightReport['misshapen'][number][] = [];
  const values: NewValues[number][] = [];
  for (const weight of chosen) {
    const tensor = named.get(weight.name)?.tensor;
    if (tensor === undefined) {
      missing.push(layout === 'adjoint' ? weight.path : `${weight.path} ("${weight.name}")`);
      continue;
    }
    const expected = `F32 ${formatShape(weight.shape)}`;
    const received = `${tensor.dtype} ${formatShape(tensor.shape)}`;
    if (formatShape(tensor.shape) !== formatShape(weight.shape) || !FLOATS.includes(tensor.dtype)) {
      misshapen.push({ path: weight.path, expected, received });
      continue;
    }
    const read = readValues(tensor, 'float32', `tensor "${weight.name}" of ${file}`);
    values.push({ weight, values: unpermuted(read, weight.view, weight.axes) });
    loaded.push(weight.path);
  }
  const known = new Set(all.map(({ name }) => name));
  const extra = [...named].filter(([name]) => !known.has(name)).map(([, { original }]) => original);
  return { report: { loaded, missing, extra, misshapen }, values };
}

/** Overwrites weights; in the end, so that what is refused has changed nothing. */
export function assignAll(values: NewValues): void {
  for (const { weight, values: elements } of values) {
    const tensor = tf.tensor(elements, [...weight.handle.shape], 'float32');
    try {
      weight.handle.variable.assign(tensor);
    } finally {
      tensor.dispose();
    }
  }
}

/** The one error that tells all differences between a file's weights and a model's. */
export function differing(
  { missing, extra, misshapen, loaded }: WeightReport,
  wanted: number,
  where: string,
  { partial }: { readonly partial: boolean } = { partial: false },
): DataError {
  const shapes = misshapen.map(({ path, expected, received }) => `${path} is ${received}, not ${expected}`);
  const lines = [
    ...listed('missing', missing),
    ...listed('extra', extra.map(shownName)),
    ...listed('misshapen', shapes),
    ...(loaded.length === 0 ? ['nothing fits'] : []),
  ];
  return new DataError('weights-differ', {
    where,
    expected: `${partial ? 'some of ' : ''}the ${wanted} weights of the model, in their shapes${partial ? '' : ', and nothing else'}`,
    received: lines.join('\n'),
    fix: partial
      ? 'look at the names, and give rename or weightLayout'
      : 'if the file is of another model, give rename, weightLayout, only, or partial: true',
  });
}

export function listed(what: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > MOST_LISTED ? `, and ${items.length - MOST_LISTED} more` : '';
  return [`${what}: ${items.slice(0, MOST_LISTED).join(', ')}${more}`];
}

/** A name from a file: it may be long, and none may steer the terminal. */
export function shownName(name: string): string {
  if (/^[^\p{C}\p{Z}"]{1,80}$/u.test(name)) return name;
  return formatValue(name).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0)!.toString(16)}}`);
}

/** @throws OptionsError [invalid-option] */
export function checkPath(path: unknown, where: string): asserts path is string {
  // With `file://` it would be a folder of that name in the current one.
  const scheme = typeof path === 'string' ? /^[a-z][a-z\d+.-]+:\/\//i.exec(path)?.[0] : undefined;
  if (typeof path === 'string' && path !== '' && !path.includes('\0') && scheme === undefined) return;
  throw new OptionsError('invalid-option', {
    where,
    expected: 'a path',
    received: formatValue(path),
    fix: scheme === undefined ? undefined : `write the path of a file or folder on this machine, without ${scheme}`,
  });
}
