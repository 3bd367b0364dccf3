import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { AdjointError, CallbackError, ShapeError } from '../../src/core/errors.js';
import { HOOKS, type CallbackContract, type HookName } from '../../src/training/callback-contract.js';
import { CallbackDispatcher } from '../../src/training/callback-dispatcher.js';
import { FakeRun } from '../helpers/fake-run.js';

function noting(name: string, hooks: readonly HookName[], calls: string[]): CallbackContract {
  const methods = Object.fromEntries(hooks.map((hook) => [hook, () => void calls.push(`${name}.${hook}`)]));
  return {
    name,
    attach: () => void calls.push(`${name}.attach`),
    detach: () => void calls.push(`${name}.detach`),
    ...methods,
  };
}

async function failure(promise: Promise<unknown>): Promise<CallbackError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CallbackError);
  return error as CallbackError;
}

describe('CallbackDispatcher', () => {
  it('calls the hooks of a run of one epoch of one batch in the order of HOOKS', async () => {
    const calls: string[] = [];
    await new FakeRun({ validation: () => ({ val_loss: 1 }) }).train(noting('a', HOOKS, calls));
    expect(calls).toEqual(['a.attach', ...HOOKS.map((hook) => `a.${hook}`), 'a.detach']);
  });

  it('calls callbacks in the order in which they were given', async () => {
    const calls: string[] = [];
    const dispatcher = new CallbackDispatcher(['a', 'b', 'c'].map((name) => noting(name, ['onEpochBegin'], calls)));
    await dispatcher.dispatch('onEpochBegin', 0);
    expect(calls).toEqual(['a.onEpochBegin', 'b.onEpochBegin', 'c.onEpochBegin']);
  });

  it('tells which hooks anybody hears', () => {
    const dispatcher = new CallbackDispatcher([noting('a', ['onEpochEnd'], []), noting('b', ['onBatchEnd'], [])]);
    expect(HOOKS.filter((hook) => dispatcher.hears(hook))).toEqual(['onBatchEnd', 'onEpochEnd']);
    expect(new CallbackDispatcher([]).hears('onBatchEnd')).toBe(false);
  });

  it('looks a hook up once for a run, and never on a callback without it again', async () => {
    let lookups = 0;
    const callback = new Proxy(noting('a', [], []), {
      get(target, key, receiver) {
        if (key === 'onBatchEnd') lookups += 1;
        return Reflect.get(target, key, receiver) as unknown;
      },
    });
    const dispatcher = new CallbackDispatcher([callback]);
    for (let batch = 0; batch < 1000; batch++) await dispatcher.dispatch('onBatchEnd', batch, { loss: 1 });
    expect(lookups).toBe(1);
  });

  it('passes the arguments and keeps `this`', async () => {
    class Keeper implements CallbackContract {
      readonly name = 'Keeper';
      seen: unknown[] = [];
      attach(): void {}
      onEpochEnd(...values: unknown[]): void {
        this.seen = values;
      }
    }
    const keeper = new Keeper();
    await new CallbackDispatcher([keeper]).dispatch('onEpochEnd', 4, { loss: 0.25 });
    expect(keeper.seen).toEqual([4, { loss: 0.25 }]);
  });

  it('waits for an asynchronous hook before the next callback', async () => {
    const calls: string[] = [];
    const slow: CallbackContract = {
      name: 'Slow',
      attach: () => {},
      onTrainBegin: async () => {
        await sleep(10);
        calls.push('slow');
      },
    };
    const dispatcher = new CallbackDispatcher([slow, noting('b', ['onTrainBegin'], calls)]);
    await dispatcher.dispatch('onTrainBegin');
    expect(calls).toEqual(['slow', 'b.onTrainBegin']);
  });

  it.each([
    [
      'thrown',
      () => {
        throw new RangeError('too far');
      },
    ],
    ['rejected', () => Promise.reject(new RangeError('too far'))],
  ])('names callback and hook of an error that is %s, and keeps it as the cause', async (_how, onEpochEnd) => {
    const calls: string[] = [];
    const bad: CallbackContract = { name: 'Bad', attach: () => {}, onEpochEnd };
    const dispatcher = new CallbackDispatcher([bad, noting('b', ['onEpochEnd'], calls)]);
    const error = await failure(dispatcher.dispatch('onEpochEnd', 0, {}));
    expect(error.kind).toBe('callback-threw');
    expect(error.message).toContain('CallbackError [callback-threw] onEpochEnd of callback "Bad"');
    expect(error.received).toBe('RangeError: too far');
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(calls).toEqual([]);
  });

  it('names the callback also where Adjoint itself refused something inside the hook', async () => {
    const cause = new ShapeError('input-rank', { where: 'layer "a"', expected: 'rank 2', received: 'rank 3' });
    const bad: CallbackContract = { name: 'Bad', attach: () => {}, onTrainBegin: () => Promise.reject(cause) };
    const error = await failure(new CallbackDispatcher([bad]).dispatch('onTrainBegin'));
    expect(error.message).toContain('onTrainBegin of callback "Bad"');
    expect(error.message).toContain('ShapeError [input-rank] layer "a"');
    expect(error.message).not.toContain('ShapeError: ShapeError');
    expect(error.cause).toBe(cause);
  });

  it('lets a refusal by the callback itself pass as it is', async () => {
    const refusal = new CallbackError('unknown-monitor', { where: 'callback "Bad"' });
    const bad: CallbackContract = { name: 'Bad', attach: () => {}, onTrainBegin: () => Promise.reject(refusal) };
    expect(await failure(new CallbackDispatcher([bad]).dispatch('onTrainBegin'))).toBe(refusal);
  });

  it('copes with a hook that throws what is no Error', async () => {
    const bad: CallbackContract = { name: 'Bad', attach: () => {}, onTrainBegin: () => Promise.reject('plain text') };
    expect((await failure(new CallbackDispatcher([bad]).dispatch('onTrainBegin'))).received).toBe('plain text');
  });

  it('detaches those that were attached before one refused, and not the one that refused', async () => {
    const calls: string[] = [];
    const refusing: CallbackContract = {
      ...noting('b', [], calls),
      attach: () => {
        throw new Error('busy');
      },
    };
    const error = await failure(new FakeRun().train(noting('a', [], calls), refusing, noting('c', [], calls)));
    expect(error.where).toBe('attach of callback "b"');
    expect(calls).toEqual(['a.attach', 'a.detach']);
  });

  it('detaches all, also where one throws in detach, and tells of the first', async () => {
    const calls: string[] = [];
    const bad: CallbackContract = {
      name: 'Bad',
      attach: () => {},
      detach: () => {
        throw new Error('stuck');
      },
    };
    const dispatcher = new CallbackDispatcher([bad, noting('b', [], calls)]);
    dispatcher.attach(new FakeRun());
    expect(() => dispatcher.detach()).toThrow(AdjointError);
    expect(calls).toEqual(['b.attach', 'b.detach']);
    dispatcher.detach();
    expect(calls).toEqual(['b.attach', 'b.detach']);
  });

  it('refuses what is no callback and says what to write', () => {
    class Forgotten {}
    const of = (value: unknown) => () => new CallbackDispatcher([value as CallbackContract]);
    expect(of(Forgotten)).toThrow(/not-a-callback[^]*the function Forgotten[^]*write new Forgotten\(\)/);
    expect(of({ onEpochEnd: () => {} })).toThrow(/not-a-callback[^]*keys onEpochEnd[^]*new LambdaCallback/);
    expect(of(undefined)).toThrow(/not-a-callback/);
  });

  it('gates non-finite steps where any callback asks for it', () => {
    const asking: CallbackContract = { name: 'Asking', gatesNonFinite: true, attach: () => {} };
    expect(new CallbackDispatcher([noting('a', [], [])]).gatesNonFinite).toBe(false);
    expect(new CallbackDispatcher([noting('a', [], []), asking]).gatesNonFinite).toBe(true);
  });
});
