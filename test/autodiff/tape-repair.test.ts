import { afterAll, describe, expect, it } from '@jest/globals';
import { installTapeRepairs } from '../../src/autodiff/tape-repair.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { checkGradient, checkSecondGradient } from '../helpers/check-gradient.js';
import { useTestEngine } from '../helpers/engine.js';

const mish = (x: Tensor) => tf.mul(x, tf.tanh(tf.softplus(x)));
const swish = (x: Tensor) => tf.mul(x, tf.sigmoid(x));

/** Functions whose kernels save an output, inside a larger expression where the fault shows. */
const SAVED_OUTPUTS: [string, (x: Tensor) => Tensor][] = [
  ['exp', (x) => tf.square(tf.exp(x))],
  ['sigmoid', (x) => tf.square(tf.sigmoid(x))],
  ['tanh', (x) => tf.square(tf.tanh(x))],
  ['softmax', (x) => tf.square(tf.softmax(x))],
  ['logSoftmax', (x) => tf.square(tf.logSoftmax(x))],
  ['swish', (x) => tf.square(swish(x))],
  ['mish', (x) => tf.square(mish(x))],
];

const input = () => tf.tensor2d([0.3, -1.2, 0.9, 2.1, -0.4, 0.05], [2, 3]);

function withoutRepairs(fn: () => void): void {
  installTapeRepairs().remove();
  try {
    fn();
  } finally {
    installTapeRepairs();
  }
}

describe('tape repairs', () => {
  useTestEngine();
  afterAll(() => {
    installTapeRepairs();
  });

  describe.each(SAVED_OUTPUTS)('second order of %s', (_, fn) => {
    it('is right on the repaired tape', () => {
      const x = input();
      checkSecondGradient(fn, [x]);
      x.dispose();
    });

    it("is wrong or refused on tfjs's own", () => {
      const x = input();
      withoutRepairs(() => expect(() => checkSecondGradient(fn, [x])).toThrow(/gradient/i));
      x.dispose();
    });
  });

  const gated = (x: Tensor) => tf.where(tf.greater(x, 0), tf.square(x), tf.mul(x, 3));

  it('lets a comparison choose between branches', () => {
    const x = input();
    checkGradient(gated, [x]);
    checkSecondGradient(gated, [x]);
    x.dispose();
  });

  it("fails for a comparison on tfjs's own tape", () => {
    const x = input();
    const before = tf.memory().numTensors;
    withoutRepairs(() => expect(() => checkGradient(gated, [x])).toThrow(/Greater/));
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });

  it.each<[string, (x: Tensor) => Tensor]>([
    ['leakyRelu', (x) => tf.square(tf.leakyRelu(x))],
    ['relu6', (x) => tf.square(tf.relu6(x))],
    ['max', (x) => tf.square(tf.max(x, -1))],
    ['min', (x) => tf.square(tf.min(x, -1))],
    ['clip', (x) => tf.square(tf.clipByValue(x, -1, 1))],
  ])('rights the second order of %s', (_, fn) => {
    const x = input();
    checkSecondGradient(fn, [x]);
    x.dispose();
  });

  it('is installed once however often it is asked for', () => {
    const first = installTapeRepairs();
    expect(installTapeRepairs()).toBe(first);
  });

  it('leaves what a function of a bool alone gives without a gradient', () => {
    const x = input();
    expect(() => tf.grad((v) => tf.cast(tf.greater(v, 0), 'float32'))(x)).toThrow(/Cannot compute gradient/);
    x.dispose();
  });
});
