import { describe, expect, it } from '@jest/globals';
import { registerNativeKernel, runKernel } from '../../src/autodiff/native-kernel.js';
import { registerKernelVjp } from '../../src/autodiff/register-kernel-vjp.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import type { GradientError } from '../../src/core/errors.js';
import { attribute, executeOp } from '../../src/engine/execute-op.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { checkGradient } from '../helpers/check-gradient.js';
import { useTestEngine } from '../helpers/engine.js';

function kindOf(fn: () => unknown): string | undefined {
  try {
    fn();
  } catch (error) {
    return (error as GradientError).kind;
  }
  return undefined;
}

/** Gradient of a sum of `fn` at [1, -2, 3]. */
function gradientOf(fn: (x: Tensor) => Tensor): number[] {
  const x = tf.tensor1d([1, -2, 3]);
  try {
    return tf.tidy(() => [...valueAndGradients(() => tf.sum(fn(x)), [x]).gradients[0]!.dataSync()]);
  } finally {
    x.dispose();
  }
}

describe('registerKernelVjp', () => {
  useTestEngine();

  it('gives a kernel without a gradient one', () => {
    const square = (at: Tensor): Tensor => runKernel('SquareOfTheTest', { x: at });
    registerNativeKernel('SquareOfTheTest', ({ x }) => executeOp('Square', [attribute.type('T', 'float32')], [x!])[0]!);
    const rule = registerKernelVjp('SquareOfTheTest', {
      keepInputs: ['x'],
      backward: (cotangent, kept) => ({ x: () => tf.mul(cotangent, tf.mul(2, kept.input('x'))) }),
    });
    const x = tf.tensor1d([1, -2, 3]);
    checkGradient(square, [x]);
    x.dispose();
    rule.remove();
    expect(() => gradientOf(square)).toThrow(/gradient/);
    tf.unregisterKernel('SquareOfTheTest', 'tensorflow');
  });

  it("replaces tfjs's own only when told, and gives it back", () => {
    const rule = { backward: (cotangent: Tensor) => ({ x: () => tf.mul(cotangent, 7) }) };
    expect(kindOf(() => registerKernelVjp('Neg', rule))).toBe('rule-registered-twice');
    const mine = registerKernelVjp('Neg', rule, { replace: true });
    expect(gradientOf((x) => tf.neg(x))).toEqual([7, 7, 7]);
    expect(kindOf(() => registerKernelVjp('Neg', rule))).toBe('rule-registered-twice');
    mine.remove();
    mine.remove();
    expect(gradientOf((x) => tf.neg(x))).toEqual([-1, -1, -1]);
  });

  it('lets rules be removed in any order', () => {
    const times = (factor: number) => ({ backward: (dy: Tensor) => ({ x: () => tf.mul(dy, factor) }) });
    const two = registerKernelVjp('Neg', times(2), { replace: true });
    const three = registerKernelVjp('Neg', times(3), { replace: true });
    two.remove();
    expect(gradientOf((x) => tf.neg(x))).toEqual([3, 3, 3]);
    three.remove();
    expect(gradientOf((x) => tf.neg(x))).toEqual([-1, -1, -1]);
  });

  it('passes a cotangent on without giving it away', () => {
    const rule = registerKernelVjp('Neg', { backward: (cotangent) => ({ x: () => cotangent }) }, { replace: true });
    expect(gradientOf((x) => tf.add(tf.neg(x), tf.add(tf.neg(x), x)))).toEqual([3, 3, 3]);
    rule.remove();
  });

  it.each<[string, () => Record<string, () => Tensor>, RegExp]>([
    ['rule-incomplete', () => ({}), /kernel "Neg" by its input "x"/],
    [
      'rule-shape',
      () => ({ x: () => tf.zeros([2]) }),
      /expected {2}the input's shape \[3\]\n {2}received {2}shape \[2\]/,
    ],
    ['rule-dtype', () => ({ x: () => tf.zeros([3], 'int32') }), /received {2}dtype int32/],
    ['rule-result', () => ({ x: () => 1 as unknown as Tensor }), /received {2}1/],
  ])('refuses a result with %s', (kind, backward, text) => {
    const rule = registerKernelVjp('Neg', { backward }, { replace: true });
    const run = () => gradientOf((x) => tf.neg(x));
    expect(kindOf(run)).toBe(kind);
    expect(run).toThrow(text);
    rule.remove();
  });

  it('names what a rule did not keep', () => {
    const rule = registerKernelVjp('Neg', { backward: (_, kept) => ({ x: () => kept.input('x') }) }, { replace: true });
    expect(() => gradientOf((x) => tf.neg(x))).toThrow(/\[not-kept\][^]*add "x" to the rule's keepInputs/);
    rule.remove();
  });
});
