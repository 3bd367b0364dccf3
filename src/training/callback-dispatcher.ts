import { CallbackError, OptionsError, StateError, type AdjointError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { CallbackContract, HookName, TrainingRun } from './callback-contract.js';

type Arguments<H extends HookName> = Parameters<NonNullable<CallbackContract[H]>>;

/** Calls hooks in the order of the callbacks; who does not override a hook is not called for it. */
export class CallbackDispatcher {
  private readonly listeners = new Map<HookName, CallbackContract[]>();
  private readonly attached: CallbackContract[] = [];

  /** @throws OptionsError [not-a-callback] */
  constructor(private readonly callbacks: readonly CallbackContract[]) {
    for (const callback of callbacks) refuseOther(callback);
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

  async dispatch<H extends HookName>(hook: H, ...values: Arguments<H>): Promise<void> {
    for (const callback of this.listening(hook)) {
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
function named(error: unknown, callback: CallbackContract, method: HookName | 'attach' | 'detach'): AdjointError {
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
