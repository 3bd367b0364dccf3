import { StateError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type DataType } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import { readValues, type HostType, type StoredTensor } from '../storage/stored-tensor.js';
import { PREVIOUS_GRADIENT } from './previous-gradients.js';
import { differences, type RunSettings } from './run-settings.js';
import type { TrainState } from './train-state.js';
import { namedVariables, type SnapshotTensors, type TrainingRecord } from './training-snapshot.js';
import type { Trainable } from './trainable.js';

/** How many differences an error lists. */
const MOST_LISTED = 12;

/** A checkpoint of a training as it was read. */
export interface StoredTraining extends SnapshotTensors {
  /** The folder it was read from. */
  readonly folder: string;
  readonly record: TrainingRecord;
}

/** A run that is to go on from a checkpoint. */
interface Resuming {
  readonly model: Trainable;
  readonly state: TrainState;
  readonly settings: RunSettings;
  /** How errors name the run. */
  readonly where: string;
}

/**
 * Holds a checkpoint against a run; nothing is written before everything fits.
 *
 * @returns what writes it
 * @throws StateError [other-run] with a list of what differs
 */
export function prepareRestore(stored: StoredTraining, run: Resuming): () => void {
  const { model, state, settings } = run;
  const before = namedVariables(model, state);
  const found = [
    ...differences(stored.record.settings.binding, settings.binding),
    ...compare('weight', stored.weights, before.weights),
  ];
  if (found.length > 0) throw otherRun(stored, run, found);
  makeMissing(stored, run, before.weights);
  const now = namedVariables(model, state);
  const arrays = (name: string): boolean => name.startsWith('callbacks/') || name.startsWith('logs/');
  const variables = new Map([...stored.state].filter(([name]) => !arrays(name)));
  const others = compare('state', variables, now.state);
  if (others.length > 0) throw otherRun(stored, run, others);
  const writes = [
    ...[...now.weights].map(([name, variable]) => [variable, stored.weights.get(name)!, name] as const),
    ...[...now.state].map(([name, variable]) => [variable, variables.get(name)!, name] as const),
  ].map(([variable, tensor, name]) => ({ variable, values: readValues(tensor, hostType(variable.dtype), name) }));
  return () => {
    for (const { variable, values } of writes) {
      tf.tidy(() => variable.assign(tf.tensor(values, [...variable.shape], variable.dtype as 'float32')));
    }
  };
}

/** State of weights that were trained, or measured, earlier in the run than now. */
function makeMissing(
  { record, state: saved }: StoredTraining,
  { state }: Resuming,
  weights: Map<string, Variable>,
): void {
  for (const [i, optimizer] of state.usedOptimizers().entries()) {
    for (const path of record.optimizedWeights[i] ?? []) {
      const variable = weights.get(path);
      if (variable !== undefined) state.ensureWeight(optimizer, path, variable);
    }
  }
  for (const name of saved.keys()) {
    if (!name.startsWith(PREVIOUS_GRADIENT)) continue;
    const path = name.slice(PREVIOUS_GRADIENT.length);
    const variable = weights.get(path);
    if (variable !== undefined) state.previousGradients.ensureWeight(path, variable.shape);
  }
}

function compare(
  kind: 'weight' | 'state',
  saved: ReadonlyMap<string, StoredTensor>,
  now: ReadonlyMap<string, Variable>,
): string[] {
  const names = [...new Set([...saved.keys(), ...now.keys()])];
  return names.flatMap((name) => {
    const [before, after] = [saved.get(name), now.get(name)];
    const wanted = after && `${hostType(after.dtype)} ${formatShape(after.shape)}`;
    const given = before && `${TYPE_NAMES[before.dtype] ?? before.dtype} ${formatShape(before.shape)}`;
    if (given === wanted) return [];
    if (given === undefined) return [`${kind} "${name}": not in the checkpoint, ${wanted} now`];
    if (wanted === undefined) return [`${kind} "${name}": ${given} in the checkpoint, not there now`];
    return [`${kind} "${name}": ${given} in the checkpoint, ${wanted} now`];
  });
}

const TYPE_NAMES: Partial<Record<StoredTensor['dtype'], HostType>> = { F32: 'float32', I32: 'int32', BOOL: 'bool' };

function hostType(dtype: DataType): HostType {
  return dtype === 'int32' || dtype === 'bool' ? dtype : 'float32';
}

function otherRun({ folder }: StoredTraining, { where }: Resuming, found: readonly string[]): StateError {
  const more = found.length - MOST_LISTED;
  return new StateError('other-run', {
    where: `option "resume" of ${where}`,
    expected: `the model, the plan and the data that the checkpoint "${folder}" was made with`,
    received: [...found.slice(0, MOST_LISTED), ...(more > 0 ? [`and ${more} more differences`] : [])].join('\n'),
    fix: 'build, compile and fit as in the run that was interrupted, or begin anew in an empty folder',
  });
}
