import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { engine, startEngine } from '../../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';

let handles: number;
beforeAll(() => void startEngine());
beforeEach(() => {
  handles = engine().counters().handles;
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
  expect(engine().counters().handles).toBe(handles);
});
const numbers = (x: Tensor): number[] => Array.from(x.dataSync());

/** Runs `body` while reading a tensor's values on the host throws. */
function withoutHostReads<T>(body: () => T): T {
  const { backend } = engine();
  const { binding } = backend;
  const deaf = Object.create(binding) as typeof binding;
  deaf.tensorDataSync = () => {
    throw new Error('read on the host');
  };
  backend.binding = deaf;
  try {
    return body();
  } finally {
    backend.binding = binding;
  }
}

describe('Round', () => {
  it('leaves int32 as it is', () => {
    const x = tf.tensor1d([-3, 0, 7], 'int32');
    const y = tf.round(x);
    x.dispose();
    expect([y.dtype, numbers(y)]).toEqual(['int32', [-3, 0, 7]]);
  });

  it('rounds floats half to even', () => {
    expect(numbers(tf.round(tf.tensor1d([0.5, 1.5, -0.6])))).toEqual([0, 2, -1]);
  });
});

describe('Concat', () => {
  it('joins scalars to a vector', () => {
    expect(numbers(tf.concat([tf.scalar(1), tf.scalar(2)]))).toEqual([1, 2]);
  });

  it('joins along any axis', () => {
    const joined = tf.concat([tf.ones([2, 1]), tf.zeros([2, 2])], 1);
    expect([joined.shape, numbers(joined)]).toEqual([
      [2, 3],
      [1, 0, 0, 1, 0, 0],
    ]);
  });

  it('leaves nothing behind when it fails', () => {
    const { tensors } = engine().counters();
    const pair = [tf.ones([2]), tf.ones([1], 'int32')];
    expect(() => tf.concat(pair)).toThrow();
    expect(engine().counters().tensors).toBe(tensors + 2);
  });
});

describe('Reshape', () => {
  it('shares the data, whose memory lives until the last of its tensors', () => {
    const x = tf.tensor1d([1, 2, 3, 4]);
    const y = x.reshape([2, 2]);
    expect(y.dataId).toBe(x.dataId);
    expect(tf.memory().numDataBuffers).toBeLessThan(tf.memory().numTensors);
    x.dispose();
    expect(numbers(tf.matMul(y as tf.Tensor2D, y as tf.Tensor2D))).toEqual([7, 10, 15, 22]);
  });

  it('makes one native alias a shape, and none where nobody computes with it', () => {
    const x = tf.tensor1d([1, 2, 3, 4]).square();
    const before = engine().counters();
    const y = x.reshape([2, 2]);
    expect(engine().counters().executedOps).toBe(before.executedOps);
    tf.tidy(() => {
      y.neg();
      x.reshape([2, 2]).neg();
    });
    expect(engine().counters().executedOps).toBe(before.executedOps + 3);
    expect(engine().counters().handles).toBe(before.handles + 1);
  });

  it('infers a dimension and refuses a wrong size', () => {
    const x = tf.ones([2, 3]);
    expect(x.reshape([-1]).shape).toEqual([6]);
    expect(() => x.reshape([4])).toThrow();
  });

  it('reshapes strings and tensors without elements', () => {
    expect(tf.tensor1d(['a', 'b']).reshape([2, 1]).arraySync()).toEqual([['a'], ['b']]);
    expect(tf.zeros([0, 2]).reshape([2, 0]).add(1).shape).toEqual([2, 0]);
  });

  it('looks anew under another binding, so that a recording sees its own reshape', () => {
    const x = tf.tensor1d([1, 2, 3, 4]);
    const y = x.reshape([2, 2]);
    y.neg();
    const { backend } = engine();
    const { binding } = backend;
    const seen: string[] = [];
    const recorder = Object.create(binding) as typeof binding;
    recorder.executeNative = (...call) => {
      seen.push(call[0]);
      return binding.executeNative(...call);
    };
    backend.binding = recorder;
    try {
      y.neg();
      y.neg();
    } finally {
      backend.binding = binding;
    }
    expect(seen).toEqual(['Reshape', 'Neg', 'Neg']);
  });

  it('is no leak to tfjs inside a fused matMul under IS_TEST', () => {
    const was = tf.env().getBool('IS_TEST');
    tf.env().set('IS_TEST', true);
    try {
      const a = tf.ones([2, 3]) as tf.Tensor2D;
      const b = tf.ones([3, 2]) as tf.Tensor2D;
      const fused = tf.fused.matMul({ a, b, bias: tf.ones([2]), activation: 'relu' });
      expect(numbers(fused)).toEqual([4, 4, 4, 4]);
    } finally {
      tf.env().set('IS_TEST', was);
    }
  });
});

describe('DenseBincount', () => {
  it('counts, weighs and marks', () => {
    const x = tf.tensor1d([1, 2, 1, 5], 'int32');
    expect(numbers(tf.denseBincount(x, tf.tensor1d([]), 4))).toEqual([0, 2, 1, 0]);
    expect(numbers(tf.denseBincount(x, tf.tensor1d([0.5, 1, 2, 9]), 4))).toEqual([0, 2.5, 1, 0]);
    expect(numbers(tf.denseBincount(x, tf.tensor1d([]), 4, true))).toEqual([0, 1, 1, 0]);
    const rows = tf.denseBincount(
      tf.tensor2d(
        [
          [0, 1],
          [1, 1],
        ],
        [2, 2],
        'int32',
      ),
      tf.tensor2d([], [0, 0]),
      2,
    );
    expect(rows.arraySync()).toEqual([
      [1, 1],
      [0, 2],
    ]);
  });
});

describe('GatherV2', () => {
  const table = (): tf.Tensor2D =>
    tf.tensor2d([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);

  it('gathers, and so does its gradient, without a read on the host', () => {
    const indices = tf.tensor1d([2, 0, 2], 'int32');
    const rows = table();
    const [value, gradient] = withoutHostReads(() => [
      tf.gather(rows, indices),
      tf.grad((x) => tf.gather(x, indices).sum())(rows),
    ]);
    expect(numbers(value!)).toEqual([5, 6, 1, 2, 5, 6]);
    expect(numbers(gradient!)).toEqual([1, 1, 0, 0, 2, 2]);
  });

  it('gathers along another axis and within batches', () => {
    expect(numbers(tf.gather(table(), tf.tensor1d([1], 'int32'), 1))).toEqual([2, 4, 6]);
    const within = tf.gather(table(), tf.tensor2d([[1], [0], [1]], [3, 1], 'int32'), 1, 1);
    expect(numbers(within)).toEqual([2, 3, 6]);
  });

  it.each([3, -1])('refuses the index %i on this device', (index) => {
    if (engine().device.startsWith('GPU')) return;
    expect(() => tf.gather(table(), tf.tensor1d([index], 'int32'))).toThrow('op GatherV2');
  });
});
