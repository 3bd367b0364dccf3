import { afterEach, describe, expect, it } from '@jest/globals';
import { createAdjoint } from '../../src/container.js';
import { defineVjp } from '../../src/autodiff/define-vjp.js';
import { grad } from '../../src/autodiff/grad.js';
import { gradientTape } from '../../src/autodiff/gradient-tape.js';
import { hvp } from '../../src/autodiff/hvp.js';
import { jvp } from '../../src/autodiff/jvp.js';
import { vjp } from '../../src/autodiff/vjp.js';
import { startEngine } from '../../src/engine/start-engine.js';
import { listVjps } from '../../src/autodiff/list-vjps.js';
import { registerKernelVjp, type Removable } from '../../src/autodiff/register-kernel-vjp.js';
import { withRuleChecks } from '../../src/autodiff/rule-checks.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { AdjointError } from '../../src/core/errors.js';
import { withPath } from '../../src/core/path-scope.js';
import { inFloat64, readFloat64 } from '../../src/engine/float64.js';
import { recorded } from '../../src/engine/record/recorded.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { checkGradient, checkSecondGradient } from '../helpers/check-gradient.js';
import { useTestEngine } from '../helpers/engine.js';

const defined: Removable[] = [];
const use = <R extends Removable>(rule: R): R => {
  defined.push(rule);
  return rule;
};
afterEach(() => {
  for (const rule of defined.splice(0)) rule.remove();
});

function refusal(fn: () => unknown): AdjointError {
  try {
    fn();
  } catch (error) {
    if (error instanceof AdjointError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Runs `fn` with tensors that are freed afterwards. */
function withTensors<T>(values: number[][], fn: (...x: Tensor[]) => T): T {
  const tensors = values.map((numbers) => tf.tensor1d(numbers));
  try {
    return fn(...tensors);
  } finally {
    tf.dispose(tensors);
  }
}

/** The gradient of the sum of `fn` by its first argument. */
function gradientOf(fn: (...x: Tensor[]) => Tensor, ...values: number[][]): number[] {
  return withTensors(values, (...x) =>
    tf.tidy(() => {
      const { gradients } = valueAndGradients(() => tf.sum(fn(...x)), [x[0]!]);
      return gradients[0] === null ? [] : [...gradients[0]!.dataSync()];
    }),
  );
}

/** x^2 * y with the right gradient, written by hand. */
const weightedSquare = () =>
  use(
    defineVjp('test/weighted-square', {
      inputs: ['x', 'y'],
      forward: (x, y) => ({ value: tf.mul(tf.square(x), y), keep: { x, y } }),
      backward: (cotangent, { x, y }) => ({
        x: () => tf.mul(cotangent, tf.mul(2, tf.mul(x, y))),
        y: () => tf.mul(cotangent, tf.square(x)),
      }),
    }),
  );
/** tanh, keeping its result. */
const hyperbolic = () =>
  use(
    defineVjp('test/tanh', {
      inputs: ['x'],
      forward: (x) => {
        const value = tf.tanh(x);
        return { value, keep: { value } };
      },
      backward: (cotangent, { value }) => ({ x: () => tf.mul(cotangent, tf.sub(1, tf.square(value))) }),
    }),
  );
/** exp(x)^2, keeping the intermediate exp(x). */
const squaredExponential = () =>
  use(
    defineVjp('test/squared-exponential', {
      inputs: ['x'],
      forward: (x) => {
        const root = tf.exp(x);
        return { value: tf.square(root), keep: { root } };
      },
      backward: (cotangent, { root }) => ({ x: () => tf.mul(cotangent, tf.mul(2, tf.square(root))) }),
    }),
  );

describe('defineVjp', () => {
  useTestEngine();

  it('uses the rule instead of the automatic gradient', () => {
    const tripled = use(
      defineVjp('test/tripled', {
        inputs: ['x'],
        forward: (x) => tf.exp(x),
        backward: (cotangent) => ({ x: () => tf.mul(cotangent, 3) }),
      }),
    );
    expect(gradientOf((x) => tripled(x!), [1, 2])).toEqual([3, 3]);
    expect(gradientOf((x) => tf.mul(tripled(x!), 2), [1, 2])).toEqual([6, 6]);
    expect(withTensors([[0]], (x) => tf.tidy(() => tripled(x!).dataSync()[0]))).toBe(1);
  });

  it.each<[string, () => (...x: Tensor[]) => Tensor, number]>([
    ['kept inputs', weightedSquare as () => (...x: Tensor[]) => Tensor, 2],
    ['a kept result', hyperbolic as () => (...x: Tensor[]) => Tensor, 1],
    ['a kept intermediate', squaredExponential as () => (...x: Tensor[]) => Tensor, 1],
  ])('is right to the third order with %s', (_, make, inputs) => {
    const fn = make();
    const values = [
      [0.3, -0.7, 1.1],
      [0.9, 0.4, -1.3],
    ].slice(0, inputs);
    withTensors(values, (...x) => {
      checkGradient(fn, x);
      checkSecondGradient(fn, x);
      const derivative = (...at: Tensor[]) =>
        tf.addN(
          tf
            .grads(fn)(at)
            .map((g) => tf.sum(tf.square(g))),
        );
      checkSecondGradient(derivative, x);
      // Inside a larger expression.
      checkSecondGradient((...at) => tf.mul(tf.sin(fn(...at.map((t) => tf.cos(t)))), at[0]!), x);
    });
  });

  it('is right as two of itself, and with one tensor as two inputs', () => {
    const fn = weightedSquare();
    withTensors([[0.3, -0.7]], (x) => {
      checkGradient((at) => fn(at, at), [x!]);
      checkSecondGradient((at) => fn(fn(at, at), tf.exp(at)), [x!]);
    });
  });

  it('nests: a rule inside of a rule', () => {
    const inner = hyperbolic();
    const outer = use(
      defineVjp('test/outer', {
        inputs: ['x'],
        forward: (x) => {
          const part = inner(x);
          return { value: tf.mul(part, x), keep: { x, part } };
        },
        backward: (cotangent, { x, part }) => ({
          x: () => tf.mul(cotangent, tf.add(part, tf.mul(x, tf.sub(1, tf.square(inner(x)))))),
        }),
      }),
    );
    withTensors([[0.3, -0.7]], (x) => {
      checkGradient((at) => outer(at), [x!]);
      checkSecondGradient((at) => outer(at), [x!]);
    });
  });

  it('may differentiate in its backward function', () => {
    const fn = use(
      defineVjp('test/by-autodiff', {
        inputs: ['x'],
        forward: (x) => ({ value: tf.pow(x, 3), keep: { x } }),
        backward: (cotangent, { x }) => ({ x: () => tf.grad((at) => tf.pow(at, 3))(x, cotangent) }),
      }),
    );
    withTensors([[0.3, 0.7]], (x) => {
      checkGradient((at) => tf.exp(fn(at)), [x!]);
      checkSecondGradient((at) => fn(at), [x!]);
    });
  });

  it('computes only the results that are asked for', () => {
    const computed: string[] = [];
    const fn = use(
      defineVjp('test/lazy', {
        inputs: ['x', 'y'],
        forward: (x, y) => tf.add(x, y),
        backward: (cotangent) => ({
          x: () => (computed.push('x'), cotangent),
          y: () => (computed.push('y'), cotangent),
        }),
      }),
    );
    expect(gradientOf((x, y) => fn(x!, y!), [1], [2])).toEqual([1]);
    expect(computed).toEqual(['x']);
  });

  it('lets several results be one tensor, a kept one, or the cotangent', () => {
    const shared = use(
      defineVjp('test/shared', {
        inputs: ['x', 'y'],
        forward: (x, y) => ({ value: tf.add(x, y), keep: { y } }),
        backward: (cotangent, { y }) => {
          const both = tf.mul(cotangent, 2);
          return { x: () => both, y: () => (y.size > 1 ? y : both) };
        },
      }),
    );
    expect(gradientOf((x) => tf.add(shared(x!, x!), shared(x!, x!)), [1])).toEqual([8]);
    expect(gradientOf((x) => tf.add(shared(x!, x!), tf.add(shared(x!, x!), x!)), [3, 4])).toEqual([11, 13]);
  });

  it('takes integers and other constants where they are declared, to every order', () => {
    const scaled = use(
      defineVjp('test/scaled-rows', {
        inputs: ['x', 'rows', 'scale'],
        nonDifferentiable: ['rows', 'scale'],
        forward: (x, rows, scale) => {
          const factor = tf.exp(scale);
          return { value: tf.mul(tf.gather(tf.square(x), rows), factor), keep: { x, rows, factor, shape: x.shape } };
        },
        backward: (cotangent, { x, rows, factor, shape }) => ({
          x: () =>
            tf.mul(
              tf.mul(2, x),
              tf.unsortedSegmentSum(tf.mul(cotangent, factor), rows as tf.Tensor1D, shape[0]!) as Tensor,
            ),
        }),
      }),
    );
    const rows = tf.tensor1d([2, 0], 'int32');
    withTensors([[0.3, 0.5, 0.7], [0.2]], (x, scale) => {
      checkGradient((at) => scaled(at, rows, scale!), [x!]);
      checkSecondGradient((at) => scaled(at, rows, scale!), [x!]);
      const mixed = tf.tidy(() => {
        const first = () => tf.sum(tf.grad((at: Tensor) => scaled(at, rows, tf.mul(scale!, 1)))(x!));
        return valueAndGradients(first, [scale!]).gradients[0]!;
      });
      expect(mixed).toBeNull();
    });
    rows.dispose();
  });

  it('gives constants no gradient and unused rules no error', () => {
    const fn = weightedSquare();
    expect(gradientOf((x, y) => tf.add(x!, tf.mul(0, fn(y!, y!))), [1], [2])).toEqual([1]);
    expect(gradientOf((_, y) => fn(y!, y!), [1], [2])).toEqual([]);
  });

  it('passes an input on without making it its own', () => {
    const identity = use(
      defineVjp('test/reverse', {
        inputs: ['x'],
        forward: (x) => x,
        backward: (cotangent) => ({ x: () => tf.neg(cotangent) }),
      }),
    );
    expect(gradientOf((x) => tf.mul(identity(x!), x!), [2, 3])).toEqual([0, 0]);
    withTensors([[5]], (x) => {
      const result = identity(x!);
      result.dispose();
      expect(x!.isDisposed).toBe(false);
    });
  });

  it('goes through the other transformations', () => {
    const fn = squaredExponential();
    withTensors([[0.2, -0.4]], (x) => {
      const before = tf.memory().numTensors;
      tf.tidy(() => {
        const exact = [...x!.dataSync()].map((at) => 2 * Math.exp(2 * at));
        const close = (tensor: Tensor, factor: number) =>
          tensor.dataSync().forEach((value, i) => expect(value).toBeCloseTo(factor * exact[i]!, 5));
        using way = vjp((at: Tensor) => fn(at), x!);
        for (const scale of [1, 2]) close(way.backward(tf.fill([2], scale))[0], scale);
        close(jvp((at: Tensor) => fn(at), [x!], [tf.fill([2], 3)]).tangent, 3);
        const { product } = hvp((at: Tensor) => tf.sum(fn(at)), x!, tf.ones([2]));
        close(product, 2);
        using tape = gradientTape();
        tape.watch(x!);
        const total = tf.sum(fn(x!));
        const slope = tape.gradient(total, x!);
        close(slope, 1);
        close(tape.gradient(tf.sum(slope), x!), 2);
      });
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  it('leaves nothing in a thousand calls to the second order', () => {
    const fn = squaredExponential();
    const { counters } = startEngine();
    withTensors([[0.2]], (x) => {
      const second = grad((at: Tensor) => tf.sum(grad((inner: Tensor) => tf.sum(fn(inner)))(at)));
      second(x!).dispose();
      const before = counters();
      for (let i = 0; i < 1000; i++) second(x!).dispose();
      const { tensors, handles } = counters();
      expect({ tensors, handles }).toEqual({ tensors: before.tensors, handles: before.handles });
    });
  });

  it('computes in double precision', () => {
    const fn = hyperbolic();
    const gradient = inFloat64(() => tf.tidy(() => readFloat64(tf.grad((x: Tensor) => fn(x))(tf.tensor1d([0.5])))[0]!));
    expect(Math.abs(gradient - (1 - Math.tanh(0.5) ** 2))).toBeLessThan(Number.EPSILON * 4);
  });

  it('is recorded, to the second order', async () => {
    const fn = squaredExponential();
    const other = weightedSquare();
    const compute = (x: Tensor) => {
      const value = (at: Tensor) => other(fn(at), tf.sin(at));
      const first = (at: Tensor) => tf.grad(value)(at);
      return [value(x), first(x), tf.grad(first)(x)];
    };
    const x = tf.tensor1d([0.1, 0.4]);
    const run = recorded(compute);
    const results = await run(x);
    const eager = tf.tidy(() => compute(x));
    for (const [i, result] of results.entries()) expect(result.dataSync()).toEqual(eager[i]!.dataSync());
    run.dispose();
    tf.dispose([x, ...results, ...eager]);
  });
});

describe('a lost gradient', () => {
  useTestEngine();

  const scaleBy = (scale: () => Tensor) =>
    use(
      defineVjp('test/closure', {
        inputs: ['x'],
        forward: (x) => tf.mul(tf.tanh(x), tf.exp(scale())),
        backward: (cotangent) => ({ x: () => cotangent }),
      }),
    );

  it('is an error where a tensor that is no input is differentiated by', () => {
    withTensors([[1], [2]], (x, y) => {
      const fn = scaleBy(() => y!);
      const error = refusal(() => valueAndGradients(() => tf.sum(fn(x!)), [x!, y!]));
      expect(error.kind).toBe('captured-tensor');
      expect(error.message).toMatch(/rule "test\/closure"[^]*shape \[1\]/);
    });
  });

  it('is an error through other ops, rules and results, too', () => {
    const rule = weightedSquare();
    withTensors([[1], [2]], (x, y) => {
      const outer: Tensor[] = [];
      const fn = scaleBy(() => rule(outer[0]!, outer[0]!));
      const through = () => {
        outer[0] = tf.square(y!);
        return tf.sum(fn(x!));
      };
      expect(refusal(() => valueAndGradients(through, [y!])).kind).toBe('captured-tensor');
      const returned = use(
        defineVjp('test/returned', {
          inputs: ['x'],
          forward: () => y!,
          backward: (cotangent) => ({ x: () => cotangent }),
        }),
      );
      expect(refusal(() => valueAndGradients(() => tf.sum(returned(x!)), [y!])).kind).toBe('captured-tensor');
    });
  });

  it('is none where the tensor is a constant, or stopped', () => {
    withTensors([[0], [2]], (x, y) => {
      const fn = scaleBy(() => y!);
      const { value, gradients } = valueAndGradients(() => tf.sum(fn(x!)), [x!]);
      expect(gradients[0]!.dataSync()[0]).toBe(1);
      tf.dispose([value, gradients[0]!]);
    });
  });

  it('of the second order is an error where backward uses what forward made and did not keep', () => {
    let hidden: Tensor | undefined;
    const fn = use(
      defineVjp('test/hidden', {
        inputs: ['x'],
        forward: (x) => {
          hidden = tf.keep(tf.exp(x));
          return tf.square(hidden);
        },
        backward: (cotangent) => ({ x: () => tf.mul(cotangent, tf.mul(2, tf.square(hidden!))) }),
      }),
    );
    withTensors([[0.5]], (x) => {
      expect(gradientOf((at) => fn(at!), [0])).toEqual([2]);
      hidden!.dispose();
      const second = () =>
        valueAndGradients(() => tf.sum(valueAndGradients(() => tf.sum(fn(x!)), [x!]).gradients[0]!), [x!]);
      const error = refusal(second);
      expect(error.kind).toBe('not-kept');
      expect(error.message).toContain('rule "test/hidden"');
      hidden!.dispose();
    });
  });
});

describe('a wrong rule', () => {
  useTestEngine();

  it.each<[string, object, RegExp]>([
    ['rule-incomplete', {}, /rule "test\/wrong", gradient by input "x"/],
    ['rule-incomplete', { x: 3 }, /input "x"[^]*received {2}3/],
    ['rule-unknown-input', { x: () => tf.zeros([3]), X: () => tf.zeros([3]) }, /did you mean "x"/],
    ['rule-result', { x: () => 1 }, /input "x"[^]*received {2}1/],
    ['rule-result', { x: async () => 1 }, /input "x"/],
    ['rule-result', [] as object, /input "x"|\[rule-incomplete\]/],
    ['rule-dtype', { x: () => tf.zeros([3], 'int32') }, /input "x"[^]*received {2}dtype int32/],
    ['rule-shape', { x: () => tf.zeros([2]) }, /the input's shape \[3\]\n {2}received {2}shape \[2\]/],
  ])('is refused: %s %#', (kind, results, text) => {
    const fn = use(
      defineVjp('test/wrong', {
        inputs: ['x'],
        forward: (x) => ({ value: tf.exp(x), keep: { x } }),
        backward: () => results as { x: () => Tensor },
      }),
    );
    const error = refusal(() => gradientOf((x) => fn(x!), [1, 2, 3]));
    if (!Array.isArray(results)) expect(error.kind).toBe(kind);
    expect(error.message).toMatch(text);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a number', () => 1, /received {2}1/],
    ['a promise', async () => tf.scalar(1).dispose(), /promise/],
    ['an integer tensor', () => tf.zeros([1], 'int32'), /dtype int32/],
  ])('is refused for a forward result that is %s', (_, forward, text) => {
    const fn = use(
      defineVjp('test/wrong-value', {
        inputs: ['x'],
        forward: forward as () => Tensor,
        backward: (cotangent) => ({ x: () => cotangent }),
      }),
    );
    const error = refusal(() => gradientOf((x) => fn(x!), [1]));
    expect(error.kind).toBe('rule-value');
    expect(error.message).toMatch(text);
    expect(refusal(() => withTensors([[1]], (x) => fn(x!))).kind).toBe('rule-value');
  });

  it('is refused for what it keeps', () => {
    const fn = use(
      defineVjp('test/wrong-keep', {
        inputs: ['x'],
        forward: (x) => ({ value: tf.exp(x), keep: { list: [x] } }),
        backward: (cotangent) => ({ x: () => cotangent }),
      }),
    );
    const error = refusal(() => gradientOf((x) => fn(x!), [1]));
    expect(error.kind).toBe('rule-keep');
    expect(error.message).toMatch(/kept value "list"/);
  });

  it('is refused for its inputs', () => {
    const fn = weightedSquare();
    withTensors([[1]], (x) => {
      const integers = tf.tensor1d([1], 'int32');
      const gone = tf.scalar(1);
      gone.dispose();
      expect(refusal(() => fn(x!, integers)).message).toMatch(/\[integer-input\][^]*nonDifferentiable: \['y'\]/);
      expect(refusal(() => fn(gone, x!)).message).toMatch(/\[disposed-input\][^]*input "x"/);
      expect(refusal(() => fn(x!, 3 as unknown as Tensor)).message).toMatch(/\[rule-input\][^]*input "y"/);
      expect(refusal(() => (fn as unknown as (x: Tensor) => Tensor)(x!)).message).toMatch(
        /\[rule-inputs\][^]*2 tensors: x, y/,
      );
      integers.dispose();
    });
  });

  it('is told of a NaN by rule, input and element, where asked for', () => {
    const root = use(
      defineVjp('test/root', {
        inputs: ['x'],
        forward: (x) => ({ value: tf.sqrt(x), keep: { x } }),
        backward: (cotangent, { x }) => ({ x: () => tf.div(cotangent, tf.mul(2, tf.sqrt(x))) }),
      }),
    );
    const run = () => gradientOf((x) => root(tf.reshape(x!, [2, 2])), [1, 4, 9, 0]);
    expect(run()[3]).toBe(Infinity);
    expect(refusal(() => withRuleChecks(run)).message).toMatch(
      /\[rule-not-finite\] rule "test\/root", gradient by input "x"[^]*Infinity at element \[1, 1\]/,
    );
    // What comes in broken is not this rule's fault.
    expect(withRuleChecks(() => gradientOf((x) => tf.mul(root(x!), NaN), [1]))).toEqual([NaN]);
  });

  it('is named where it reads on the host while it is recorded', async () => {
    const make = (where: 'forward' | 'backward') =>
      use(
        defineVjp(`test/host-${where}`, {
          inputs: ['x'],
          forward: (x) => {
            if (where === 'forward') x.dataSync();
            return { value: tf.exp(x), keep: { x } };
          },
          backward: (cotangent, { x }) => ({ x: () => tf.mul(cotangent, where === 'backward' ? x.dataSync()[0]! : x) }),
        }),
      );
    const x = tf.tensor1d([1]);
    for (const where of ['forward', 'backward'] as const) {
      const fn = make(where);
      const run = recorded((at: Tensor) =>
        withPath('dense', () => valueAndGradients(() => tf.sum(fn(at)), [at]).value),
      );
      const error = await run(x).catch((thrown: unknown) => thrown as AdjointError);
      const place = where === 'forward' ? 'layer "dense"' : 'backward pass of layer "dense"';
      expect((error as AdjointError).message).toContain(`TraceError [host-read] rule "test/host-${where}" in ${place}`);
    }
    x.dispose();
  });

  it.each(['forward', 'backward', 'result'])('that throws in its %s leaves nothing and says what it threw', (where) => {
    const throwing = (part: string): void => {
      if (part !== where) return;
      tf.exp(tf.scalar(1));
      throw new Error('mine');
    };
    const fn = use(
      defineVjp('test/throwing', {
        inputs: ['x'],
        forward: (x) => {
          const inner = tf.exp(x);
          throwing('forward');
          return { value: tf.square(inner), keep: { x, inner } };
        },
        backward: (cotangent, { x }) => {
          tf.grad((at) => tf.exp(at))(x);
          throwing('backward');
          return {
            x: () => {
              tf.grad((at) => {
                throwing('result');
                return tf.exp(at);
              })(x);
              return cotangent;
            },
          };
        },
      }),
    );
    withTensors([[1, 2]], (x) => {
      const before = tf.memory().numTensors;
      const first = () => tf.tidy(() => valueAndGradients(() => tf.sum(fn(tf.exp(x!))), [x!]).gradients[0]!);
      expect(first).toThrow('mine');
      expect(tf.memory().numTensors).toBe(before);
      const caught = tf.tidy(
        () =>
          valueAndGradients(() => {
            try {
              return tf.sum(first());
            } catch {
              return tf.sum(tf.square(x!));
            }
          }, [x!]).gradients[0]!,
      );
      expect([...caught.dataSync()]).toEqual([2, 4]);
      caught.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a bad name', () => defineVjp('gelu', {} as never), /vendor\/kebab-case/],
    ['no inputs', () => defineVjp('test/a', { inputs: [] } as never), /option "inputs"/],
    ['an input twice', () => defineVjp('test/a', { inputs: ['x', 'x'] } as never), /each name once/],
    [
      'an unknown constant',
      () => defineVjp('test/a', { inputs: ['indices'], nonDifferentiable: ['indice'] } as never),
      /did you mean "indices"/,
    ],
    [
      'nothing to differentiate by',
      () => defineVjp('test/a', { inputs: ['x'], nonDifferentiable: ['x'] } as never),
      /left to differentiate by/,
    ],
    ['no forward', () => defineVjp('test/a', { inputs: ['x'] } as never), /option "forward"/],
    ['no rule', () => defineVjp('test/a', undefined as never), /an object with inputs/],
  ])('is refused when it is defined: %s', (_, define, text) => {
    const error = refusal(define);
    expect(error.kind).toBe('rule-definition');
    expect(error.message).toMatch(text);
    expect(listVjps().some(({ name }) => name === 'test/a')).toBe(false);
  });
});

describe('listVjps', () => {
  useTestEngine();

  it('lists named rules by instance, and kernels for all', () => {
    const one = createAdjoint();
    const define = () =>
      defineVjp('test/scoped', {
        inputs: ['x', 'rows'],
        nonDifferentiable: ['rows'],
        forward: (x) => x,
        backward: (cotangent) => ({ x: () => cotangent }),
      });
    const mine = one.create(define);
    const names = () => listVjps().map(({ name }) => name);
    expect(one.create(listVjps)[0]).toEqual({
      kind: 'named',
      name: 'test/scoped',
      inputs: ['x', 'rows'],
      nonDifferentiable: ['rows'],
    });
    expect(names()).not.toContain('test/scoped');
    expect(refusal(() => one.create(define)).kind).toBe('registered-twice');
    use(define());
    expect(names()).toContain('test/scoped');
    mine.remove();
    expect(one.create(names)).not.toContain('test/scoped');
    expect(names()).toContain('test/scoped');
    one.create(define).remove();
    mine.remove();

    const kernel = registerKernelVjp('Neg', { backward: (dy) => ({ x: () => dy }) }, { replace: true });
    expect(one.create(listVjps)).toContainEqual({ kind: 'kernel', name: 'Neg', inputs: [], nonDifferentiable: [] });
    kernel.remove();
    expect(names()).not.toContain('Neg');
  });
});
