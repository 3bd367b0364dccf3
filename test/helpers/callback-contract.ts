import { describe, expect, it } from '@jest/globals';
import type { BaseCallback } from '../../src/callbacks/callback.js';
import { ownDeclaration } from '../../src/core/declaration.js';
import { CallbackError, OptionsError } from '../../src/core/errors.js';
import { HOOKS, type CallbackContract, type HookName } from '../../src/training/callback-contract.js';
import { FakeRun, type FakeRunPlan } from './fake-run.js';

type Hook = (...values: unknown[]) => void | Promise<void>;

/** What {@link callbackContract} needs to know of a class. */
export interface CallbackCase<C, O extends object> {
  /** A valid set of options that sets every one away from its default. */
  readonly options: O;
  /** Whether it cannot be made without options. Default false. */
  readonly required?: boolean;
  /** Each is refused with a text that matches. */
  readonly refused?: readonly (readonly [options: object, message: RegExp])[];
  /** What users read of the callback after a run. */
  readonly results?: (callback: C) => unknown;
}

const plan: FakeRunPlan = { verbose: 1, validation: () => ({ val_loss: 0.5 }) };

/** Hooks that an object has, each replaced by one that also notes its name. */
function recordHooks(callback: object, calls: string[]): HookName[] {
  const hooks = callback as Record<string, unknown>;
  const own = HOOKS.filter((hook) => typeof hooks[hook] === 'function');
  for (const hook of own) {
    const original = hooks[hook] as Hook;
    hooks[hook] = (...values: unknown[]) => {
      calls.push(hook);
      return original.apply(callback, values);
    };
  }
  return own;
}

/** A callback that does something in one hook. */
export function inHook(hook: HookName, action: Hook, attach: CallbackContract['attach'] = () => {}): CallbackContract {
  return { name: 'Other', attach, [hook]: action };
}

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

/** What every callback keeps to; called once for each class. */
export function callbackContract<C extends BaseCallback<object>, O extends object>(
  callbackClass: new (options?: O) => C,
  { options, required = false, refused = [], results = () => null }: CallbackCase<C, O>,
): void {
  const make = (): C => new callbackClass(options);

  describe(`${callbackClass.name} keeps the callback contract`, () => {
    it('is declared under a name of its own', () => {
      expect(ownDeclaration(callbackClass)?.kind).toBe('callback');
      expect(ownDeclaration(callbackClass)?.name).toMatch(/^[\w.-]+\/[\w.-]+$/);
      expect(make().name).toBe(callbackClass.name);
    });

    it('gives its options back, frozen, and takes them again', () => {
      const callback = make();
      expect(callback.options).toMatchObject(options);
      expect(Object.isFrozen(callback.options)).toBe(true);
      expect(new callbackClass({ ...callback.options } as O).options).toEqual(callback.options);
      if (!required) expect(() => new callbackClass()).not.toThrow();
    });

    it('refuses unknown options and invalid values, naming itself', () => {
      const unknown = () => new callbackClass({ noSuchOption: 1 } as unknown as O);
      expect(unknown).toThrow(OptionsError);
      expect(unknown).toThrow(new RegExp(`unknown-option.*noSuchOption.*${callbackClass.name}`));
      for (const [bad, message] of refused) {
        const refusal = () => new callbackClass(bad as O);
        expect(refusal).toThrow(OptionsError);
        expect(refusal).toThrow(message);
      }
    });

    it('has its hooks called in the order of HOOKS', async () => {
      const calls: string[] = [];
      const callback = make();
      const own = recordHooks(callback, calls);
      await new FakeRun(plan).train(callback);
      expect(calls).toEqual(own);
    });

    it('knows its run during the run only', async () => {
      const callback = make() as unknown as { run: unknown } & CallbackContract;
      const run = new FakeRun(plan);
      let seen: unknown;
      const peek = inHook('onBatchEnd', () => {
        seen = callback.run;
      });
      await run.train(callback, peek);
      expect(seen).toBe(run);
      expect(() => callback.run).toThrow(/callback-not-attached/);
    });

    it('is detached and usable again after another callback threw', async () => {
      for (const hook of HOOKS) {
        const callback = make();
        const boom = inHook(hook, () => Promise.reject(new Error('boom')));
        await expect(new FakeRun(plan).train(callback, boom)).rejects.toThrow(/boom/);
        expect(() => (callback as unknown as { run: unknown }).run).toThrow(/callback-not-attached/);
        await new FakeRun(plan).train(callback);
      }
    });

    it('is named, with its hook, where it throws', async () => {
      for (const hook of HOOKS) {
        const callback = make();
        const cause = new TypeError('boom');
        Object.assign(callback, { [hook]: () => Promise.reject(cause) });
        const error: unknown = await new FakeRun(plan).train(callback).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(CallbackError);
        expect((error as CallbackError).where).toBe(`${hook} of callback "${callbackClass.name}"`);
        expect((error as CallbackError).received).toContain('TypeError: boom');
        expect((error as CallbackError).cause).toBe(cause);
      }
    });

    it('processes no batch after a stop, and ends well', async () => {
      const calls: string[] = [];
      const callback = make();
      const own = recordHooks(callback, calls);
      const run = new FakeRun({ ...plan, epochs: 3, steps: 3 });
      await run.train(
        inHook('onBatchBegin', () => run.stop('enough')),
        callback,
      );
      const whole: HookName[] = [
        'onTrainBegin',
        'onEpochBegin',
        'onBatchBegin',
        'onProbe',
        'onBatchEnd',
        'onEpochEnd',
        'onTrainEnd',
      ];
      expect(calls).toEqual(whole.filter((hook) => own.includes(hook)));
      expect(run.stopReason).toBe('enough');
    });

    it('serves a second run as it served the first', async () => {
      const callback = make();
      const first = new FakeRun({ ...plan, epochs: 2, steps: 2 });
      const second = new FakeRun({ ...plan, epochs: 2, steps: 2 });
      await first.train(callback);
      const afterFirst = results(callback);
      await second.train(callback);
      expect(results(callback)).toEqual(afterFirst);
      expect([second.kernel, second.stopReason]).toEqual([first.kernel, first.stopReason]);
    });

    it('refuses a second run while the first goes on', async () => {
      const callback = make();
      const nested = inHook('onBatchBegin', () => new FakeRun(plan).train(callback).then(() => undefined));
      await expect(new FakeRun(plan).train(callback, nested)).rejects.toThrow(/callback-attached/);
    });

    it('holds no timer, neither in a run nor after', async () => {
      const before = timers();
      let during = -1;
      const count = inHook('onBatchEnd', () => {
        during = timers();
      });
      await new FakeRun(plan).train(make(), count);
      expect([during, timers()]).toEqual([before, before]);
    });
  });
}
