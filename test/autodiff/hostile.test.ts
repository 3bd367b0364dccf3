import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { checkpoint } from '../../src/autodiff/checkpoint.js';
import { customRoot } from '../../src/autodiff/custom-root.js';
import { defineVjp } from '../../src/autodiff/define-vjp.js';
import { fixedPoint } from '../../src/autodiff/fixed-point.js';
import { grad } from '../../src/autodiff/grad.js';
import { gradcheck } from '../../src/autodiff/gradcheck.js';
import { gradgradcheck } from '../../src/autodiff/gradgradcheck.js';
import { gradientTape } from '../../src/autodiff/gradient-tape.js';
import { hessianTrace } from '../../src/autodiff/hessian-trace.js';
import { hvp } from '../../src/autodiff/hvp.js';
import { jacobian } from '../../src/autodiff/jacobian.js';
import { conjugateGradients } from '../../src/autodiff/linear-solvers.js';
import { linearize } from '../../src/autodiff/linearize.js';
import { noGrad } from '../../src/autodiff/no-grad.js';
import { perExampleGrads } from '../../src/autodiff/per-example-grads.js';
import { registerKernelVjp } from '../../src/autodiff/register-kernel-vjp.js';
import { withRuleChecks } from '../../src/autodiff/rule-checks.js';
import { stopGradient } from '../../src/autodiff/stop-gradient.js';
import { straightThrough } from '../../src/autodiff/straight-through.js';
import { tapeEngine } from '../../src/autodiff/tape.js';
import { mapTree } from '../../src/autodiff/tensor-tree.js';
import { valueAndGrad } from '../../src/autodiff/value-and-grad.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { vjp } from '../../src/autodiff/vjp.js';
import { AdjointError } from '../../src/core/errors.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';

/** Lets a test pass what the types forbid. */
type Loose = (...args: unknown[]) => never;
const loose = (fn: unknown): Loose => fn as Loose;

const square = (x: Tensor): Tensor => tf.square(x);
const squares = (x: Tensor): Tensor => tf.tidy(() => tf.sum(tf.square(x)));

/** The kind of the error; afterwards the tape is idle and a gradient is what it was. */
function refused(attempt: () => unknown): string {
  let error: unknown = 'nothing was refused';
  tf.tidy(() => {
    try {
      attempt();
    } catch (caught) {
      error = caught;
    }
  });
  expect(error).toBeInstanceOf(AdjointError);
  const { kind, where, expected, fix } = error as AdjointError;
  expect([where !== '', expected !== undefined || fix !== undefined]).toEqual([true, true]);
  expectIdle();
  return kind;
}

function expectIdle(): void {
  const { gradientDepth, kernelDepth } = tapeEngine().state;
  expect([gradientDepth, kernelDepth]).toEqual([0, 0]);
  const gradient = tf.tidy(() => {
    const result = grad(squares)(tf.tensor1d([1, 2])) as Tensor;
    return Array.from(result.dataSync());
  });
  expect(gradient).toEqual([2, 4]);
}

/** A tensor that was disposed. */
function gone(): Tensor {
  const tensor = tf.tensor1d([1, 2]);
  tensor.dispose();
  return tensor;
}

const disposedResult = (x: Tensor): Tensor => {
  const y = tf.sum(x);
  y.dispose();
  return y;
};

describe('hostile input to the transformations', () => {
  useTestEngine();
  const x = () => tf.tensor1d([1, 2]);

  it.each<[string, string, () => unknown]>([
    ['a disposed result', 'disposed-result', () => loose(grad(disposedResult))(x())],
    ['a disposed result of vjp', 'disposed-result', () => vjp(disposedResult, x())],
    [
      'a disposed result of valueAndGradients',
      'disposed-result',
      () => valueAndGradients(() => disposedResult(x()), [x()]),
    ],
    [
      'disposed auxiliary',
      'disposed-result',
      () => valueAndGrad((at: Tensor) => ({ value: tf.sum(at), auxiliary: gone() }), { auxiliary: true })(x()),
    ],
    ['auxiliary of grad', 'invalid-option', () => loose(grad)(squares, { auxiliary: true })],
    ['auxiliary that is no boolean', 'invalid-option', () => loose(valueAndGrad)(squares, { auxiliary: 'yes' })],
    ['options that are null', 'invalid-option', () => loose(grad)(squares, null)],
    ['options that are an array', 'invalid-option', () => loose(jacobian)(square, [])],
    ['an array with a hole', 'tree-leaf', () => loose(grad(() => tf.scalar(1)))([, x()])], // eslint-disable-line no-sparse-arrays
    [
      'a tree without an end',
      'tree-depth',
      () => {
        const endless = (): object => ({
          get next() {
            return endless();
          },
        });
        loose(grad(() => tf.scalar(1)))(endless());
      },
    ],
    [
      'a tree that is another when it is looked at again',
      'tree-changed',
      () => {
        const tree: Record<string, Tensor> = { a: x(), b: x() };
        const forgetful = (at: typeof tree): Tensor => {
          delete tree['b'];
          return squares(at['a']!);
        };
        grad(forgetful)(tree);
      },
    ],
    ['mapTree without a function', 'not-a-function', () => loose(mapTree)(3, x())],
    ['stopGradient of a disposed tensor', 'disposed-input', () => stopGradient(gone())],
    [
      'too many tangents',
      'tangent-mismatch',
      () => {
        using linear = linearize(square, x());
        loose(linear.apply)(x(), x());
      },
    ],
    ['a disposed batch', 'disposed-input', () => perExampleGrads((w: Tensor, _: Tensor) => tf.sum(w))(x(), gone())],
    ['valueAndGradients without a function', 'not-a-function', () => loose(valueAndGradients)(3, [])],
    ['valueAndGradients by no array', 'gradient-inputs', () => loose(valueAndGradients)(() => squares(x()), x())],
    ['valueAndGradients by a number', 'gradient-inputs', () => loose(valueAndGradients)(() => squares(x()), [3])],
    [
      'valueAndGradients by nothing',
      'gradient-inputs',
      () => loose(valueAndGradients)(() => squares(x()), [undefined]),
    ],
    [
      'valueAndGradients by integers',
      'integer-input',
      () => valueAndGradients(() => squares(x()), [tf.scalar(1, 'int32')]),
    ],
    ['valueAndGradients by a disposed tensor', 'disposed-input', () => valueAndGradients(() => squares(x()), [gone()])],
    [
      'valueAndGradients of a promise',
      'promise',
      () => loose(valueAndGradients)(() => Promise.reject(new Error('lost')), []),
    ],
    ['an op on a disposed tensor', 'disposed-tensor', () => tf.square(gone())],
  ])('refuses %s', (_name, kind, attempt) => {
    expect(refused(attempt)).toBe(kind);
  });

  it('does not take properties of an array for tensors of it', () => {
    const tree = Object.assign([x()], { scale: tf.scalar(3) });
    const gradient = grad((at: Tensor[]) => squares(at[0]!))(tree);
    expect(Object.keys(gradient)).toEqual(['0']);
    tf.dispose([...tree, tree.scale, ...gradient]);
  });

  it('gives valueAndGradients a value of its own where it is a tensor from outside', () => {
    const outside = tf.scalar(3);
    const { value, gradients } = valueAndGradients(() => outside, [outside]);
    value.dispose();
    expect(outside.isDisposed).toBe(false);
    expect(gradients[0]!.dataSync()[0]).toBe(1);
    tf.dispose([outside, gradients[0]!]);
  });

  it('differentiates twice where there are no elements', () => {
    const empty = tf.zeros([0]);
    const { gradient, product } = hvp(squares, empty, empty);
    const trace = hessianTrace(squares, empty, { samples: 2 });
    const none = hessianTrace(() => tf.scalar(1), {}, { samples: 2 });
    expect([product.shape, trace.estimate.dataSync()[0], none.estimate.dataSync()[0]]).toEqual([[0], 0, 0]);
    tf.dispose([empty, gradient, product, ...Object.values(trace), ...Object.values(none)]);
  });

  it('frees what a backward pass of tf.grad kept when it throws', () => {
    const rule = registerKernelVjp(
      'Sin',
      {
        keepInputs: ['x'],
        backward: () => {
          throw new Error('mine');
        },
      },
      { replace: true },
    );
    tf.tidy(() => expect(() => tf.grad((at) => tf.sin(at))(x())).toThrow('mine'));
    rule.remove();
    expectIdle();
  });
});

describe('hostile rules', () => {
  useTestEngine();
  const x = () => tf.tensor1d([1, 2]);
  const fine = {
    inputs: ['x'] as readonly string[],
    forward: (at: Tensor): unknown => ({ value: tf.square(at), keep: { x: at } }),
    backward: (cotangent: Tensor, kept: Record<string, Tensor>): unknown => ({
      x: () => tf.mul(cotangent, tf.mul(2, kept['x']!)),
    }),
  };
  let count = 0;
  const run = (parts: Partial<typeof fine>): Tensor => {
    const rule = (defineVjp as unknown as (name: string, rule: object) => { (at: Tensor): Tensor; remove(): void })(
      `hostile/rule-${count++}`,
      { ...fine, ...parts },
    );
    try {
      return grad((at: Tensor) => tf.sum(rule(tf.mul(at, 1))))(x());
    } finally {
      rule.remove();
    }
  };
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;

  it.each<[string, string, () => unknown]>([
    ['an option that is misspelt', 'rule-definition', () => run({ nonDiferentiable: ['x'] } as object)],
    ['keep null', 'rule-keep', () => run({ forward: (at) => ({ value: tf.square(at), keep: null }) })],
    ['keep an array', 'rule-keep', () => run({ forward: (at) => ({ value: tf.square(at), keep: [at] }) })],
    [
      'keep a promise',
      'rule-keep',
      () => run({ forward: (at) => ({ value: tf.square(at), keep: { at: Promise.reject(new Error('lost')) } }) }),
    ],
    [
      'keep tensors deep down',
      'rule-keep',
      () => run({ forward: (at) => ({ value: tf.square(at), keep: { a: { b: { at } } } }) }),
    ],
    [
      'keep tensors in a map',
      'rule-keep',
      () => run({ forward: (at) => ({ value: tf.square(at), keep: { a: new Map([[1, at]]) } }) }),
    ],
    [
      'a forward function that disposes its input',
      'rule-disposed',
      () =>
        run({
          forward: (at) => {
            const value = tf.square(at);
            at.dispose();
            return value;
          },
        }),
    ],
    [
      'a backward function that disposes the cotangent',
      'rule-disposed',
      () =>
        run({
          backward: (cotangent) => ({
            x: () => {
              const gradient = tf.mul(cotangent, 2);
              cotangent.dispose();
              return gradient;
            },
          }),
        }),
    ],
    [
      'a backward function that disposes what was kept',
      'rule-disposed',
      () =>
        run({
          backward: (cotangent, { x: kept }) => ({
            x: () => {
              kept!.dispose();
              return tf.mul(cotangent, 2);
            },
          }),
        }),
    ],
    ['rule checks without a function', 'not-a-function', () => loose(withRuleChecks)(3)],
    ['rule checks of what ends later', 'promise', () => withRuleChecks(() => Promise.resolve(1))],
    ['a kernel without a name', 'rule-definition', () => loose(registerKernelVjp)('', { backward: () => ({}) })],
    ['a kernel rule that is missing', 'options-type', () => loose(registerKernelVjp)('NewKernel')],
    ['a kernel rule without backward', 'rule-definition', () => loose(registerKernelVjp)('NewKernel', {})],
    [
      'a kernel rule misspelt',
      'unknown-option',
      () => loose(registerKernelVjp)('NewKernel', { keepInput: ['x'], backward: () => ({}) }),
    ],
    [
      'kept inputs that are no list',
      'rule-definition',
      () => loose(registerKernelVjp)('NewKernel', { keepInputs: 'x', backward: () => ({}) }),
    ],
    [
      'kept outputs that are no list',
      'rule-definition',
      () => loose(registerKernelVjp)('NewKernel', { keepOutputs: true, backward: () => ({}) }),
    ],
    [
      'options of a kernel rule',
      'unknown-option',
      () => loose(registerKernelVjp)('Sin', { backward: () => ({}) }, { replce: true }),
    ],
  ])('refuses %s', (_name, kind, attempt) => {
    expect(refused(attempt)).toBe(kind);
  });

  it.each<[string, string, (cotangent: Tensor) => unknown]>([
    ['nothing', 'rule-result', () => undefined],
    ['null', 'rule-result', () => null],
    ['a promise', 'rule-result', () => Promise.reject(new Error('lost'))],
    ['a tensor for a function', 'rule-incomplete', (cotangent) => ({ x: cotangent })],
    ['a disposed tensor', 'rule-result', () => ({ x: gone })],
    ['a promise of a tensor', 'rule-result', (cotangent) => ({ x: () => Promise.resolve(cotangent) })],
    [
      'after it disposed the cotangent',
      'rule-disposed',
      (cotangent) => ({
        x: () => {
          cotangent.dispose();
          return tf.ones([2]);
        },
      }),
    ],
  ])('refuses %s of the rule of a kernel', (_name, kind, backward) => {
    const rule = registerKernelVjp('Sin', { backward: loose(backward) }, { replace: true });
    try {
      expect(refused(() => grad((at: Tensor) => tf.sum(tf.mul(tf.sin(at), 2)))(x()))).toBe(kind);
    } finally {
      rule.remove();
    }
  });

  it('lets cycles be kept, and names of inputs that objects have anyway', () => {
    const gradient = tf.tidy(() => {
      const kept = run({ forward: (at) => ({ value: tf.square(at), keep: { x: at, cyclic } }) });
      return Array.from(kept.dataSync());
    });
    expect(gradient).toEqual([2, 4]);
  });

  it('leaves the list of inputs alone once the rule is defined', () => {
    const inputs = ['x'];
    const rule = defineVjp(`hostile/list`, {
      inputs,
      forward: (at) => tf.square(at!),
      backward: (cotangent) => ({ x: () => cotangent }),
    });
    inputs.push('y');
    const gradient = tf.tidy(() => Array.from(grad((at: Tensor) => tf.sum(loose(rule)(at)))(x()).dataSync()));
    expect(gradient).toEqual([1, 1]);
    rule.remove();
  });

  it('owns what a kernel rule hands through: the caller may dispose it, and two inputs do not share it', () => {
    const outside = x();
    const through = registerKernelVjp('Sin', { backward: () => ({ x: () => outside }) }, { replace: true });
    const gradient = tf.tidy(() => tf.grad((at) => tf.sin(at))(x()));
    gradient.dispose();
    expect(outside.isDisposed).toBe(false);
    through.remove();
    const both = registerKernelVjp(
      'Atan2',
      {
        backward: (cotangent) => {
          const same = tf.mul(cotangent, 3);
          return { a: () => same, b: () => same };
        },
      },
      { replace: true },
    );
    const sums = tf.tidy(() =>
      Array.from(
        tf
          .grad((at) => tf.add(tf.atan2(at, tf.mul(at, 2)), tf.mul(at, 5)))(x())
          .dataSync(),
      ),
    );
    expect(sums).toEqual([14, 14]);
    both.remove();
    outside.dispose();
  });
});

describe('hostile roots and solvers', () => {
  useTestEngine();
  const x = () => tf.tensor1d([1, 2]);
  const root = (options?: object) =>
    loose(customRoot)(
      (at: Tensor, a: Tensor) => tf.sub(tf.square(at), a),
      (a: Tensor) => tf.sqrt(a),
      options,
    ) as (...parameters: unknown[]) => Tensor;
  const iterate = (step: unknown, options?: object) => loose(fixedPoint)(step, options) as (...at: unknown[]) => Tensor;

  it.each<[string, string, () => unknown]>([
    ['misspelt options of customRoot', 'unknown-option', () => root({ tol: 1 })],
    ['a tolerance that is a string', 'invalid-option', () => root({ tolerance: '1' })],
    ['a number for a parameter', 'rule-input', () => root()(3)],
    ['nothing for a parameter', 'rule-input', () => root()(undefined)],
    [
      'a solver of nothing, with a tolerance',
      'rule-value',
      () => (loose(customRoot)(square, () => undefined, { tolerance: 1 }) as (at: Tensor) => Tensor)(x()),
    ],
    [
      'a residual of nothing, with a tolerance',
      'residual-shape',
      () =>
        customRoot(
          loose(() => undefined),
          square,
          { tolerance: 1 },
        )(x()),
    ],
    [
      'a residual that is a promise',
      'residual-shape',
      () =>
        customRoot(
          loose(() => Promise.reject(new Error('lost'))),
          square,
        )(x()),
    ],
    ['misspelt options of fixedPoint', 'unknown-option', () => iterate(square, { iters: 1 })],
    ['a start that is a number', 'rule-input', () => iterate(square)(3)],
    ['a start of integers', 'integer-input', () => iterate(square)(tf.scalar(1, 'int32'))],
    ['a start that was disposed', 'disposed-input', () => iterate(square)(gone())],
    ['a step of nothing', 'step-result', () => iterate(() => undefined)(x())],
    ['a step that is a promise', 'promise', () => iterate(() => Promise.reject(new Error('lost')))(x())],
    ['a step to another shape', 'step-result', () => iterate((at: Tensor) => tf.sum(at))(x())],
    ['conjugate gradients of no function', 'not-a-function', () => loose(conjugateGradients)(3, x())],
    ['conjugate gradients without a right side', 'right-side', () => loose(conjugateGradients)(square)],
    ['a right side of integers', 'integer-input', () => conjugateGradients(square, tf.scalar(1, 'int32'))],
    ['a product of another shape', 'product-shape', () => conjugateGradients(() => tf.ones([3]), x())],
    [
      'a product of nothing',
      'product-shape',
      () =>
        conjugateGradients(
          loose(() => undefined),
          x(),
        ),
    ],
    [
      'misspelt options of conjugateGradients',
      'unknown-option',
      () => loose(conjugateGradients)(square, x(), { iters: 1 }),
    ],
    [
      'misspelt options of straightThrough',
      'unknown-option',
      () => loose(straightThrough)(square, { surogate: square }),
    ],
    [
      'a disposed input of straightThrough',
      'disposed-input',
      () => straightThrough(square, { surrogate: square })(gone()),
    ],
    [
      'a number as input of straightThrough',
      'rule-input',
      () => loose(straightThrough(square, { surrogate: square }))(3),
    ],
  ])('refuses %s', (_name, kind, attempt) => {
    expect(refused(attempt)).toBe(kind);
  });

  it('leaves a parameter alive that a step hands through', () => {
    const parameter = x();
    const start = tf.zeros([2]);
    const found = iterate((_: Tensor, a: Tensor) => a, { iterations: 3 })(start, parameter);
    expect([parameter.isDisposed, ...found.dataSync()]).toEqual([false, 1, 2]);
    tf.dispose([parameter, start, found]);
  });

  it('has no unknowns to solve for where there are no elements', () => {
    const gradient = tf.tidy(() => grad((a: Tensor) => tf.sum(root()(a)))(tf.zeros([0])).shape);
    expect(gradient).toEqual([0]);
  });
});

describe('hostile use of a persistent tape', () => {
  useTestEngine();
  const x = () => tf.tensor1d([1, 2]);

  it.each<[string, (dispose: () => void) => unknown]>([
    ['grad', (dispose) => grad((at: Tensor) => (dispose(), squares(at)))(x())],
    ['noGrad', (dispose) => noGrad(dispose)],
    ['noGrad inside grad', (dispose) => grad((at: Tensor) => (noGrad(dispose), squares(at)))(x())],
  ])('is not ended inside %s that began after it, and goes on', (_name, attempt) => {
    tf.tidy(() => {
      using tape = gradientTape();
      const at = tape.watch(x());
      expect(() => attempt(() => tape.dispose())).toThrow(/\[tape-order\]/);
      expect(Array.from(tape.gradient(squares(at), at).dataSync())).toEqual([2, 4]);
    });
    expectIdle();
  });

  it('ends with the transformation that it was begun in, and leaves the outer one whole', () => {
    let escaped: ReturnType<typeof gradientTape> | undefined;
    const cubes = (at: Tensor): Tensor => {
      tf.dispose(
        grad((inner: Tensor) => {
          escaped = gradientTape();
          return squares(inner);
        })(at),
      );
      expect(() => escaped!.watch(at)).toThrow(/\[tape-disposed\]/);
      escaped!.dispose();
      return tf.sum(tf.mul(tf.square(at), at));
    };
    expect(tf.tidy(() => Array.from(grad(cubes)(x()).dataSync()))).toEqual([3, 12]);
    expectIdle();
  });

  it('that was begun in noGrad and not ended keeps nothing alive', () => {
    let escaped: ReturnType<typeof gradientTape> | undefined;
    const at = x();
    noGrad(() => {
      escaped = gradientTape();
      escaped.watch(at);
      squares(at).dispose();
    });
    escaped!.dispose();
    at.dispose();
    expectIdle();
  });

  it('refuses options that it does not know', () => {
    const kind = refused(() => {
      using tape = gradientTape();
      const at = tape.watch(x());
      loose(tape.gradient.bind(tape))(squares(at), at, { cotangnt: at });
    });
    expect(kind).toBe('unknown-option');
  });
});

describe('hostile functions under checks and checkpoints', () => {
  useTestEngine();
  const x = () => tf.tensor1d([1, 2]);
  const later = (first: (at: Tensor) => unknown, then: (at: Tensor) => unknown, calls: number) => {
    let count = 0;
    return loose((at: Tensor) => (count++ < calls ? first(at) : then(at)));
  };

  it.each<[string, string, () => unknown]>([
    ['a hole among the inputs', 'tree-leaf', () => loose(gradcheck)(square, [, x()])], // eslint-disable-line no-sparse-arrays
    ['a function without a result', 'no-result', () => loose(gradcheck)(() => ({}), [x()])],
    [
      'a function whose result changes its shape',
      'not-deterministic',
      () => gradcheck(later(square, squares, 2), [x()]),
    ],
    [
      'a function of ever fewer results',
      'not-deterministic',
      () =>
        gradcheck(
          later(
            (at) => [at, at],
            (at) => [at],
            2,
          ),
          [x()],
        ),
    ],
    ['more directions than end', 'invalid-option', () => gradcheck(square, [x()], { directions: 1e12 })],
    ['more elements than end', 'invalid-option', () => gradcheck(square, [x()], { sampledElements: 1e12 })],
    ['a seed that is no whole number', 'invalid-option', () => gradcheck(square, [x()], { seed: 1e300 })],
    [
      'integers to the second order',
      'no-float-input',
      () => gradgradcheck((at: Tensor) => tf.cast(at, 'float32'), [tf.scalar(1, 'int32')]),
    ],
    ['no result to the second order', 'no-result', () => loose(gradgradcheck)(() => ({}), [x()])],
    [
      'a checkpointed function that gives other shapes the second time',
      'checkpoint-differs',
      () => grad((at: Tensor) => tf.sum(checkpoint(later(square, squares, 1) as unknown as typeof square)(at)))(x()),
    ],
  ])('refuses %s', (_name, kind, attempt) => {
    expect(refused(attempt)).toBe(kind);
  });

  it('does not let a function that is checked dispose its inputs', () => {
    const at = x();
    const greedy = (input: Tensor): Tensor => {
      const result = tf.square(input);
      input.dispose();
      return result;
    };
    expect(() => gradgradcheck(greedy, [at])).toThrow(AdjointError);
    expect(at.isDisposed).toBe(false);
    at.dispose();
  });

  it('takes the rounding of sums of many terms for no jump', () => {
    const many = tf.ones([400, 1000]);
    const report = gradgradcheck(square, [many], { directions: 2, sampledElements: 1 });
    expect([report.passed, report.kinks]).toEqual([true, []]);
    many.dispose();
  });
});
