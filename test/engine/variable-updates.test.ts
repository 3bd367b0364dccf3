import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ShapeError } from '../../src/core/errors.js';
import { tf } from '../../src/engine/tfjs.js';
import { Variable } from '../../src/engine/variable.js';
import { applyAdam, applyGradientDescent, applyKerasMomentum } from '../../src/engine/variable-updates.js';

/** Rounding of a handful of float32 operations on numbers near one. */
const FLOAT32_ROUNDING = 1e-6;

const made: Variable[] = [];
const variable = (numbers: number[]): Variable => {
  const fresh = Variable.create('state', tf.tensor1d(numbers));
  made.push(fresh);
  return fresh;
};
const expectClose = (actual: Variable, wanted: number[]): void => {
  const numbers = actual.read().dataSync();
  wanted.forEach((value, i) => expect(Math.abs(numbers[i]! - value)).toBeLessThan(FLOAT32_ROUNDING));
};
beforeEach(() => tf.engine().startScope());
afterEach(() => {
  for (const one of made.splice(0)) one.dispose();
  tf.engine().endScope();
});

const START = [1, -2];
const GRADIENTS = [
  [0.5, -0.25],
  [-1, 0.125],
  [0.25, 2],
];

describe('fused updates', () => {
  it('gradient descent', () => {
    const weights = variable(START);
    applyGradientDescent(weights, tf.scalar(0.5), tf.tensor1d(GRADIENTS[0]!));
    expectClose(weights, [0.75, -1.875]);
  });

  it.each([false, true])('momentum as Keras has it, nesterov %s', (nesterov) => {
    const weights = variable(START);
    const velocity = variable([0, 0]);
    const expected = [...START];
    const speed = [0, 0];
    for (const gradient of GRADIENTS) {
      const update = { velocity, learningRate: tf.scalar(0.1), momentum: tf.scalar(0.9), nesterov };
      applyKerasMomentum(weights, { ...update, gradient: tf.tensor1d(gradient) });
      gradient.forEach((g, i) => {
        speed[i] = 0.9 * speed[i]! - 0.1 * g;
        expected[i]! += nesterov ? 0.9 * speed[i]! - 0.1 * g : speed[i]!;
      });
    }
    expectClose(weights, expected);
    expectClose(velocity, speed);
  });

  it('Adam', () => {
    const weights = variable(START);
    const mean = variable([0, 0]);
    const meanSquare = variable([0, 0]);
    const expected = [...START];
    const [m, v] = [
      [0, 0],
      [0, 0],
    ];
    GRADIENTS.forEach((gradient, step) => {
      const [power1, power2] = [0.9 ** (step + 1), 0.999 ** (step + 1)];
      applyAdam(weights, {
        ...{ mean, meanSquare },
        beta1Power: tf.scalar(power1),
        beta2Power: tf.scalar(power2),
        learningRate: tf.scalar(0.01),
        beta1: tf.scalar(0.9),
        beta2: tf.scalar(0.999),
        epsilon: tf.scalar(1e-7),
        gradient: tf.tensor1d(gradient),
      });
      gradient.forEach((g, i) => {
        m![i] = 0.9 * m![i]! + 0.1 * g;
        v![i] = 0.999 * v![i]! + 0.001 * g * g;
        expected[i]! -= (((0.01 * Math.sqrt(1 - power2)) / (1 - power1)) * m![i]!) / (Math.sqrt(v![i]!) + 1e-7);
      });
    });
    expectClose(weights, expected);
    expectClose(mean, m!);
    expectClose(meanSquare, v!);
  });

  it('leave a value read before as it was', () => {
    const weights = variable(START);
    const old = weights.read();
    applyGradientDescent(weights, tf.scalar(1), tf.tensor1d([1, 1]));
    expect(Array.from(old.dataSync())).toEqual(START);
  });

  it('refuse a gradient of another shape', () => {
    const weights = variable(START);
    expect(() => applyGradientDescent(weights, tf.scalar(1), tf.ones([3]))).toThrow(ShapeError);
    expect(() => applyGradientDescent(weights, tf.scalar(1), tf.ones([3]))).toThrow('the gradient of variable "state"');
    expectClose(weights, START);
  });
});
