import { describe, expect, it } from '@jest/globals';
import { fisherVectorProduct } from '../../src/autodiff/fisher-vector-product.js';
import { grad } from '../../src/autodiff/grad.js';
import { hessian } from '../../src/autodiff/hessian.js';
import { hessianTrace } from '../../src/autodiff/hessian-trace.js';
import { hvp } from '../../src/autodiff/hvp.js';
import { jacobian } from '../../src/autodiff/jacobian.js';
import { jvp } from '../../src/autodiff/jvp.js';
import { linearize } from '../../src/autodiff/linearize.js';
import { perExampleGrads } from '../../src/autodiff/per-example-grads.js';
import { stopGradient } from '../../src/autodiff/stop-gradient.js';
import { vjp } from '../../src/autodiff/vjp.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { expectClose } from '../helpers/close.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES } from '../helpers/execution-modes.js';

const A = [
  [1, 2],
  [3, 4],
  [5, 6],
];
const matrix = () => tf.tensor2d(A);
/** `A sin(x)`, of shape [3] for x of shape [2]; its Jacobian is `A diag(cos x)`. */
const tall = (x: Tensor) => tf.reshape(tf.matMul(matrix(), tf.reshape(tf.sin(x), [2, 1])), [3]);
/** `A^T sin(y)`, of shape [2] for y of shape [3]. */
const wide = (y: Tensor) => tf.reshape(tf.matMul(matrix(), tf.reshape(tf.sin(y), [3, 1]), true), [2]);
// As float32 has them, so that float64 starts at the same point.
const X = [0.4, -1.1].map(Math.fround);
const Y = [0.2, 0.5, -0.9].map(Math.fround);
const jacobianOfTall = A.flatMap((row) => row.map((a, j) => a * Math.cos(X[j]!)));
const jacobianOfWide = [0, 1].flatMap((i) => A.map((row, j) => row[i]! * Math.cos(Y[j]!)));

interface Pair {
  a: Tensor;
  b: Tensor;
}
/** `sum(exp(a) b^2)` for scalars a and vectors b: the Hessian has blocks `e b.b`, `2 e b` and `2 e I`. */
const pairs = ({ a, b }: Pair) => tf.sum(tf.mul(tf.exp(a), tf.square(b)));

describe.each(MODES)('products and matrices, %s', (_mode, execute, tolerance) => {
  useTestEngine();
  const near = (actual: ArrayLike<number>, wanted: ArrayLike<number>) => expectClose(actual, wanted, tolerance);
  const run = async (compute: (x: Tensor, y: Tensor) => Tensor[]) => {
    const inputs = [tf.tensor1d(X), tf.tensor1d(Y)];
    const results = await execute((x, y) => compute(x!, y!), inputs);
    tf.dispose(inputs);
    return results;
  };

  it('vjp: one forward pass, several cotangents, several inputs and outputs', async () => {
    const [value, first, second, zero] = await run((x, y) => {
      const both = vjp((at: Tensor, by: Tensor) => ({ tall: tall(at), wide: [wide(by), by] }), x, y);
      const zeros = tf.zeros([2]);
      const [dx, dy] = both.backward({ tall: tf.tensor1d([1, 0, 2]), wide: [zeros, tf.ones([3])] });
      const [again, none] = both.backward({ tall: tf.zeros([3]), wide: [tf.ones([2]), tf.zeros([3])] });
      both.dispose();
      tf.dispose(dy);
      return [both.value.tall, dx, none, again];
    });
    near(
      value!,
      A.map((row) => row[0]! * Math.sin(X[0]!) + row[1]! * Math.sin(X[1]!)),
    );
    near(first!, [11 * Math.cos(X[0]!), 14 * Math.cos(X[1]!)]);
    near(
      second!,
      A.map(([p, q], j) => (p! + q!) * Math.cos(Y[j]!)),
    );
    expect(zero).toEqual([0, 0]);
  });

  it('jvp and linearize: the Jacobian times a tangent', async () => {
    const results = await run((x, y) => {
      const { value, tangent } = jvp(tall, [x], [tf.tensor1d([1, -1])]);
      const linear = linearize((at: Tensor, by: Tensor) => [wide(by), tf.mul(at, 2)], x, y);
      const [once] = linear.apply(tf.zeros([2]), tf.tensor1d([0, 1, 0])) as [Tensor, Tensor];
      const [, twice] = linear.apply(x, tf.zeros([3])) as [Tensor, Tensor];
      linear.dispose();
      const constant = jvp((at: Tensor) => [tf.ones([2]), tf.round(at)], [x], [x]).tangent as [Tensor, Tensor];
      return [value, tangent, once, twice, constant[0]];
    });
    near(
      results[1]!,
      A.map((_, i) => jacobianOfTall[2 * i]! - jacobianOfTall[2 * i + 1]!),
    );
    near(results[2]!, [jacobianOfWide[1]!, jacobianOfWide[4]!]);
    near(results[3]!, [2 * X[0]!, 2 * X[1]!]);
    expect(results[4]).toEqual([0, 0]);
  });

  it.each(['auto', 'reverse', 'forward'] as const)('jacobian, %s', async (mode) => {
    const results = await run((x, y) => {
      const tree = jacobian((p: { x: Tensor; y: Tensor }) => [tall(p.x), tf.sum(wide(p.y))], { mode })({ x, y });
      const [first, second] = tree as [{ x: Tensor; y: Tensor }, { x: Tensor; y: Tensor }];
      return [jacobian(tall, { mode })(x), jacobian(wide, { mode })(y), first.x, first.y, second.x, second.y];
    });
    near(results[0]!, jacobianOfTall);
    near(results[1]!, jacobianOfWide);
    near(results[2]!, jacobianOfTall);
    expect(results[3]).toEqual(Array(9).fill(0));
    expect(results[4]).toEqual([0, 0]);
    near(
      results[5]!,
      Y.map((_, j) => jacobianOfWide[j]! + jacobianOfWide[3 + j]!),
    );
  });

  it('hessian and hvp of a tree, by hand', async () => {
    const e = Math.exp(X[0]!);
    const results = await run((x, y) => {
      const point = { a: tf.reshape(tf.slice(x, 0, 1), []), b: y };
      const full = hessian(pairs)(point);
      const { gradient, product } = hvp(pairs, point, { a: tf.scalar(2), b: tf.tensor1d([1, 0, 0]) });
      return [full.a.a, full.a.b, full.b.a, full.b.b, gradient.a, gradient.b, product.a, product.b];
    });
    const squares = Y.reduce((sum, y) => sum + y * y, 0);
    near(results[0]!, [e * squares]);
    for (const cross of [results[1]!, results[2]!])
      near(
        cross,
        Y.map((y) => 2 * e * y),
      );
    near(
      results[3]!,
      Y.flatMap((_, i) => Y.map((__, j) => (i === j ? 2 * e : 0))),
    );
    near(results[4]!, [e * squares]);
    near(
      results[5]!,
      Y.map((y) => 2 * e * y),
    );
    near(results[6]!, [2 * e * squares + 2 * e * Y[0]!]);
    near(
      results[7]!,
      Y.map((y, j) => 4 * e * y + (j === 0 ? 2 * e : 0)),
    );
  });

  it('nests: jacobian of grad is hessian, grad of hvp, hvp of a function with hvp, jvp of grad, vjp inside grad', async () => {
    const f = (x: Tensor) => tf.sum(tf.exp(tf.mul(2, x)));
    const results = await run((x) => {
      const ones = tf.ones([2]);
      return [
        jacobian(grad(f))(x),
        hessian(f)(x),
        grad((at) => tf.sum(hvp(f, at, ones).product))(x),
        hvp((at: Tensor) => tf.sum(hvp(f, at, ones).product), x, ones).product,
        jvp(grad(f), [x], [ones]).tangent,
        grad((at) => tf.sum(vjp((by: Tensor) => tf.exp(by), at).backward(at)[0]))(x),
        grad((at) => tf.sum(jvp((by: Tensor) => tf.exp(by), [at], [at]).tangent))(x),
        grad((at) => tf.sum(jacobian((by: Tensor) => tf.exp(by), { mode: 'forward' })(at)))(x),
        grad((v) => tf.sum(tf.mul(v, hvp(f, x, v).product)))(ones),
      ];
    });
    const e = X.map((x) => Math.exp(2 * x));
    for (const i of [0, 1]) near(results[i]!, [4 * e[0]!, 0, 0, 4 * e[1]!]);
    near(
      results[2]!,
      e.map((v) => 8 * v),
    );
    near(
      results[3]!,
      e.map((v) => 16 * v),
    );
    near(
      results[4]!,
      e.map((v) => 4 * v),
    );
    for (const i of [5, 6])
      near(
        results[i]!,
        X.map((x) => (1 + x) * Math.exp(x)),
      );
    near(
      results[7]!,
      X.map((x) => Math.exp(x)),
    );
    near(
      results[8]!,
      e.map((v) => 8 * v),
    );
  });

  it('keeps a vjp of a gradient for many products at one point', async () => {
    const f = (x: Tensor) => tf.sum(tf.mul(tf.square(x), tf.reverse(x)));
    const results = await run((x) => {
      const curvature = vjp(grad(f), x);
      const products = [tf.tensor1d([1, 0]), tf.tensor1d([0, 1])].map((v) => curvature.backward(v)[0]);
      curvature.dispose();
      return products;
    });
    const [p, q] = X as [number, number];
    near(results[0]!, [2 * q, 2 * p + 2 * q]);
    near(results[1]!, [2 * p + 2 * q, 2 * p]);
  });

  it('estimates the trace: exactly where the Hessian is diagonal, else within its error', async () => {
    const mixed = (x: Tensor) => tf.sum(tf.square(tall(x)));
    const results = await run((x) => {
      const exact = hessianTrace((at: Tensor) => tf.sum(tf.exp(at)), x, { samples: 2 });
      const rough = hessianTrace(mixed, x, { samples: 64, seed: 3 });
      const full = hessian(mixed)(x);
      return [exact.estimate, exact.standardError, rough.estimate, rough.standardError, full];
    });
    near(results[0]!, [Math.exp(X[0]!) + Math.exp(X[1]!)]);
    near(results[1]!, [0]);
    const truth = results[4]![0]! + results[4]![3]!;
    const error = results[3]![0]!;
    expect(error).toBeGreaterThan(0);
    expect(Math.abs(results[2]![0]! - truth)).toBeLessThan(4 * error);
  });

  it('Fisher product: J^T (diag(p) - p p^T) J v of a softmax, equal to the covariance of the scores', async () => {
    const labels = tf.tensor2d([[0, 1, 0]]);
    const [product, byHand] = await run((x) => {
      const logits = (w: Tensor) => tf.reshape(tall(w), [1, 3]);
      const v = tf.tensor1d([1, -2]);
      const loss = (z: Tensor) => tf.neg(tf.sum(tf.mul(tf.oneHot(tf.tensor1d([1], 'int32'), 3), tf.logSoftmax(z))));
      const p = tf.softmax(logits(x));
      // The Fisher matrix as the mean over labels drawn from the model, of score times score.
      const scores = jacobian((w: Tensor) => tf.reshape(tf.logSoftmax(logits(w)), [3]))(x) as tf.Tensor2D;
      const weighted = tf.mul(tf.reshape(p, [3, 1]), scores) as tf.Tensor2D;
      const fisher = tf.matMul(weighted, scores, true);
      return [fisherVectorProduct(logits, loss, x, v), tf.reshape(tf.matMul(fisher, tf.reshape(v, [2, 1])), [2])];
    });
    near(product!, byHand!);
    labels.dispose();
  });

  it('gives gradients by example, with integer labels and trees of weights', async () => {
    const results = await run((_x, y) => {
      const labels = tf.tensor1d([1, 2, 3], 'int32');
      const loss = (w: { k: Tensor; c: Tensor }, at: Tensor, n: { label: Tensor }) =>
        tf.sum(tf.square(tf.sub(tf.add(tf.mul(w.k, at), tf.sum(w.c)), n.label)));
      const { k, c } = perExampleGrads(loss)({ k: tf.scalar(2), c: tf.zeros([2]) }, y, { label: labels });
      return [k, c];
    });
    const slopes = Y.map((y, i) => 2 * (2 * y - (i + 1)));
    near(
      results[0]!,
      slopes.map((slope, i) => slope * Y[i]!),
    );
    near(
      results[1]!,
      slopes.flatMap((slope) => [slope, slope]),
    );
  });
});

describe('what the products keep, and refuse', () => {
  useTestEngine();
  const square = (x: Tensor) => tf.sum(tf.square(x));

  it('frees all of a vjp and of a linearization, which outlive their values and inputs', () => {
    const before = tf.memory().numTensors;
    const x = tf.tensor1d(X);
    const back = vjp(tall, x);
    const linear = linearize(tall, x);
    tf.dispose([back.value, linear.value, x]);
    const cotangent = tf.ones([3]);
    const tangent = tf.ones([2]);
    const [gradient] = back.backward(cotangent);
    const moved = linear.apply(tangent);
    expectClose(gradient.dataSync(), [9 * Math.cos(X[0]!), 12 * Math.cos(X[1]!)]);
    expect(moved.shape).toEqual([3]);
    tf.dispose([cotangent, tangent, gradient, moved]);
    for (const held of [back, linear]) {
      held[Symbol.dispose]();
      held.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
    expect(() => tf.tidy(() => back.backward(tf.ones([3])))).toThrow(/\[vjp-disposed\]/);
  });

  it('returns exactly what it documents', () => {
    const x = tf.tensor1d(X);
    const v = tf.tensor1d([1, 2]);
    const count = (fn: () => unknown): number => {
      const before = tf.memory().numTensors;
      const result = fn();
      const made = tf.memory().numTensors - before;
      tf.dispose(result as tf.TensorContainer);
      expect(tf.memory().numTensors).toBe(before);
      return made;
    };
    expect(count(() => hvp(square, x, v))).toBe(2);
    expect(count(() => hessian(square)(x))).toBe(1);
    expect(count(() => jacobian(tall)(x))).toBe(1);
    expect(count(() => jacobian(tall, { mode: 'forward' })(x))).toBe(1);
    expect(count(() => jvp(tall, [x], [v]))).toBe(2);
    expect(count(() => hessianTrace(square, x, { samples: 3 }))).toBe(2);
    expect(count(() => fisherVectorProduct(tall, square, x, v))).toBe(1);
    expect(count(() => perExampleGrads((w: Tensor, y: Tensor) => tf.sum(tf.mul(w, y)))(x, v))).toBe(1);
    expect(count(() => stopGradient([x, { v }]))).toBe(2);
    tf.dispose([x, v]);
  });

  it('keeps nothing where the function or the backward pass throws', () => {
    const x = tf.tensor1d(X);
    const before = tf.memory().numTensors;
    const failing = (at: Tensor): Tensor => {
      tf.square(tf.exp(at));
      throw new Error('mine');
    };
    const badRule = tf.customGrad((a) => ({
      value: tf.exp(a as Tensor),
      gradFunc: () => {
        throw new Error('mine');
      },
    }));
    for (const fn of [failing, (at: Tensor) => tf.sum(badRule(tf.sin(at)))]) {
      expect(() => hvp(fn, x, x)).toThrow('mine');
      expect(() => hessian(fn)(x)).toThrow('mine');
      expect(() => jacobian(fn)(x)).toThrow('mine');
      expect(() => jvp(fn, [x], [x])).toThrow('mine');
      expect(() => linearize(fn, x)).toThrow('mine');
      expect(() => hessianTrace(fn, x)).toThrow('mine');
      expect(() => fisherVectorProduct(fn, square, x, x)).toThrow('mine');
      expect(() => fisherVectorProduct(tall, fn, x, x)).toThrow('mine');
      expect(() => perExampleGrads((w: Tensor, _y: Tensor) => fn(w))(x, x)).toThrow('mine');
    }
    expect(() => vjp(failing, x)).toThrow('mine');
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });

  it('refuses what does not fit, before anything runs', () => {
    const x = tf.tensor1d(X);
    const three = tf.ones([3]);
    const whole = tf.ones([2], 'int32');
    let ran = 0;
    const fn = (at: Tensor) => {
      ran++;
      return square(at);
    };
    expect(() => hvp(fn, x, three)).toThrow(/\[tangent-mismatch\] the vector given to hvp[^]*\[2\][^]*\[3\]/);
    expect(() => hvp(fn, x, whole)).toThrow(/\[tangent-mismatch\][^]*int32/);
    expect(() => hvp((t: { a: Tensor }) => fn(t.a), { a: x }, { b: x } as never)).toThrow(
      /tree with a[^]*received {2}b/,
    );
    expect(() => hvp(fn, whole, whole)).toThrow(/\[integer-input\]/);
    expect(() => jvp(fn, [x], [three])).toThrow(/\[tangent-mismatch\] tangent 0 of jvp/);
    expect(() => jvp(fn, [x], [] as never)).toThrow(/\[tangent-mismatch\] tangents of jvp/);
    expect(() => jvp(fn, x as never, x as never)).toThrow(/\[primals\]/);
    expect(() => hessianTrace(fn, x, { samples: 1 })).toThrow(/samples/);
    expect(() => jacobian(fn, { mode: 'backward' as 'reverse' })).toThrow(/option "mode"/);
    expect(() => perExampleGrads((_w: Tensor, ..._b: Tensor[]) => fn(x))(x, x, three)).toThrow(
      /\[batch-axis\] argument 2/,
    );
    expect(() => perExampleGrads((w: Tensor) => fn(w))(x)).toThrow(/\[batch-axis\]/);
    expect(ran).toBe(0);
    const back = vjp(tall, x);
    expect(() => back.backward(x)).toThrow(/\[cotangent-mismatch\] the cotangent given to backward[^]*\[3\][^]*\[2\]/);
    tf.dispose(back.value);
    back.dispose();
    expect(() => jacobian((at: Tensor) => tf.argMax(at))(x)).toThrow(/\[not-float\][^]*int32/);
    expect(() => hvp((at: Tensor) => tf.square(at), x, x)).toThrow(/\[not-scalar\] the function given to hvp/);
    expect(() => vjp((async () => x) as never, x)).toThrow(/\[promise\]/);
    tf.dispose([x, three, whole]);
  });

  it('refuses a way back whose outer transformation is over', () => {
    const x = tf.scalar(2);
    let kept: { backward: (cotangent: Tensor) => unknown } | undefined;
    const gradient = grad((at) => {
      kept = vjp((by: Tensor) => tf.exp(by), at);
      return tf.square(at);
    })(x);
    expect(() => kept!.backward(x)).toThrow(/\[vjp-disposed\]/);
    tf.dispose([x, gradient]);
  });
});
