import { StateError } from '../core/errors.js';
import type { Batch } from '../data/example.js';
import type { StoredTensor } from '../storage/stored-tensor.js';
import type { ExecutionMode } from './execution-mode.js';
import type { Logs } from './logs.js';
import type { CallbackDispatcher } from './callback-dispatcher.js';
import { decodeState, encodeState, type CallbackState } from './callback-state.js';
import { disposeBatch, toDeviceBatch } from './device-batch.js';
import type { FitPlan } from './fit-plan.js';
import type { SettingLogs } from './setting-logs.js';
import { prepareRestore, type StoredTraining } from './restore-training.js';
import { differences, runSettings, type RunSettings } from './run-settings.js';
import type { TrainState } from './train-state.js';
import { TrainingSnapshot, type TrainingPosition } from './training-snapshot.js';

/** State of a run that lies in host memory. */
interface HostState {
  readonly gradientSums: Parameters<NonNullable<TrainState['gradientSums']>['restoreState']>[0] | null;
  readonly means: Parameters<TrainState['means']['restoreState']>[0];
  readonly rateChanged: boolean;
}

/** Takes down what a run of `fit` needs to go on, and puts it back. */
export class RunCheckpoints {
  private firstBatch: Batch | undefined;
  /** By class and ordinal, of the checkpoint that was held against the run. */
  private callbackStates: ReadonlyMap<string, CallbackState> = new Map();

  constructor(
    private readonly plan: FitPlan,
    private readonly callbacks: CallbackDispatcher,
    private readonly makeState: () => TrainState,
    private readonly settingLogs: SettingLogs,
    private readonly mode: () => ExecutionMode,
  ) {}

  /** @param batch - what every other batch of the run is like */
  begin({ x, y, sampleWeight, size }: Batch): void {
    const emptied = (array: Batch['x'] | undefined) => array && { ...array, values: array.values.subarray(0, 0) };
    this.firstBatch = { size, x: emptied(x)!, y: emptied(y), sampleWeight: emptied(sampleWeight) };
  }

  capture(position: TrainingPosition, logs: Logs): TrainingSnapshot {
    const { trained, modelName: model } = this.plan;
    const state = this.makeState();
    const optimizers = state.usedOptimizers();
    const arrays = new Map<string, StoredTensor>();
    const host: HostState = {
      gradientSums: state.gradientSums?.saveState() ?? null,
      means: state.means.saveState(),
      rateChanged: this.settingLogs.changed,
    };
    const record = {
      model,
      position,
      settings: this.settings(state),
      learningRates: optimizers.map(({ schedule, learningRate, options }) =>
        schedule !== null || learningRate === options.learningRate ? null : learningRate,
      ),
      optimizedWeights: optimizers.map((optimizer) => state.stateOf(optimizer).paths()),
      host: encodeState(host as unknown as CallbackState, 'host', arrays),
      logs: encodeState(logs, 'logs', arrays),
      callbacks: this.callbacks.saveStates(arrays),
    };
    return new TrainingSnapshot(trained.model, state, record, arrays);
  }

  /**
   * Holds a checkpoint against the run, and warns of what may make its numbers others.
   *
   * @returns what puts everything back but the callbacks' states, and returns the last epoch's logs
   * @throws StateError [other-run]
   */
  prepare(stored: StoredTraining, firstBatch: Batch): () => Logs {
    const { plan } = this;
    const state = this.makeState();
    this.rehearse(state, firstBatch);
    const settings = this.settings(state);
    const write = prepareRestore(stored, { model: plan.trained.model, state, settings, where: plan.where });
    const { record } = stored;
    const host = readHost(decodeState(record.host, stored.state), stored);
    const logs = readLogs(decodeState(record.logs, stored.state), stored);
    this.callbackStates = statesOf(stored);
    const other = differences(record.settings.noted, settings.noted);
    if (other.length > 0) {
      plan.logger.warn(
        `${plan.where} goes on from a checkpoint that was made otherwise, so that the numbers may differ in their last ` +
          `bits, or more: ${other.join('; ')}`,
      );
    }
    return () => {
      write();
      if (host.gradientSums !== null) state.gradientSums?.restoreState(host.gradientSums);
      state.means.restoreState(host.means);
      this.settingLogs.changed = host.rateChanged;
      for (const [i, optimizer] of state.usedOptimizers().entries()) {
        const { learningRate } = optimizer.options;
        if (typeof learningRate === 'number') optimizer.learningRate = record.learningRates[i] ?? learningRate;
      }
      return logs;
    };
  }

  restoreCallbacks({ folder }: StoredTraining): void {
    const unused = this.callbacks.restoreStates(this.callbackStates);
    if (unused.length === 0) return;
    this.plan.logger.warn(
      `${this.plan.where} has no use for the state of ${unused.join(', ')} in "${folder}": it has no such callback.`,
    );
  }

  private settings(state: TrainState): RunSettings {
    const { trained, data, gated } = this.plan;
    return runSettings(trained.model, trained.plan, state.usedOptimizers(), data, this.firstBatch!, gated, this.mode());
  }

  private rehearse(state: TrainState, batch: Batch): void {
    const device = toDeviceBatch(this.plan.prepareBatch(batch));
    try {
      this.plan.rehearse(state, device);
    } finally {
      disposeBatch(device);
    }
  }
}

function statesOf({ record, state }: StoredTraining): Map<string, CallbackState> {
  return new Map(Object.entries(record.callbacks).map(([name, json]) => [name, decodeState(json, state)]));
}

/** @throws StateError [training-record] where it is not what `capture` takes down */
function readHost(host: CallbackState, { folder }: StoredTraining): HostState {
  const { gradientSums, means, rateChanged } = fieldsOf(host);
  const { pending, reached } = fieldsOf(gradientSums);
  const isWhole =
    (gradientSums === null || (Number.isSafeInteger(pending) && Array.isArray(reached))) &&
    typeof means === 'object' &&
    means !== null &&
    Object.values(fieldsOf(means)).every((sum) => ['total', 'count'].every((key) => isNumber(fieldsOf(sum)[key]))) &&
    typeof rateChanged === 'boolean';
  if (isWhole) return host as unknown as HostState;
  throw otherForm('host', folder);
}

/** @throws StateError [training-record] */
function readLogs(logs: CallbackState, { folder }: StoredTraining): Logs {
  if (Object.values(fieldsOf(logs)).every(isNumber)) return logs as Logs;
  throw otherForm('logs', folder);
}

function otherForm(part: string, folder: string): StateError {
  return new StateError('training-record', {
    where: `"${part}" in training.json of checkpoint "${folder}"`,
    expected: 'what Adjoint writes of a training',
    received: 'JSON of another form',
    fix: 'remove this checkpoint, so that an older one is used',
  });
}

function fieldsOf(state: CallbackState | undefined): Readonly<Record<string, CallbackState | undefined>> {
  return typeof state === 'object' && state !== null ? (state as Readonly<Record<string, CallbackState>>) : {};
}

function isNumber(state: CallbackState | undefined): boolean {
  return typeof state === 'number';
}

/** Whether nothing is left to be trained; `null`, or why. */
export function whyFinished({ epoch, stopReason }: TrainingPosition, epochs: number): string | null {
  if (stopReason !== null) return `it was stopped: ${stopReason}`;
  return epoch >= epochs ? `${epoch} of ${epochs} epochs are done` : null;
}

/** How a run that goes on says so. */
export function describeResumed({ folder, record: { position } }: StoredTraining, epochs: number): string {
  const finished = whyFinished(position, epochs);
  if (finished !== null) return `has nothing left to do: by "${folder}" ${finished}.`;
  const steps = position.step > 0 ? `, after ${position.step} of its steps` : '';
  return `goes on from "${folder}": epoch ${position.epoch + 1} of ${epochs}${steps}.`;
}
