import { describe, expect, it } from '@jest/globals';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';

describe('valueAndGradients', () => {
  useTestEngine();

  it('gives value, gradients, and null where an input was not reached', () => {
    const x = tf.tensor1d([1, 2]);
    const unused = tf.scalar(5);
    const { value, gradients } = valueAndGradients(() => tf.sum(tf.square(x)), [x, unused]);
    expect(value.dataSync()[0]).toBe(5);
    expect([...gradients[0]!.dataSync()]).toEqual([2, 4]);
    expect(gradients[1]).toBeNull();
    tf.dispose([x, unused, value, gradients[0]!]);
  });

  it('sums over the uses of an input', () => {
    const x = tf.scalar(3);
    const { value, gradients } = valueAndGradients(() => tf.add(tf.mul(x, x), x), [x]);
    expect(gradients[0]!.dataSync()[0]).toBe(7);
    tf.dispose([x, value, gradients[0]!]);
  });

  it('gives nulls where nothing is reached, and none for no inputs', () => {
    const x = tf.scalar(3);
    const y = tf.scalar(4);
    const reached = valueAndGradients(() => tf.square(y), [x]);
    expect(reached.gradients).toEqual([null]);
    const none = valueAndGradients(() => tf.square(y), []);
    expect(none.gradients).toEqual([]);
    expect(none.value.dataSync()[0]).toBe(16);
    tf.dispose([x, y, reached.value, none.value]);
  });

  it('refuses a result that is no scalar, and keeps nothing', () => {
    const x = tf.tensor1d([1, 2]);
    expect(() => valueAndGradients(() => tf.exp(x), [x])).toThrow(/\[not-scalar\][^]*received {2}float32 \[2\]/);
    x.dispose();
  });

  it('keeps nothing after the function threw, and works again', () => {
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    expect(() =>
      valueAndGradients(() => {
        tf.exp(x).square().sigmoid();
        throw new Error('mine');
      }, [x]),
    ).toThrow('mine');
    expect(tf.memory().numTensors).toBe(before);
    const { value, gradients } = valueAndGradients(() => tf.sum(x), [x]);
    expect([...gradients[0]!.dataSync()]).toEqual([1, 1]);
    tf.dispose([x, value, gradients[0]!]);
  });

  it('keeps nothing after the backward pass threw', () => {
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    const broken = tf.customGrad((a) => ({
      value: tf.exp(a as Tensor),
      gradFunc: () => {
        throw new Error('mine');
      },
    }));
    expect(() => valueAndGradients(() => tf.sum(broken(tf.exp(x))), [x])).toThrow('mine');
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });

  it('leaves nothing inside a tidy', () => {
    const x = tf.tensor1d([1, 2]);
    const values = tf.tidy(() => [...valueAndGradients(() => tf.sum(tf.exp(x)), [x]).gradients[0]!.dataSync()]);
    expect(values).toHaveLength(2);
    x.dispose();
  });
});
