import { describe, expect, it } from '@jest/globals';
import { OptionsError, TraceError } from '../../../src/core/errors.js';
import { engine } from '../../../src/engine/start-engine.js';
import { recorded } from '../../../src/engine/record/recorded.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { Variable } from '../../../src/engine/variable.js';
import { useTestEngine } from '../../helpers/engine.js';
import { rejectionOf, taken } from '../../helpers/models.js';

const functionCalls = (): number => engine().backend.binding.counts.functionCalls;

/** A variable of these numbers. */
function variableOf(values: readonly number[]): Variable {
  const initial = tf.tensor1d([...values]);
  const variable = Variable.create('state', initial);
  initial.dispose();
  return variable;
}

/** Calls with tensors that are disposed afterwards. */
async function called<T>(inputs: Tensor[], use: (...inputs: Tensor[]) => Promise<T>): Promise<T> {
  try {
    return await use(...inputs);
  } finally {
    tf.dispose(inputs);
  }
}

describe('recorded(fn)', () => {
  useTestEngine();

  it('computes what fn computes, from one function call, and runs its JavaScript no more', async () => {
    let runs = 0;
    const norm = recorded((a: Tensor, b: Tensor) => {
      runs++;
      return tf.norm(tf.sub(a, b));
    });
    const before = functionCalls();
    const first = await called([tf.tensor1d([3, 0]), tf.tensor1d([0, 4])], async (a, b) => taken(await norm(a!, b!)));
    const runsToRecord = runs;
    const second = await called([tf.tensor1d([6, 0]), tf.tensor1d([0, 8])], async (a, b) => taken(await norm(a!, b!)));
    expect([first, second]).toEqual([[5], [10]]);
    expect(runs).toBe(runsToRecord);
    expect(functionCalls() - before).toBe(2);
    norm.dispose();
  });

  it('keeps a recording for each combination of shapes and dtypes', async () => {
    const twice = recorded((a: Tensor) => tf.add(a, a));
    const inputs = [tf.tensor1d([1]), tf.tensor1d([1, 2]), tf.tensor1d([3]), tf.tensor1d([4], 'int32')];
    const outputs = await called(inputs, async (...all) => {
      const made: number[][] = [];
      for (const input of all) made.push(taken(await twice(input)));
      return made;
    });
    expect(outputs).toEqual([[2], [2, 4], [6], [8]]);
    expect(twice.recordings).toBe(3);
    twice.dispose();
    expect(twice.recordings).toBe(0);
  });

  it('gives results in the form in which fn gives them', async () => {
    const [list, record] = [
      recorded((a: Tensor) => [tf.neg(a), a] as const),
      recorded((a: Tensor) => ({ negative: tf.neg(a), same: a })),
    ];
    await called([tf.scalar(2)], async (a) => {
      expect((await list(a!)).map(taken)).toEqual([[-2], [2]]);
      const { negative, same } = await record(a!);
      expect([taken(negative), taken(same)]).toEqual([[-2], [2]]);
      expect(a!.isDisposed).toBe(false);
    });
    list.dispose();
    record.dispose();
  });

  it('reads and writes the variables that everybody sees, once a call', async () => {
    const state = variableOf([1, 2]);
    const step = recorded((a: Tensor) => {
      state.assignAdd(a);
      return tf.sum(state.read());
    });
    await called([tf.tensor1d([10, 20])], async (a) => {
      expect(taken(await step(a!))).toEqual([33]);
      expect(taken(state.read())).toEqual([11, 22]);
      tf.tidy(() => state.assign(tf.tensor1d([0, 0])));
      expect(taken(await step(a!))).toEqual([30]);
      expect(taken(state.read())).toEqual([10, 20]);
    });
    step.dispose();
    state.dispose();
  });

  it('takes one tensor for two arguments, and reshapes and clones of one', async () => {
    const difference = recorded((a: Tensor, b: Tensor) => tf.sub(a, tf.mul(2, tf.reshape(b, a.shape))));
    const x = tf.tensor2d([[1, 2]]);
    const views = [x, x.clone(), x.reshape([2])];
    for (const view of views) expect(taken(await difference(x, view))).toEqual([-1, -2]);
    tf.dispose(views);
    difference.dispose();
  });

  it('records gradients', async () => {
    const gradient = recorded((a: Tensor) => tf.grad((x: Tensor) => tf.sum(tf.mul(x, tf.square(x))))(a));
    expect(await called([tf.tensor1d([1, 2])], async (a) => taken(await gradient(a!)))).toEqual([3, 12]);
    gradient.dispose();
  });

  it('calls in parallel do not mix', async () => {
    const square = recorded((a: Tensor) => tf.square(a));
    const inputs = [1, 2, 3, 4].map((value) => tf.scalar(value));
    const outputs = await called(inputs, (...all) => Promise.all(all.map(async (input) => taken(await square(input)))));
    expect(outputs).toEqual([[1], [4], [9], [16]]);
    expect(square.recordings).toBe(1);
    square.dispose();
  });

  it('refuses numbers, in and out, and names the way', async () => {
    const scale = recorded((a: Tensor) => tf.mul(a, 2));
    const given = await rejectionOf(scale(3 as unknown as Tensor));
    expect(given).toBeInstanceOf(OptionsError);
    expect(given.message).toMatch(
      /\[recorded-argument\] argument 0 of recorded function[\s\S]*received\s+3[\s\S]*tf\.scalar/,
    );
    for (const result of [1, undefined, null, [1], { a: 1 }]) {
      const size = recorded((_: Tensor) => result as unknown as Tensor);
      await called([tf.scalar(1)], async (a) => {
        expect((await rejectionOf(size(a!))).message).toMatch(/\[recorded-argument\] the result of recorded function/);
      });
      expect(size.recordings).toBe(0);
    }
    expect(scale.recordings).toBe(0);
  });

  it('refuses a host read, leaves variables as they were, and records again once fn is mended', async () => {
    const state = variableOf([1]);
    let reads = true;
    const step = recorded((a: Tensor) => {
      state.assignAdd(a);
      if (reads) state.read().dataSync();
      return state.read();
    });
    await called([tf.tensor1d([5])], async (a) => {
      const error = await rejectionOf(step(a!));
      expect(error).toBeInstanceOf(TraceError);
      expect((error as TraceError).kind).toBe('host-read');
      expect(taken(state.read())).toEqual([1]);
      reads = false;
      expect(taken(await step(a!))).toEqual([6]);
    });
    step.dispose();
    state.dispose();
  });

  it('works again after dispose, and with using', async () => {
    const negate = recorded((a: Tensor) => tf.neg(a));
    await called([tf.scalar(1)], async (a) => {
      for (let i = 0; i < 2; i++) {
        expect(taken(await negate(a!))).toEqual([-1]);
        negate[Symbol.dispose]();
        expect(negate.recordings).toBe(0);
      }
    });
  });
});
