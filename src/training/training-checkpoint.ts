import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { CallbackError, StateError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { encodeJson, isJsonObject, parseJson, type JsonObject, type JsonValue } from '../storage/checked-json.js';
import { CheckpointStore, type NewestCheckpoint } from '../storage/checkpoint-store.js';
import { readWholeFile } from '../storage/read-file.js';
import { summaryOf } from '../storage/read-folder.js';
import { readSafetensorsFile } from '../storage/safetensors-file.js';
import { encodeSafetensors } from '../storage/safetensors.js';
import type { FolderContent } from '../storage/write-folder.js';
import { codeOf } from '../storage/write-file.js';
import type { StoredTraining } from './restore-training.js';
import type { TrainingRecord, TrainingSnapshot } from './training-snapshot.js';

/** Names of a checkpoint's files; weights stand apart, so that they can be loaded by themselves. */
const PARTS = { weights: 'weights.safetensors', state: 'state.safetensors', record: 'training.json' } as const;
/** A history of many epochs, by far the largest part, has some dozens of bytes a number. */
const MOST_RECORD_BYTES = 100e6;

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
 * @throws StateError [no-complete-checkpoint | weights-only]; DataError where the folder cannot be read
 */
export async function readTraining(directory: string, logger: Logger, where: string): Promise<StoredTraining | null> {
  if (!(await exists(directory))) return null;
  const { checkpoint, skipped } = await new CheckpointStore(directory).newestComplete();
  if (checkpoint === undefined) {
    if (skipped.length === 0) return null;
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
  if (!(await exists(directory))) return;
  const [newest] = await new CheckpointStore(directory).list();
  if (newest === undefined) return;
  throw new CallbackError('folder-in-use', {
    where: `option "directory" of callback "${callback}"`,
    expected: 'a folder without checkpoints, for a run that begins anew',
    received: `${newest.name} in "${directory}"`,
    fix: `pass resume: ${JSON.stringify(directory)} to fit to go on from there, choose another folder, or remove it`,
  });
}

async function exists(directory: string): Promise<boolean> {
  try {
    await readdir(directory);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    // The store says what is wrong with the folder.
    return true;
  }
}

/** What stands in the way of a later checkpoint of the same step; nothing is removed. */
async function setAside(directory: string, name: string): Promise<void> {
  await rename(join(directory, name), join(directory, `${name}.damaged-${Date.now()}`)).catch(() => undefined);
}

/** The parts that are used without a look at their names; the rest is held against the run. */
function parseRecord(json: JsonValue, place: string): TrainingRecord {
  const record = (isJsonObject(json) ? json : {}) as unknown as TrainingRecord;
  const { position, settings, learningRates, optimizedWeights, callbacks, host, logs } = record;
  const counts = [position?.epoch, position?.step, position?.totalSteps, position?.pass, position?.taken];
  const isWhole =
    counts.every((count) => Number.isSafeInteger(count) && count >= 0) &&
    ['begin', 'steps', 'validation'].includes(position.next) &&
    (position.stopReason === null || typeof position.stopReason === 'string') &&
    [settings?.binding, settings?.noted, callbacks, host, logs].every((part) => isJsonObject(part as JsonValue)) &&
    Array.isArray(learningRates) &&
    Array.isArray(optimizedWeights);
  if (isWhole) return record;
  throw new StateError('training-record', {
    where: `${PARTS.record} of ${place}`,
    expected: 'what Adjoint writes of a training',
    received: 'JSON of another form',
    fix: 'remove this checkpoint, so that an older one is used',
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
