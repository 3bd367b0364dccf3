import { describe, expect, it } from '@jest/globals';
import { grad } from '../../src/autodiff/grad.js';
import { noGrad } from '../../src/autodiff/no-grad.js';
import { stopGradient } from '../../src/autodiff/stop-gradient.js';
import { mapTree } from '../../src/autodiff/tensor-tree.js';
import { valueAndGrad } from '../../src/autodiff/value-and-grad.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { expectClose } from '../helpers/close.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES } from '../helpers/execution-modes.js';

const cubes = (x: Tensor) => tf.sum(tf.mul(tf.square(x), x));

describe.each(MODES)('grad, %s', (_mode, execute, tolerance) => {
  useTestEngine();
  const near = (actual: ArrayLike<number>, wanted: ArrayLike<number>) => expectClose(actual, wanted, tolerance);

  it('differentiates by the first argument', async () => {
    const x = tf.tensor1d([1, 2]);
    const scale = tf.scalar(2);
    const weighted = (at: Tensor, by: Tensor) => tf.mul(cubes(at), by);
    const [gradient] = await execute((a, b) => [grad(weighted)(a!, b!)], [x, scale]);
    near(gradient!, [6, 24]);
    tf.dispose([x, scale]);
  });

  it('differentiates by several arguments', async () => {
    const inputs = [tf.scalar(2), tf.scalar(3), tf.scalar(5)];
    const product = (a: Tensor, b: Tensor, c: Tensor) => tf.mul(a, tf.mul(tf.square(b), c));
    const results = await execute((...at) => grad(product, { arguments: [2, 0] })(at[0]!, at[1]!, at[2]!), inputs);
    near(results.flat(), [18, 45]);
    tf.dispose(inputs);
  });

  it('nests: third derivative, mixed derivatives, products with an inner gradient', async () => {
    const x = tf.tensor1d([0.3, -0.8]);
    const values = [0.3, -0.8].map(Math.fround);
    const third = (at: Tensor) =>
      grad((a) => tf.sum(grad((b) => tf.sum(grad((c) => tf.sum(tf.exp(tf.mul(2, c))))(b)))(a)))(at);
    const mixed = (at: Tensor) => grad((a) => tf.sum(tf.mul(a, grad((b) => tf.sum(tf.sin(tf.mul(a, b))))(a))))(at);
    const results = await execute((at) => [third(at!), mixed(at!)], [x]);
    near(
      results[0]!,
      values.map((v) => 8 * Math.exp(2 * v)),
    );
    // d/da of a * d/db sin(a b) at b = a is d/da of a^2 cos(a^2).
    near(
      results[1]!,
      values.map((v) => 2 * v * Math.cos(v * v) - 2 * v ** 3 * Math.sin(v * v)),
    );
    x.dispose();
  });

  it('does not confuse the tensor of an outer gradient with that of an inner one', async () => {
    const x = tf.scalar(3);
    // The inner gradient is by its own argument alone: d/dy (x y) = x, so that the whole is x^2.
    const f = (a: Tensor) => tf.mul(a, grad((b) => tf.mul(a, b))(a));
    const before = (a: Tensor) => {
      const square = tf.square(a);
      return grad((b) => tf.mul(square, b))(a);
    };
    const results = await execute((at) => [grad(f)(at!), grad(before)(at!)], [x]);
    near(results.flat(), [6, 6]);
    x.dispose();
  });

  it('gives zeros for what the value does not depend on, also at second order', async () => {
    const x = tf.tensor1d([1, 2]);
    const results = await execute(
      (at) => [
        grad((_: Tensor) => tf.scalar(4))(at!),
        grad((a) => tf.sum(grad((b) => tf.sum(tf.mul(3, b)))(a)))(at!),
        ...Object.values(grad((t: { used: Tensor; unused: Tensor }) => tf.sum(t.used))({ used: at!, unused: at! })),
      ],
      [x],
    );
    expect(results).toEqual([
      [0, 0],
      [0, 0],
      [1, 1],
      [0, 0],
    ]);
    x.dispose();
  });

  it('takes trees, and stops where it is told to', async () => {
    const x = tf.tensor1d([1, 2]);
    const f = (tree: { a: Tensor; list: [Tensor, { b: Tensor }] }) =>
      tf.sum(tf.mul(tree.a, tf.mul(tree.list[0], stopGradient(tree.list[1].b))));
    const held = (a: Tensor) =>
      tf.sum(
        tf.mul(
          a,
          noGrad(() => tf.mul(a, grad(cubes)(a))),
        ),
      );
    const results = await execute(
      (at) => {
        const gradient = grad(f)({ a: at!, list: [tf.mul(at!, 2), { b: tf.mul(at!, 3) }] });
        return [gradient.a, gradient.list[0], gradient.list[1].b, grad(held)(at!)];
      },
      [x],
    );
    expect(results).toEqual([
      [6, 24],
      [3, 12],
      [0, 0],
      [3, 24],
    ]);
    x.dispose();
  });
});

describe('valueAndGrad', () => {
  useTestEngine();

  it("gives value, gradient and auxiliary trees, all the caller's", () => {
    const w = { a: tf.scalar(3), b: tf.tensor1d([1, 2]) };
    const before = tf.memory().numTensors;
    const { value, gradient, auxiliary } = valueAndGrad(
      ({ a, b }: typeof w) => {
        const product = tf.mul(a, b);
        return { value: tf.sum(product), auxiliary: { product, again: product, input: a, outside: w.b } };
      },
      { auxiliary: true },
    )(w);
    expect(tf.memory().numTensors - before).toBe(1 + 2 + 4);
    expect(value.dataSync()[0]).toBe(9);
    expect(gradient.a.dataSync()[0]).toBe(3);
    expect([...gradient.b.dataSync()]).toEqual([3, 3]);
    tf.dispose([value, gradient, auxiliary] as unknown as tf.TensorContainer);
    expect(tf.memory().numTensors).toBe(before);
    expect([...w.b.dataSync()]).toEqual([1, 2]);
    tf.dispose(w);
  });

  it('gives what the function was given, or a tensor from outside, as a tensor of its own', () => {
    const x = tf.scalar(3);
    const identity = valueAndGrad((a) => a)(x);
    expect([identity.value, identity.gradient].map((t) => t.dataSync()[0])).toEqual([3, 1]);
    const outside = valueAndGrad((_: Tensor) => x, { unused: 'null' })(x);
    expect(outside.gradient).toBeNull();
    expect(outside.value).not.toBe(x);
    tf.dispose([identity.value, identity.gradient, outside.value]);
    expect(x.dataSync()[0]).toBe(3);
    x.dispose();
  });

  it('survives a rule that hands one tensor to two inputs, or a saved one through', () => {
    const x = tf.tensor1d([1, 2]);
    const both = tf.customGrad((a, b, save) => {
      (save as (tensors: Tensor[]) => void)([a as Tensor]);
      return { value: tf.add(a as Tensor, b as Tensor), gradFunc: (dy: Tensor) => [dy, dy] };
    });
    const gradient = grad((a) => tf.sum(both(tf.mul(a, 1), tf.mul(a, both(a, a)))))(x);
    expect([...gradient.dataSync()]).toEqual([5, 9]);
    tf.dispose([x, gradient]);
  });
});

describe('grad inside a custom gradient', () => {
  useTestEngine();

  it.each([1, 2])('works in its forward and in its backward function, at order %i', (order) => {
    const x = tf.tensor1d([0.5, 2]);
    // Value: the derivative of x^3; gradient: taken inside the backward function.
    const slope = tf.customGrad((a, save) => {
      (save as (tensors: Tensor[]) => void)([a as Tensor]);
      return {
        value: grad(cubes)(a as Tensor),
        gradFunc: (dy: Tensor, [saved]: Tensor[]) => tf.mul(dy, grad((b) => tf.sum(grad(cubes)(b)))(saved!)),
      };
    });
    const f = (a: Tensor) => tf.sum(slope(tf.mul(a, 1)));
    const derivative = order === 1 ? grad(f) : grad((a) => tf.sum(grad(f)(a)));
    const result = derivative(x);
    expectClose(result.dataSync(), order === 1 ? [3, 12] : [6, 6]);
    tf.dispose([x, result]);
  });

  it('works in a gradient of tfjs, and around one', () => {
    const x = tf.tensor1d([0.5, 2]);
    const around = grad((a) => tf.sum(tf.grad((b) => cubes(b))(a)))(x);
    const inside = tf.grad((a) => tf.sum(grad(cubes)(a)))(x);
    expectClose(around.dataSync(), [3, 12]);
    expectClose(inside.dataSync(), [3, 12]);
    tf.dispose([x, around, inside]);
  });
});

describe('mapTree', () => {
  useTestEngine();

  it('walks several trees at once', () => {
    const tree = { a: tf.scalar(1), list: [tf.scalar(2)] };
    const sum = mapTree((x, y) => tf.add(x, y), tree, tree);
    expect([sum.a.dataSync()[0], sum.list[0]!.dataSync()[0]]).toEqual([2, 4]);
    expect(mapTree(({ shape }) => shape.length, tree)).toEqual({ a: 0, list: [0] });
    expect(() => mapTree((x) => x, tree, { a: tree.a })).toThrow(/\[tree-mismatch\][^]*a, list\[0\][^]*received {2}a/);
    tf.dispose([tree, sum] as unknown as tf.TensorContainer);
  });
});

describe('bad input to grad', () => {
  useTestEngine();
  const square = (x: Tensor) => tf.sum(tf.square(x));
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;

  it.each([
    ['a result of rank 1', () => grad((x) => tf.square(x)), /\[not-scalar\][^]*float32 \[2\][^]*jacobian/],
    ['an integer result', () => grad((x) => tf.argMax(x)), /\[not-scalar\][^]*int32/],
    ['a number', () => grad(() => 3 as unknown as Tensor), /\[not-scalar\][^]*received {2}3/],
    ['a promise', () => grad((async (x: Tensor) => x) as unknown as typeof square), /\[promise\]/],
    [
      'a failing promise',
      () =>
        grad((async () => {
          throw new Error('late');
        }) as unknown as typeof square),
      /\[promise\]/,
    ],
    [
      'no input on the way to the result',
      () => grad((x) => tf.sum(tf.cast(tf.bincount(tf.cast(x, 'int32') as tf.Tensor1D, [], 3), 'float32'))),
      null,
    ],
  ])('%s', (_name, make, message) => {
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    const run = () => tf.dispose(make()(x));
    if (message === null) run();
    else expect(run).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });

  it.each([
    ['an integer tensor', () => tf.tensor1d([1, 2], 'int32'), /\[integer-input\] argument 0 of grad[^]*int32/],
    ['a complex tensor', () => tf.complex([1], [2]), /\[complex-input\]/],
    ['an integer in a tree', () => ({ layer: { step: tf.scalar(1, 'int32') } }), /"layer.step" of argument 0 of grad/],
    ['a number in a tree', () => ({ layer: [3] }), /\[tree-leaf\] "layer\[0\]" of argument 0[^]*tf.scalar/],
    ['a map', () => new Map(), /\[tree-leaf\]/],
    ['nothing', () => undefined, /\[tree-leaf\][^]*undefined/],
    ['a cycle', () => cyclic, /\[tree-cycle\]/],
    ['a promise', () => Promise.resolve(1), /\[promise\]/],
  ])('%s', (_name, make, message) => {
    const x = make();
    expect(() => grad(square as (x: unknown) => Tensor)(x)).toThrow(message);
    if (x !== cyclic) tf.dispose(x as unknown as tf.TensorContainer);
  });

  it('a disposed tensor', () => {
    const x = tf.scalar(1);
    x.dispose();
    expect(() => grad(square)(x)).toThrow(/\[disposed-input\][^]*disposed/);
  });

  it('options and functions', () => {
    expect(() => grad(square, { argument: [0] } as object)).toThrow(/did you mean "arguments"/);
    expect(() => grad(square, { arguments: [0, 0] })).toThrow(/option "arguments"/);
    expect(() => grad(square, { unused: 'zero' as 'zeros' })).toThrow(/option "unused"/);
    const x = tf.ones([2]);
    expect(() => grad(square, x as object)).toThrow(/option/);
    expect(() => grad(3 as unknown as typeof square)).toThrow(/\[not-a-function\]/);
    expect(() => valueAndGrad((x: Tensor) => x as never, { auxiliary: true })(x)).toThrow(/\[auxiliary\]/);
    x.dispose();
  });

  it('keeps nothing where something throws, at any depth', () => {
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    const failing = (): Tensor => {
      throw new Error('mine');
    };
    const inner = (a: Tensor) => tf.add(square(tf.exp(a)), failing());
    expect(() => grad(inner)(x)).toThrow('mine');
    expect(() => grad((a) => tf.sum(grad(inner)(tf.exp(a))))(x)).toThrow('mine');
    const badRule = tf.customGrad((a) => ({ value: tf.exp(a as Tensor), gradFunc: failing }));
    expect(() => grad((a) => tf.sum(badRule(tf.exp(a))))(x)).toThrow('mine');
    expect(() => noGrad(failing)).toThrow('mine');
    const caught = grad((a) => {
      expect(() => grad(inner)(a)).toThrow('mine');
      return square(a);
    })(x);
    expect([...caught.dataSync()]).toEqual([2, 4]);
    caught.dispose();
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });
});
