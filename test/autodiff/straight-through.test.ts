import { describe, expect, it } from '@jest/globals';
import { straightThrough } from '../../src/autodiff/straight-through.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { recorded } from '../../src/engine/record/recorded.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';

/** Value and gradient of the sum of the squares of `fn` by each input. */
function differentiate(fn: (...x: Tensor[]) => Tensor, ...points: number[][]): number[][] {
  return tf.tidy(() => {
    const x = points.map((point) => tf.tensor1d(point));
    const { value, gradients } = valueAndGradients(() => tf.sum(tf.square(fn(...x))), x);
    return [[...value.dataSync()], ...gradients.map((gradient) => [...(gradient?.dataSync() ?? [])])];
  });
}

describe('straightThrough', () => {
  useTestEngine();
  const round = straightThrough((x) => tf.round(x));

  it('has the values of the function and the gradient of the identity', () => {
    // d sum(round(x)^2) = 2 round(x)
    expect(differentiate(round, [0.4, 1.6, -2.7])).toEqual([[13], [0, 4, -6]]);
  });

  it('uses a surrogate, by each of its inputs, to the second order', () => {
    const sign = straightThrough((x) => tf.sign(x), { surrogate: (x) => tf.clipByValue(x, -1, 1) });
    expect(differentiate(sign, [0.5, -3, -0.25])).toEqual([[3], [2, 0, -2]]);
    const quantised = straightThrough((x, scale) => tf.mul(tf.round(tf.div(x, scale)), scale), {
      surrogate: (x, scale) => tf.mul(tf.square(x), scale),
    });
    // Value 1 at x = 1.1, scale 0.5; surrogate's gradients 2 x scale and x^2.
    const [value, byX, byScale] = differentiate(quantised, [1.1], [0.5]);
    expect(value).toEqual([1]);
    expect(byX![0]).toBeCloseTo(2 * 1.1, 5);
    expect(byScale![0]).toBeCloseTo(2 * 1.21, 5);
    const second = tf.tidy(() => {
      const scale = tf.scalar(0.5);
      const first = tf.grad((x: Tensor) => quantised(x, scale));
      return tf.grad(first)(tf.scalar(1.1)).dataSync()[0];
    });
    expect(second).toBeCloseTo(1, 5);
  });

  it('keeps nothing, eager and recorded', async () => {
    const fn = (x: Tensor) => tf.grad((at: Tensor) => tf.square(round(at)))(x);
    const x = tf.tensor1d([1.6]);
    const before = tf.memory().numTensors;
    const eager = fn(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    const run = recorded(fn);
    const result = await run(x);
    expect([...result.dataSync()]).toEqual([4]);
    run.dispose();
    tf.dispose([x, eager, result]);
  });

  it('refuses what would lose a gradient, or fit nowhere', () => {
    const x = tf.scalar(1.5);
    const scale = tf.scalar(0.5);
    const closure = straightThrough((at) => tf.mul(tf.round(at), scale));
    expect(() => valueAndGradients(() => closure(x), [x, scale])).toThrow(/\[captured-tensor\] straightThrough/);
    expect(() => round(x, scale)).toThrow(/\[straight-through\][^]*2 inputs and no surrogate/);
    expect(() => straightThrough(3 as never)).toThrow(/\[straight-through\][^]*argument "fn"/);
    expect(() => straightThrough((at) => at, { surrogate: 3 as never })).toThrow(/argument "surrogate"/);
    const longer = straightThrough((at) => tf.stack([at, at]));
    expect(() => longer(x)).toThrow(/\[surrogate-shape\]/);
    tf.dispose([x, scale]);
  });
});
