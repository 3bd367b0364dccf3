import { CallbackError, OptionsError, StateError, type AdjointError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { JsonValue } from '../storage/checked-json.js';
import type { StoredTensor } from '../storage/stored-tensor.js';
import type { CallbackContract, HookName, TrainingRun } from './callback-contract.js';
import { encodeState, type CallbackState } from './callback-state.js';
import type { CheckpointPoint } from './checkpoint-contract.js';
import { CheckpointSchedule } from './checkpoint-schedule.js';
import type { ProbeReading } from './probe-contract.js';
import { ProbeSchedule } from './probe-schedule.js';

type Arguments<H extends HookName> = Parameters<NonNullable<CallbackContract[H]>>;

/** Calls hooks in the order of the callbacks; who does not override a hook is not called for it. */
export class CallbackDispatcher {
  private readonly listeners = new Map<HookName, CallbackContract[]>();
  private readonly attached: CallbackContract[] = [];
  /** Which steps are measured. */
  readonly probes: ProbeSchedule;
  /** After which steps checkpoints are made. */
  readonly checkpoints: CheckpointSchedule;

  /** @throws OptionsError [not-a-callback] */
  constructor(readonly callbacks: readonly CallbackContract[]) {
    for (const callback of callbacks) refuseOther(callback);
    this.probes = new ProbeSchedule(callbacks);
    this.checkpoints = new CheckpointSchedule(callbacks);
  }

  /** Whether any callback asks that a non-finite step leaves the state as it was. */
  get gatesNonFinite(): boolean {
    return this.callbacks.some((callback) => callback.gatesNonFinite === true);
  }

  /** Where one refuses, `detach` frees those before it; the refusing one may serve another run. */
  attach(run: TrainingRun): void {
    for (const callback of this.callbacks) {
      try {
        callback.attach(run);
      } catch (error) {
        throw named(error, callback, 'attach');
      }
      this.attached.push(callback);
    }
  }

  /** Tells of the error that ended training; what a callback throws on hearing it must not hide it. */
  fail(error: unknown): void {
    for (const callback of this.attached) {
      try {
        callback.onTrainError?.(error);
      } catch {
        continue;
      }
    }
  }

  /** Detaches every attached callback, also where one of them throws; then throws the first of these errors. */
  detach(): void {
    const errors: unknown[] = [];
    for (const callback of this.attached.splice(0)) {
      try {
        callback.detach?.();
      } catch (error) {
        errors.push(named(error, callback, 'detach'));
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Whether anybody listens: what nobody hears need not be computed. */
  hears(hook: HookName): boolean {
    return this.listening(hook).length > 0;
  }

  /** Whether a callback has to be called for each batch. */
  get wantsEveryBatch(): boolean {
    const listeners = [...this.listening('onBatchBegin'), ...this.listening('onBatchEnd')];
    return listeners.some((callback) => callback.everyBatch !== false);
  }

  dispatch<H extends HookName>(hook: H, ...values: Arguments<H>): Promise<void> {
    return this.call(this.listening(hook), hook, ...values);
  }

  /** Tells what was measured in a step to those who asked for it. */
  async tell(reading: ProbeReading): Promise<void> {
    await this.call(this.probes.listeners(reading.totalSteps, this.callbacks), 'onProbe', reading);
  }

  /** Has these callbacks make a checkpoint where they want to. */
  async saveCheckpoints(callbacks: readonly CallbackContract[], point: CheckpointPoint): Promise<void> {
    for (const callback of callbacks) {
      try {
        await callback.saveCheckpoint?.(point);
      } catch (error) {
        throw named(error, callback, 'saveCheckpoint');
      }
    }
  }

  /** States by class and ordinal; their arrays go into `arrays`. */
  saveStates(arrays: Map<string, StoredTensor>): Record<string, JsonValue> {
    const states: Record<string, JsonValue> = {};
    for (const [name, callback] of this.numbered()) {
      try {
        if (callback.saveState !== undefined) {
          states[name] = encodeState(callback.saveState(), `callbacks/${name}`, arrays);
        }
      } catch (error) {
        throw named(error, callback, 'saveState');
      }
    }
    return states;
  }

  /** @returns names of the states that no callback took */
  restoreStates(states: ReadonlyMap<string, CallbackState>): string[] {
    const unused = new Set(states.keys());
    for (const [name, callback] of this.numbered()) {
      const state = states.get(name);
      if (state === undefined || callback.restoreState === undefined) continue;
      try {
        callback.restoreState(state);
      } catch (error) {
        throw named(error, callback, 'restoreState');
      }
      unused.delete(name);
    }
    return [...unused];
  }

  /** With the class's name and how many of it came before: `EarlyStopping 0`. */
  private numbered(): [name: string, callback: CallbackContract][] {
    const seen = new Map<string, number>();
    return this.callbacks.map((callback) => {
      const ordinal = seen.get(callback.name) ?? 0;
      seen.set(callback.name, ordinal + 1);
      return [`${callback.name} ${ordinal}`, callback];
    });
  }

  private async call<H extends HookName>(
    callbacks: readonly CallbackContract[],
    hook: H,
    ...values: Arguments<H>
  ): Promise<void> {
    for (const callback of callbacks) {
      try {
        await (callback[hook] as (...all: Arguments<H>) => void | Promise<void>).apply(callback, values);
      } catch (error) {
        throw named(error, callback, hook);
      }
    }
  }

  private listening(hook: HookName): CallbackContract[] {
    let found = this.listeners.get(hook);
    if (found === undefined) {
      found = this.callbacks.filter((callback) => typeof callback[hook] === 'function');
      this.listeners.set(hook, found);
    }
    return found;
  }
}

function refuseOther(callback: unknown): void {
  if (typeof (callback as CallbackContract | null | undefined)?.attach === 'function') return;
  throw new OptionsError('not-a-callback', {
    where: 'option "callbacks"',
    expected: 'objects of classes that extend BaseCallback',
    received: formatValue(callback),
    fix:
      typeof callback === 'function' && callback.name !== ''
        ? `write new ${callback.name}()`
        : 'wrap functions in new LambdaCallback({ onEpochEnd: ... })',
  });
}

/** A callback's own refusals are CallbackErrors already and say more than this could. */
function named(
  error: unknown,
  callback: CallbackContract,
  method: HookName | 'attach' | 'detach' | 'saveCheckpoint' | 'saveState' | 'restoreState',
): AdjointError {
  if (error instanceof CallbackError) return error;
  if (method === 'attach' && error instanceof StateError) return error;
  return new CallbackError('callback-threw', {
    where: `${method} of callback "${callback.name}"`,
    expected: `${method} to return`,
    received: describe(error),
    fix: 'mend the callback; the model stands as the last finished step left it',
    cause: error,
  });
}

function describe(error: unknown): string {
  const { name, message } = (typeof error === 'object' && error !== null ? error : {}) as Partial<Error>;
  if (typeof message !== 'string') return String(error);
  return typeof name === 'string' && !message.startsWith(name) ? `${name}: ${message}` : message;
}
