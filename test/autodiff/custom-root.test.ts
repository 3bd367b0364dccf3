import { describe, expect, it } from '@jest/globals';
import { customRoot } from '../../src/autodiff/custom-root.js';
import { fixedPoint } from '../../src/autodiff/fixed-point.js';
import { grad } from '../../src/autodiff/grad.js';
import { jvp } from '../../src/autodiff/jvp.js';
import { conjugateGradients, denseSolver } from '../../src/autodiff/linear-solvers.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { readFloat64 } from '../../src/engine/float64.js';
import { recorded } from '../../src/engine/record/recorded.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { checkGradient, checkSecondGradient } from '../helpers/check-gradient.js';
import { useTestEngine } from '../helpers/engine.js';

/** A root that is found by iteration is off by its last step: differences of it see that error over their own step. */
const ITERATED_TOLERANCE = 1e-6;

/** Newton's method on the host, for x^3 = a elementwise: nothing that autodiff could follow. */
function cubeRootOnHost(a: Tensor): Tensor {
  return tf.tidy(() => {
    const start = tf.tensor([...a.dataSync()].map(Math.cbrt), a.shape);
    const step = (x: Tensor) => tf.sub(x, tf.div(tf.sub(tf.pow(x, 3), a), tf.mul(3, tf.square(x))));
    return step(step(start));
  });
}
const cubeRoot = customRoot((x, a: Tensor) => tf.sub(tf.pow(x, 3), a), cubeRootOnHost);

/** Ridge regression, w minimising |X w - y|^2 + e^l |w|^2, by the residual that is its gradient; many ways to solve it. */
const ridgeResidual = (w: Tensor, x: Tensor, y: Tensor, l: Tensor): Tensor => {
  const column = tf.reshape(w, [-1, 1]);
  const error = tf.sub(tf.matMul(x, column), tf.reshape(y, [-1, 1]));
  return tf.add(tf.reshape(tf.matMul(x, error, true), [-1]), tf.mul(tf.exp(l), w));
};
const ridgeSolve = (x: Tensor, y: Tensor, l: Tensor): Tensor => {
  const product = (v: Tensor) =>
    tf.add(tf.reshape(tf.matMul(x, tf.matMul(x, tf.reshape(v, [-1, 1])), true), [-1]), tf.mul(tf.exp(l), v));
  return conjugateGradients(product, tf.reshape(tf.matMul(x, tf.reshape(y, [-1, 1]), true), [-1]), { iterations: 12 });
};

const data = () => [
  tf.tensor2d([
    [1, 0.3],
    [-0.5, 0.8],
    [0.2, -1.1],
  ]),
  tf.tensor1d([0.5, -0.4, 1.2]),
  tf.scalar(-0.3),
];

describe('customRoot', () => {
  useTestEngine();

  it('has the derivatives of the root, whatever found it', () => {
    const a = tf.tensor1d([0.7, 2, 5]);
    checkGradient(cubeRoot, [a], { tolerance: ITERATED_TOLERANCE });
    checkSecondGradient(cubeRoot, [a], { tolerance: ITERATED_TOLERANCE });
    a.dispose();
    const third = grad((at: Tensor) => grad((b: Tensor) => grad((c: Tensor) => cubeRoot(c))(b))(at));
    const [one, value] = [tf.scalar(1), tf.scalar(8)];
    // a^(1/3): 1/3 * -2/3 * -5/3 a^(-8/3)
    const result = third(value);
    expect(result.dataSync()[0]).toBeCloseTo((10 / 27) * 8 ** (-8 / 3), 6);
    tf.dispose([one, value, result]);
  });

  it.each([
    ['the dense solver', undefined],
    ['conjugate gradients', (product: (v: Tensor) => Tensor, b: Tensor) => conjugateGradients(product, b)],
  ])('differentiates ridge regression by data and hyperparameter with %s', (_, linearSolver) => {
    const ridge = customRoot(ridgeResidual, ridgeSolve, { linearSolver });
    const points = data();
    checkGradient(ridge as (...x: Tensor[]) => Tensor, points);
    checkSecondGradient((l) => ridge(points[0]!, points[1]!, l!), [points[2]!]);
    tf.dispose(points);
  });

  it('works forwards, too', () => {
    const a = tf.scalar(8);
    const one = tf.scalar(1);
    const { value, tangent } = jvp((at: Tensor) => cubeRoot(at), [a], [one]);
    expect(tangent.dataSync()[0]).toBeCloseTo(1 / 12, 6);
    tf.dispose([a, one, value, tangent]);
  });

  it('is recorded where its solver is', async () => {
    const ridge = customRoot(ridgeResidual, ridgeSolve);
    const fn = (x: Tensor, y: Tensor, l: Tensor) => grad((at: Tensor) => tf.sum(tf.square(ridge(x, y, at))))(l);
    const points = data() as [Tensor, Tensor, Tensor];
    const eager = fn(...points);
    const run = recorded(fn);
    const result = await run(...points);
    expect(result.dataSync()[0]).toBeCloseTo(eager.dataSync()[0]!, 6);
    run.dispose();
    tf.dispose([...points, eager, result]);
  });

  it('takes integers as constants, and leaves nothing', () => {
    const x = tf.tensor1d([1, 4]);
    const rows = tf.tensor1d([1, 0], 'int32');
    const root = customRoot(
      (y, a, order) => tf.sub(tf.square(y), tf.gather(a, order as tf.Tensor1D)),
      (a, order) => tf.sqrt(tf.gather(a, order as tf.Tensor1D)),
    );
    const before = tf.memory().numTensors;
    const gradient = grad((a: Tensor) => tf.sum(root(a, rows)))(x);
    expect([...gradient.dataSync()]).toEqual([0.5, 0.25]);
    expect(tf.memory().numTensors).toBe(before + 1);
    const value = root(x, rows);
    expect(tf.memory().numTensors).toBe(before + 2);
    tf.dispose([x, rows, gradient, value]);
  });

  it('refuses wrong roots, residuals, solvers and lost gradients', () => {
    const a = tf.scalar(4);
    const scale = tf.scalar(1);
    const square = (x: Tensor, at: Tensor) => tf.sub(tf.square(x), at);
    const stacked = (x: Tensor, at: Tensor) => tf.stack([x, at]);
    const two = (_: Tensor) => tf.scalar(2);
    const before = tf.memory().numTensors;
    const differentiate = (root: (x: Tensor) => Tensor) => valueAndGradients(() => root(a), [a, scale]);
    expect(() => customRoot(square, () => tf.scalar(3), { tolerance: 1e-3 })(a)).toThrow(/\[not-a-root\][^]*of 5/);
    expect(() => customRoot(square, () => tf.scalar(NaN), { tolerance: 1e-3 })(a)).toThrow(/\[not-a-root\]/);
    expect(() => customRoot(stacked, two)(a)).toThrow(/\[residual-shape\]/);
    const flat = customRoot((_, at: Tensor) => tf.mul(at, 0), two);
    expect(() => differentiate(flat)).toThrow(/\[singular\]/);
    const closure = customRoot((x, at: Tensor) => tf.sub(tf.square(x), tf.mul(at, scale)), two);
    expect(() => differentiate(closure)).toThrow(/\[captured-tensor\] customRoot/);
    expect(() => customRoot(3 as never, () => a)).toThrow(/"residual" of customRoot/);
    expect(() => customRoot(square, () => a, { tolerance: -1 })).toThrow(/"tolerance"/);
    expect(() => customRoot(square, (() => 2) as never)(a)).toThrow(/\[rule-value\] customRoot/);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([a, scale]);
  });
});

describe('linear solvers', () => {
  useTestEngine();

  it('agree on a symmetric system, in any shape', () => {
    const matrix = tf.tensor2d([
      [4, 1, 0, 0],
      [1, 3, 1, 0],
      [0, 1, 2, 0],
      [0, 0, 0, 1],
    ]);
    const right = tf.tensor2d([
      [1, 2],
      [3, 0],
    ]);
    const product = (v: Tensor) => tf.reshape(tf.matMul(matrix, tf.reshape(v, [4, 1])), [2, 2]);
    const before = tf.memory().numTensors;
    const solutions = [tf.tidy(() => conjugateGradients(product, right)), tf.tidy(() => denseSolver(product, right))];
    expect(tf.memory().numTensors).toBe(before + 2);
    for (const solution of solutions) {
      const left = tf.tidy(() => [...product(solution).dataSync()]);
      left.forEach((value, i) => expect(value).toBeCloseTo([1, 2, 3, 0][i]!, 4));
    }
    tf.dispose([matrix, right, ...solutions]);
  });

  it('solve systems that are not symmetric, and refuse big ones', () => {
    const matrix = tf.tensor2d([
      [1, 2],
      [0, 4],
    ]);
    const right = tf.tensor1d([5, 8]);
    const solution = denseSolver((v) => tf.reshape(tf.matMul(matrix, tf.reshape(v, [2, 1])), [2]), right);
    expect([...solution.dataSync()]).toEqual([1, 2]);
    const big = tf.zeros([300]);
    expect(() => denseSolver((v) => v, big)).toThrow(/300 unknowns[^]*conjugateGradients/);
    expect(() => conjugateGradients((v) => v, big, { iterations: 0 })).toThrow(/"iterations"/);
    tf.dispose([matrix, right, solution, big]);
  });
});

describe('fixedPoint', () => {
  useTestEngine();

  /** x = tanh(W x + b), which contracts. */
  const equilibrium = (options?: Parameters<typeof fixedPoint>[1]) =>
    fixedPoint(
      (x, w: Tensor, b: Tensor) => tf.tanh(tf.add(tf.reshape(tf.matMul(w, tf.reshape(x, [2, 1])), [2]), b)),
      options,
    );
  const weights = () => [
    tf.tensor2d([
      [0.3, -0.2],
      [0.1, 0.25],
    ]),
    tf.tensor1d([0.4, -0.7]),
  ];

  it('has the derivatives of the fixed point, to the second order', () => {
    const start = tf.zeros([2]);
    const points = weights();
    const find = equilibrium({ iterations: 60 });
    const fn = (...at: Tensor[]) => find(start, at[0]!, at[1]!);
    checkGradient(fn, points);
    checkSecondGradient((b) => find(start, points[0]!, b!), [points[1]!]);
    tf.dispose([start, ...points]);
  });

  it('stops at a tolerance, from any start, and leaves nothing', () => {
    const points = weights() as [Tensor, Tensor];
    const starts = [tf.zeros([2]), tf.tensor1d([0.9, 0.9])];
    const before = tf.memory().numTensors;
    const results = starts.map((start) => equilibrium({ tolerance: 1e-6 })(start, ...points));
    expect(tf.memory().numTensors).toBe(before + 2);
    const difference = tf.tidy(() => readFloat64(tf.max(tf.abs(tf.sub(results[0]!, results[1]!))))[0]!);
    expect(difference).toBeLessThan(2e-6);
    const { value, gradients } = valueAndGradients(
      () => tf.sum(equilibrium({ tolerance: 1e-6 })(starts[1]!, ...points)),
      [...points, starts[1]!],
    );
    expect(gradients[2]).toBeNull();
    expect(tf.memory().numTensors).toBe(before + 5);
    tf.dispose([...points, ...starts, ...results, value, gradients[0]!, gradients[1]!]);
  });

  it('is recorded with a fixed number of iterations, and refuses a tolerance there', async () => {
    const start = tf.zeros([2]);
    const points = weights() as [Tensor, Tensor];
    const slope = (options: Parameters<typeof fixedPoint>[1]) => (w: Tensor, b: Tensor) =>
      grad((at: Tensor) => tf.sum(equilibrium(options)(start, w, at)))(b);
    const eager = slope({ iterations: 20 })(...points);
    const run = recorded(slope({ iterations: 20 }));
    const result = await run(...points);
    result.dataSync().forEach((value, i) => expect(value).toBeCloseTo(eager.dataSync()[i]!, 6));
    run.dispose();
    await expect(recorded(slope({ tolerance: 1e-3 }))(...points)).rejects.toThrow(/\[host-read\] fixedPoint in/);
    tf.dispose([start, ...points, eager, result]);
  });

  it('says when it does not converge, and refuses wrong options', () => {
    const doubling = fixedPoint((x, a: Tensor) => tf.mul(tf.add(x, a), 2), { tolerance: 1e-3, iterations: 5 });
    const one = tf.scalar(1);
    const before = tf.memory().numTensors;
    expect(() => doubling(one, one)).toThrow(/\[not-converged\] fixedPoint, forward pass/);
    expect(() => grad((a: Tensor) => doubling(one, a))(one)).toThrow(/\[not-converged\]/);
    expect(() => fixedPoint((x) => tf.stack([x, x]), { iterations: 1 })(one)).toThrow(/\[step-result\]/);
    expect(tf.memory().numTensors).toBe(before);
    expect(() => fixedPoint((x) => x, { iterations: 0.5 })).toThrow(/"iterations" of fixedPoint/);
    expect(() => fixedPoint((x) => x, { tolerance: 0 })).toThrow(/"tolerance"/);
    expect(() => fixedPoint(3 as never)).toThrow(/"step"/);
    one.dispose();
  });
});
