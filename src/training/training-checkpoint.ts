import { readdir, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CallbackError, DataError, StateError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { encodeJson, isJsonObject, parseJson, type JsonObject, type JsonValue } from '../storage/checked-json.js';
import { CheckpointStore, type NewestCheckpoint } from '../storage/checkpoint-store.js';
import { readWholeFile } from '../storage/read-file.js';
import { summaryOf } from '../storage/read-folder.js';
import { readSafetensorsFile } from '../storage/safetensors-file.js';
import { encodeSafetensors } from '../storage/safetensors.js';
import type { FolderContent } from '../storage/write-folder.js';
import { MANIFEST_NAME } from '../storage/manifest.js';
import { codeOf } from '../storage/write-file.js';
import type { StoredTraining } from './restore-training.js';
import type { TrainingRecord, TrainingSnapshot } from './training-snapshot.js';

/** Names of a checkpoint's files; weights stand apart, so that they can be loaded by themselves. */
const PARTS = { weights: 'weights.safetensors', state: 'state.safetensors', record: 'training.json' } as const;
/** A history of many epochs, by far the largest part, has some dozens of bytes a number. */
const MOST_RECORD_BYTES = 100e6;
/** Names of checkpoints have 15 digits at most; a greater count could not be counted on. */
const MOST_STEPS = 1e15 - 1;

/** What goes into the folder of a checkpoint; brings the snapshot's values to host memory. */
export async function checkpointContent(
  snapshot: TrainingSnapshot,
  only: 'weights' | 'all',
): Promise<Omit<FolderContent, 'format'>> {
  const { record } = snapshot;
  const { epoch, step, totalSteps } = record.position;
  const meta = { holds: only === 'all' ? 'training' : 'weights', model: record.model, epoch, step, totalSteps };
  const { weights, state } = await snapshot.download(only);
  const named = new Map([['model', record.model]]);
  const weightsPart = { name: PARTS.weights, pieces: encodeSafetensors(weights, named) };
  if (only === 'weights') return { meta, parts: [weightsPart] };
  const json = encodeJson(record as unknown as JsonObject, `the record of ${record.model}`, 1);
  const parts = [
    weightsPart,
    { name: PARTS.state, pieces: encodeSafetensors(state) },
    { name: PARTS.record, pieces: [json] },
  ];
  return { meta, parts };
}

/**
 * Reads the newest complete checkpoint of a folder; says which newer ones are damaged, and sets them aside.
 *
 * @param where - how errors name the run that asks
 * @returns `null` where there is none, damaged or not, or no such folder
 * @throws StateError [no-complete-checkpoint | weights-only | not-checkpoints]; DataError where the folder cannot be read
 */
export async function readTraining(directory: string, logger: Logger, where: string): Promise<StoredTraining | null> {
  if (!(await exists(directory, `option "resume" of ${where}`))) return null;
  const { checkpoint, skipped } = await new CheckpointStore(directory).newestComplete();
  if (checkpoint === undefined) {
    if (skipped.length === 0) {
      if ((await readdir(directory)).includes(MANIFEST_NAME)) throw notCheckpoints(directory, where);
      return null;
    }
    throw noneComplete(directory, where, skipped);
  }
  for (const { name, problems } of skipped) {
    logger.warn(
      `Checkpoint ${name} in "${directory}" is damaged (${problems.map(summaryOf).join('; ')}); ` +
        `${checkpoint.name}, the newest complete one, is used.`,
    );
    await setAside(directory, name);
  }
  const { path, manifest } = checkpoint;
  const place = `checkpoint "${path}"`;
  if (manifest.meta['holds'] !== 'training') throw weightsOnly(path, where);
  const [weights, state, bytes] = await Promise.all([
    readSafetensorsFile(join(path, PARTS.weights), `${PARTS.weights} of ${place}`),
    readSafetensorsFile(join(path, PARTS.state), `${PARTS.state} of ${place}`),
    readWholeFile(join(path, PARTS.record), MOST_RECORD_BYTES, `${PARTS.record} of ${place}`),
  ]);
  const record = parseRecord(parseJson(bytes, `${PARTS.record} of ${place}`), place);
  return { folder: path, record, weights: weights.tensors, state: state.tensors };
}

/** @throws CallbackError [folder-in-use] where checkpoints of another run lie, among which this run's would be lost */
export async function refuseCheckpointsOf(directory: string, callback: string): Promise<void> {
  const [newest] = await new CheckpointStore(directory).list();
  if (newest === undefined) return;
  throw new CallbackError('folder-in-use', {
    where: `option "directory" of callback "${callback}"`,
    expected: 'a folder without checkpoints, for a run that begins anew',
    received: `${newest.name} in "${directory}"`,
    fix: `pass resume: ${JSON.stringify(directory)} to fit to go on from there, choose another folder, or remove it`,
  });
}

async function exists(directory: string, where: string): Promise<boolean> {
  try {
    await readdir(directory);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw new DataError('no-such-folder', {
      where,
      expected: 'a folder of checkpoints, or a path where there is nothing yet',
      received: `${JSON.stringify(directory)}: ${(error as Error).message}`,
      fix: 'pass the folder that was given to a Backup or ModelCheckpoint',
      cause: error,
    });
  }
}

/** What stands in the way of a later checkpoint of the same step; nothing is removed. */
async function setAside(directory: string, name: string): Promise<void> {
  await rename(join(directory, name), join(directory, `${name}.damaged-${Date.now()}`)).catch(() => undefined);
}

/** What is used without being held against the run; a folder's hashes tell damage, and not who wrote it. */
function parseRecord(json: JsonValue, place: string): TrainingRecord {
  const record = (isJsonObject(json) ? json : {}) as JsonObject;
  const { settings } = record;
  const isWhole =
    isPosition(record['position']) &&
    isJsonObject(settings) &&
    [settings['binding'], settings['noted'], record['callbacks'], record['host'], record['logs']].every(isJsonObject) &&
    isListOf(record['learningRates'], (rate) => rate === null || (isNumber(rate) && rate >= 0)) &&
    isListOf(record['optimizedWeights'], (paths) => isListOf(paths, (path) => typeof path === 'string'));
  if (isWhole) return record as unknown as TrainingRecord;
  throw new StateError('training-record', {
    where: `${PARTS.record} of ${place}`,
    expected: 'what Adjoint writes of a training',
    received: 'JSON of another form',
    fix: 'remove this checkpoint, so that an older one is used',
  });
}

function isPosition(json: JsonValue | undefined): boolean {
  if (!isJsonObject(json)) return false;
  const { epoch, next, step, totalSteps, examples, milliseconds, pass, taken, stopReason } = json;
  return (
    [epoch, step, totalSteps, examples, pass, taken].every((count) => isNumber(count) && isCount(count)) &&
    [step, taken].every((part) => Number(part) <= Number(totalSteps)) &&
    isNumber(milliseconds) &&
    milliseconds >= 0 &&
    ['begin', 'steps', 'validation'].includes(next as string) &&
    (stopReason === null || typeof stopReason === 'string')
  );
}

function isNumber(json: JsonValue | undefined): json is number {
  return typeof json === 'number';
}

function isCount(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0 && number <= MOST_STEPS;
}

function isListOf(json: JsonValue | undefined, fits: (item: JsonValue) => boolean): boolean {
  return Array.isArray(json) && (json as readonly JsonValue[]).every(fits);
}

function notCheckpoints(directory: string, where: string): StateError {
  return new StateError('not-checkpoints', {
    where: `option "resume" of ${where}`,
    expected: 'the folder that was given to a Backup or ModelCheckpoint, in which each checkpoint has its folder',
    received: `"${directory}", which is one checkpoint, or a model: it has a ${MANIFEST_NAME}`,
    fix: `pass the folder above it, ${JSON.stringify(dirname(resolve(directory)))}, or use loadModel for a model`,
  });
}

function noneComplete(directory: string, where: string, skipped: NewestCheckpoint['skipped']): StateError {
  return new StateError('no-complete-checkpoint', {
    where: `option "resume" of ${where}`,
    expected: `at least one complete checkpoint in "${directory}"`,
    received: skipped.map(({ name, problems }) => `${name}: ${problems.map(summaryOf).join('; ')}`).join('\n'),
    fix: 'restore the folder from another copy, or remove it to begin anew',
  });
}

function weightsOnly(folder: string, where: string): StateError {
  return new StateError('weights-only', {
    where: `option "resume" of ${where}`,
    expected: 'a checkpoint of a training',
    received: `weights alone, in "${folder}"`,
    fix: 'resume from the folder of a Backup, or of a ModelCheckpoint without saveWeightsOnly',
  });
}
