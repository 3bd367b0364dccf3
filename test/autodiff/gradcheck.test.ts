import { afterEach, describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { defineVjp } from '../../src/autodiff/define-vjp.js';
import { gradcheck } from '../../src/autodiff/gradcheck.js';
import { gradgradcheck } from '../../src/autodiff/gradgradcheck.js';
import { registerKernelVjp, type KernelVjpRule, type Removable } from '../../src/autodiff/register-kernel-vjp.js';
import { stopGradient } from '../../src/autodiff/stop-gradient.js';
import type { AdjointError } from '../../src/core/errors.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';

/** What a right rule reaches: truncation of the fourth order and rounding are far below the default tolerance. */
const RIGHT = 1e-9;

const tensors: Tensor[] = [];
const rules: Removable[] = [];

/** Frees what a test made, before the engine's counters are looked at. */
function setUp(): void {
  afterEach(() => {
    tf.dispose(tensors.splice(0));
    for (const rule of rules.splice(0)) rule.remove();
  });
  useTestEngine();
}

function tensor(values: number[], shape: number[] = [values.length], dtype: 'float32' | 'int32' = 'float32'): Tensor {
  const made = tf.tensor(values, shape, dtype);
  tensors.push(made);
  return made;
}

/** Irregular numbers away from zero. */
function numbers(...shape: number[]): Tensor {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return tensor(
    Array.from({ length: size }, (_, i) => 0.2 + Math.abs(Math.sin(12.9898 * (i + 1)))),
    shape,
  );
}

function replace(kernel: string, rule: KernelVjpRule): void {
  rules.push(registerKernelVjp(kernel, rule, { replace: true }));
}

function thrown(fn: () => unknown): AdjointError {
  try {
    fn();
  } catch (error) {
    return error as AdjointError;
  }
  throw new Error('nothing was thrown');
}

describe('gradcheck', () => {
  setUp();

  it.each<[string, (...at: Tensor[]) => Tensor, () => Tensor[]]>([
    ['a scalar result', (x) => tf.sum(tf.exp(x)), () => [numbers(3)]],
    ['a scalar input', (x) => tf.sin(x), () => [tensor([0.7], [])]],
    ['several inputs', (a, b) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D), () => [numbers(2, 3), numbers(3, 2)]],
    ['a large value', (x) => tf.mul(1e6, tf.square(x)), () => [numbers(4)]],
    ['a small value', (x) => tf.mul(2 ** -20, tf.square(x)), () => [numbers(4)]],
    ['steep curvature', (x) => tf.sin(tf.mul(x, 512)), () => [numbers(3)]],
    ['a point near a pole', (x) => tf.log(x), () => [tensor([2 ** -13])]],
    ['a big input', (x) => tf.tanh(tf.mul(x, 2)), () => [numbers(40, 50)]],
  ])('passes the right rule for %s', (_, fn, inputs) => {
    const report = gradcheck(fn, inputs());
    expect(report.failures).toEqual([]);
    expect([report.passed, report.error < RIGHT * 10]).toEqual([true, true]);
    expect(report.kinks).toEqual([]);
  });

  it.each<[string, (cotangent: Tensor, x: Tensor) => Tensor]>([
    ['sign', (dy, x) => tf.neg(tf.mul(dy, tf.cos(x)))],
    ['scale', (dy, x) => tf.mul(tf.mul(dy, tf.cos(x)), 1.00001)],
    ['value, where it is forgotten altogether,', (dy) => tf.zerosLike(dy)],
  ])('fails a rule with a wrong %s', (_, gradient) => {
    replace('Sin', { keepInputs: ['x'], backward: (dy, kept) => ({ x: () => gradient(dy, kept.input('x')) }) });
    const report = gradcheck((x) => tf.sin(x), [numbers(2, 2)], { names: ['angle'] });
    expect(report.passed).toBe(false);
    expect([report.inputs[0]!.problem, report.worst.input]).toEqual(['mismatch', 'angle']);
    expect(report.error).toBeGreaterThan(5e-6);
    expect(String(report)).toMatch(/angle.*FAILED\ninput "angle", element \[\d, \d\]: rule .*, differences /);
  });

  const wrongAt = (element: number, size: number) =>
    replace('Sin', {
      keepInputs: ['x'],
      backward: (dy, kept) => ({
        x: () => {
          const factors = Float32Array.from({ length: size }, (_, i) => (i === element ? 1.5 : 1));
          return tf.mul(tf.mul(dy, tf.cos(kept.input('x'))), tf.tensor(factors, dy.shape));
        },
      }),
    });

  it('names the one element that is wrong, with both values', () => {
    wrongAt(4, 6);
    const { passed, worst } = gradcheck((x) => tf.sum(tf.sin(x)), [numbers(2, 3)]);
    expect([passed, worst.input, worst.element]).toEqual([false, '0', [1, 1]]);
    expect(worst.analytic / worst.numeric).toBeCloseTo(1.5, 6);
  });

  it('finds the one wrong element of a big input, whatever was sampled', () => {
    wrongAt(1234, 2000);
    const report = gradcheck((x) => tf.sum(tf.sin(x)), [numbers(40, 50)], { sampledElements: 2 });
    expect([report.passed, report.worst.element]).toEqual([false, [24, 34]]);
    expect(report.inputs[0]).toMatchObject({ elements: 2, directions: 4, problem: 'mismatch' });
  });

  it('finds a wrong gradient that is tiny beside the value of the function', () => {
    replace('Cos', { keepInputs: ['x'], backward: (dy, kept) => ({ x: () => tf.mul(dy, tf.sin(kept.input('x'))) }) });
    const fn = (a: Tensor, b: Tensor) => tf.add(tf.sum(tf.sin(a)), tf.mul(2 ** -28, tf.sum(tf.cos(b))));
    const { inputs } = gradcheck(fn, [numbers(3), numbers(3)]);
    expect(inputs.map(({ passed }) => passed)).toEqual([true, false]);
  });

  it('draws the same sample from the same seed', () => {
    const x = numbers(300);
    const error = (seed: number) => gradcheck((at) => tf.exp(at), [x], { seed }).error;
    expect(error(1)).toBe(error(1));
    expect(error(1)).not.toBe(error(2));
  });

  it('takes arrays and records of tensors, and names what is in them', () => {
    const weights = { kernel: numbers(3, 2), bias: numbers(2) };
    const layer = (x: Tensor, { kernel, bias }: typeof weights) => ({
      out: tf.tanh(tf.add(tf.matMul(x as tf.Tensor2D, kernel as tf.Tensor2D), bias)),
    });
    const report = gradcheck(layer, [numbers(4, 3), weights], { names: ['x', 'dense'] });
    expect(report.passed).toBe(true);
    expect(report.inputs.map(({ input }) => input)).toEqual(['x', 'dense.kernel', 'dense.bias']);
  });

  it('names the inputs of a function made by defineVjp as its rule does', () => {
    const scaled = defineVjp('test/scaled', {
      inputs: ['x', 'factor'],
      forward: (x, factor) => ({ value: tf.mul(x, factor), keep: { x, factor } }),
      backward: (cotangent, { x, factor }) => ({
        x: () => tf.mul(cotangent, factor),
        factor: () => tf.neg(tf.sum(tf.mul(cotangent, x))),
      }),
    });
    rules.push(scaled);
    const { worst, inputs } = gradcheck(scaled, [numbers(3), tensor([2], [])]);
    expect([inputs[0]!.passed, inputs[1]!.passed, worst.input, worst.element]).toEqual([true, false, 'factor', []]);
  });

  it('gives zeros for an input that the result does not depend on, and checks them', () => {
    const report = gradcheck((x) => tf.sum(tf.square(x)), [numbers(2), numbers(2)]);
    expect([report.passed, report.inputs[1]!.worst]).toMatchObject([true, { analytic: 0, numeric: 0, error: 0 }]);
  });

  it('passes integer inputs on, and refuses to have nothing else', () => {
    const index = tensor([2, 0], [2], 'int32');
    const report = gradcheck((x, at) => tf.gather(x, at as tf.Tensor1D), [numbers(3, 2), index]);
    expect([report.passed, report.skipped, report.inputs.length]).toEqual([true, ['1'], 1]);
    const error = thrown(() => gradcheck((at) => tf.cast(at, 'float32'), [index], { names: ['index'] }));
    expect([error.kind, error.received]).toEqual(['no-float-input', '"index" of dtype int32']);
  });

  it('checks in float32 where asked, as kernels without a double version need', () => {
    const x = numbers(1, 2, 2, 3);
    const normalise = (at: Tensor) => tf.localResponseNormalization(at as tf.Tensor4D, 1);
    const report = gradcheck(normalise, [x], { precision: 'float32' });
    expect([report.passed, report.tolerance]).toEqual([true, 1e-3]);
    wrongAt(0, 1);
    expect(gradcheck((at) => tf.sin(at), [tensor([0.5])], { precision: 'float32' }).passed).toBe(false);
  });

  it('compares the float32 gradient too where asked', () => {
    const x = numbers(3);
    const { inputs } = gradcheck((at) => tf.exp(at), [x], { compareFloat32: true });
    expect(inputs[0]!.float32Error).toBeGreaterThan(0);
    expect(inputs[0]!.float32Error).toBeLessThan(1e-6);
  });

  it('leaves inputs alone, and an input given twice is two', () => {
    const x = numbers(2);
    const report = gradcheck((a, b) => tf.mul(a, tf.square(b)), [x, x]);
    expect([report.passed, x.isDisposed]).toEqual([true, false]);
  });

  it('accepts an empty input', () => {
    expect(gradcheck((x) => tf.sum(x), [tensor([], [0, 3])]).passed).toBe(true);
  });
});

describe('gradcheck at a kink', () => {
  setUp();

  it.each<[string, (x: Tensor) => Tensor]>([
    ['relu', tf.relu],
    ['abs', tf.abs],
    ['max', (x) => tf.maximum(x, 0)],
  ])('reports that %s has two slopes at zero, and passes a value between them', (_, fn) => {
    const report = gradcheck((x) => tf.sum(fn(x)), [tensor([0.5, 0, -0.5])]);
    expect(report.passed).toBe(true);
    expect(report.kinks).toHaveLength(1);
    expect(report.kinks[0]).toMatchObject({ input: '0', element: [1], right: 1, jump: false });
    expect(String(report)).toContain('ok');
  });

  it('fails a value outside of the slopes, and says that it is a kink', () => {
    replace('Abs', { keepInputs: ['x'], backward: (dy) => ({ x: () => tf.mul(dy, 3) }) });
    const report = gradcheck((x) => tf.sum(tf.abs(x)), [tensor([0])]);
    expect([report.passed, report.worst.analytic, report.worst.numeric]).toEqual([false, 3, 1]);
    expect(report.failures[0]).toContain('a kink with slopes -1 and 1');
  });

  it.each([1, 2, 3, 4, 5, 6])(
    'takes a function that jitters for a wrong one, not for one with a kink (%p)',
    (phase) => {
      // What an iteration leaves behind that was cut short: numbers that no step of the differences resolves.
      const jitter = (x: Tensor): Tensor => tf.mul(tf.sin(tf.add(tf.mul(stopGradient(x), 3e6), phase)), 1e-5);
      const report = gradcheck((x) => tf.sum(tf.add(tf.square(x), jitter(x))), [tensor([0.3, -0.2, 0.9])]);
      expect(report.passed).toBe(false);
    },
  );

  it('steps around a kink that is near, but not at the point', () => {
    const report = gradcheck((x) => tf.sum(tf.relu(x)), [tensor([2 ** -12, -(2 ** -13), 1])]);
    expect([report.passed, report.kinks]).toEqual([true, []]);
  });

  it('has no quarrel with a slope that bends sharply', () => {
    const report = gradcheck((x) => tf.sum(tf.mul(x, tf.abs(x))), [tensor([0, 1])]);
    expect([report.passed, report.kinks]).toEqual([true, []]);
  });

  it('fails where the function jumps', () => {
    const report = gradcheck((x) => tf.sum(tf.add(x, tf.cast(tf.greater(x, 0), 'float32'))), [tensor([1, 0])]);
    expect([report.passed, report.inputs[0]!.problem]).toEqual([false, 'jump']);
    expect(report.failures).toEqual(['input "0", element [1]: the function jumps here; move the input away']);
  });

  it('fails for numbers that are not finite, and says where', () => {
    const report = gradcheck((x) => tf.sum(tf.log(x)), [tensor([1, -1])]);
    expect([report.passed, report.inputs[0]!.problem]).toEqual([false, 'not-finite']);
    expect(report.error).toBeNaN();
    expect(report.failures).toEqual([`input "0": the function's value is not finite here or beside it`]);
    const nanAt700 = () => tf.tensor(Float32Array.from({ length: 1000 }, (_, i) => (i === 700 ? NaN : 1)));
    replace('Sin', { backward: (dy) => ({ x: () => tf.mul(dy, nanAt700()) }) });
    const ruled = gradcheck((x) => tf.sum(tf.sin(x)), [numbers(1000)]);
    expect(ruled.failures[0]).toMatch(/element \[700\]: rule NaN, differences [\d.-]+: the rule's value is not finite/);
  });
});

describe('gradcheck refuses', () => {
  setUp();

  it('a function that draws at random', () => {
    const error = thrown(() => gradcheck((x) => tf.mul(x, tf.randomNormal(x.shape)), [numbers(3)]));
    expect([error.kind, error.fix]).toEqual([
      'not-deterministic',
      'pass what it draws at random as an input, or draw it by a seed',
    ]);
  });

  it.each<[string, string, () => unknown]>([
    ['an integer result', 'not-float', () => gradcheck((x) => tf.argMax(x), [numbers(3)])],
    ['a number as result', 'tree-leaf', () => gradcheck(() => 3 as unknown as Tensor, [numbers(3)])],
    ['a disposed input', 'disposed-input', () => gradcheck((x) => x, [tf.tidy(() => disposedTensor())])],
    ['an input that is no tensor', 'tree-leaf', () => gradcheck((x) => x, [3 as unknown as Tensor])],
    ['inputs that are no array', 'gradcheck-input', () => gradcheck((x) => x, numbers(3) as unknown as [Tensor])],
    ['an unknown option', 'unknown-option', () => gradcheck((x) => x, [numbers(3)], { tolerence: 1 } as object)],
    [
      'a promise',
      'promise',
      () => gradcheck((async (x: Tensor) => x) as unknown as (x: Tensor) => Tensor, [numbers(3)]),
    ],
    ['no function', 'not-a-function', () => gradcheck(undefined as unknown as () => Tensor, [numbers(3)])],
    ['too few names', 'invalid-option', () => gradcheck((x) => x, [numbers(3)], { names: [] })],
  ])('%s', (_, kind, fn) => {
    expect(thrown(fn).kind).toBe(kind);
  });

  it('a wrong gradient under `throws`', () => {
    replace('Sin', { backward: (dy) => ({ x: () => dy }) });
    const error = thrown(() => gradcheck((x) => tf.sin(x), [numbers(3)], { throws: true }));
    expect([error.kind, error.message]).toEqual([
      'gradcheck',
      expect.stringMatching(/input "0", element \[\d\]: rule/),
    ]);
  });

  it('what the function throws by itself, and keeps nothing', () => {
    const fail = (): Tensor => {
      tf.zeros([3]);
      throw new Error('no such thing');
    };
    expect(thrown(() => gradcheck(fail, [numbers(3)])).message).toBe('no such thing');
  });
});

describe('gradgradcheck', () => {
  setUp();

  it('passes a rule that is right in the second order, by inputs and cotangents', () => {
    const report = gradgradcheck((x) => tf.sigmoid(x), [numbers(3)], { names: ['x'] });
    expect(report.inputs.map(({ input }) => input)).toEqual(['x', 'cotangent 0']);
    expect([report.passed, report.error < RIGHT * 10]).toEqual([true, true]);
  });

  it('passes a linear function, whose second derivative is zero', () => {
    expect(gradgradcheck((x) => tf.sum(x), [numbers(3)]).passed).toBe(true);
  });

  it('fails a rule that is right in the first order only', () => {
    replace('Sin', {
      keepInputs: ['x'],
      // The derivative's value without the way to its own derivative.
      backward: (dy, kept) => ({ x: () => tf.mul(dy, tf.tensor(tf.cos(kept.input('x')).dataSync(), dy.shape)) }),
    });
    const x = numbers(3);
    expect(gradcheck((at) => tf.sin(at), [x], { precision: 'float32' }).passed).toBe(true);
    const report = gradgradcheck((at) => tf.sin(at), [x], { tolerance: 1e-6 });
    expect([report.passed, report.worst.input]).toEqual([false, '0']);
  });
});

function disposedTensor(): Tensor {
  const made = tf.zeros([1]);
  made.dispose();
  return made;
}
