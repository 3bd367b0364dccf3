import { describe, expect, it } from '@jest/globals';
import { IsInt } from 'class-validator';
import { BaseCallback } from '../../src/callbacks/callback.js';
import { callbackTable } from '../../src/callbacks/callback-table.js';
import { Callback } from '../../src/callbacks/declarations.js';
import { ownDeclaration } from '../../src/core/declaration.js';
import type { Logs } from '../../src/training/logs.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { FakeRun } from '../helpers/fake-run.js';

class EveryOptions {
  @IsInt() epochs = 2;
}

@Callback('test/every', EveryOptions)
class Every extends BaseCallback<EveryOptions> {
  count = 0;
  override onTrainBegin(): void {
    this.count = 0;
  }
  override onEpochEnd(epoch: number, _logs: Logs): void {
    if ((epoch + 1) % this.options.epochs === 0) this.count += 1;
  }
}

callbackContract(Every, {
  options: { epochs: 3 },
  refused: [[{ epochs: 1.5 }, /"epochs"[^]*a whole number/]],
  results: ({ count }) => count,
});

describe('BaseCallback', () => {
  it('lets a subclass override hooks and read its options', async () => {
    const every = new Every();
    await new FakeRun({ epochs: 5 }).train(every);
    expect(every.count).toBe(2);
  });

  it('takes no options where a class declares none', () => {
    class Plain extends BaseCallback {}
    expect(() => new Plain({ epochs: 1 } as object)).toThrow(/unknown-option.*"epochs" of callback Plain/);
  });

  it('defines no hook itself', () => {
    class Plain extends BaseCallback {}
    const plain = new Plain() as unknown as Record<string, unknown>;
    expect(['onTrainBegin', 'onBatchEnd', 'onEpochEnd'].map((hook) => plain[hook])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('callbackTable', () => {
  it('lists declared callbacks under names of their own', () => {
    const names = Object.values(callbackTable).map((callbackClass) => ownDeclaration(callbackClass)?.name);
    expect(new Set(names).size).toBe(Object.keys(callbackTable).length);
    expect(names.every((name) => name?.startsWith('adjoint/'))).toBe(true);
  });
});
