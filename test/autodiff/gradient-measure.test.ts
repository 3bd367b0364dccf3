import { describe, expect, it } from '@jest/globals';
import { registerKernelVjp } from '../../src/autodiff/register-kernel-vjp.js';
import { tf } from '../../src/engine/tfjs.js';
import { isRight, measure, measurePlain } from '../gradients/measure.js';
import type { GradientCase } from '../gradients/gradient-case.js';
import { useTestEngine } from '../helpers/engine.js';

const sine: GradientCase = {
  kind: 'op',
  name: 'sine',
  point: 'away',
  inputs: () => [tf.tensor1d([0.3, -1.2])],
  fn: (x) => tf.sin(x!),
};

describe('the measurement behind the gradient table', () => {
  useTestEngine();

  it('finds a right rule right, eagerly and recorded', async () => {
    const { precision, first, second } = await measure(sine);
    expect(precision).toBe('float64');
    for (const outcome of [first.eager, first.recorded, second.eager, second.recorded]) {
      expect([outcome, isRight(outcome, precision)]).toEqual([outcome, true]);
    }
  });

  it('finds a rule that is off by a millionth', async () => {
    const rule = registerKernelVjp(
      'Sin',
      {
        keepInputs: ['x'],
        backward: (cotangent, kept) => ({ x: () => tf.mul(cotangent, tf.mul(1 + 1e-6, tf.cos(kept.input('x')))) }),
      },
      { replace: true },
    );
    const { precision, first } = await measure(sine);
    rule.remove();
    expect(isRight(first.eager, precision)).toBe(false);
    expect(isRight(first.recorded, precision)).toBe(false);
  });

  it('finds a rule whose own gradient is missing', async () => {
    const rule = registerKernelVjp(
      'Sin',
      {
        keepInputs: ['x'],
        backward: (cotangent, kept) => ({
          // A constant to the tape: the first order is right, the second is not.
          x: () => tf.mul(cotangent, tf.tensor1d(Array.from(tf.cos(kept.input('x')).dataSync()))),
        }),
      },
      { replace: true },
    );
    const { second } = await measure(sine);
    rule.remove();
    expect(second.eager).toBeGreaterThan(1e-3);
    expect(second.recorded).toMatch(/TraceError/);
  });

  it('asks a kernel without a double version for a reference that has the right gradient', async () => {
    const normalization: GradientCase = {
      ...sine,
      inputs: () => [tf.tensor4d([0.3, -1.2, 0.8, 2], [1, 1, 1, 4])],
      fn: (x) => tf.localResponseNormalization(x as tf.Tensor4D, 2),
      reference: (x) => tf.div(x!, 2),
    };
    const { precision, first } = await measure(normalization);
    expect(precision).toBe('float32 against composed reference');
    expect(first.eager).not.toBe(0);
    expect(isRight(first.eager, precision)).toBe(false);
  });

  it('refuses to compare with tfjs where its function is another one', async () => {
    const { truth } = await measure(sine);
    await expect(measurePlain((x) => tf.cos(x!), truth)).rejects.toThrow(/not the same function/);
  });
});
