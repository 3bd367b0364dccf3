import { GradientError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { attribute, executeOp } from '../engine/execute-op.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { checkOptionNames } from './check-option-names.js';
import { checkDifferentiable } from './tensor-tree.js';
import { checkFunction, refusePromise } from './traced-call.js';

/**
 * Solves `A x = b` for a linear function `product(x) = A x`; `x`, `b` and the product have one shape.
 *
 * Its own gradient is never taken: where orders above the first need one, another system is solved.
 */
export type LinearSolver = (product: (x: Tensor) => Tensor, rightSide: Tensor) => Tensor;

/** What {@link conjugateGradients} may be given. */
export interface ConjugateGradientsOptions {
  /**
   * Number of iterations, each with one product. Default twice the number of unknowns, at most 200: rounding costs what
   * exact arithmetic would not need. Ill-conditioned systems want more.
   */
  readonly iterations?: number;
}

const MOST_ITERATIONS = 200;
/** A dense matrix beyond this takes longer to write down than any iteration takes to converge. */
const MOST_DENSE_UNKNOWNS = 256;

/**
 * Solves `A x = b` by conjugate gradients, for a symmetric positive definite `A` of which only products are known.
 *
 * When to use: for systems with a Hessian, `product = (v) => hvp(f, x, v)`, and as the `linearSolver` of `customRoot` where the
 * residual is the gradient of a convex function. The number of iterations is fixed, so that it can be recorded.
 *
 * Shapes: any one shape for `x`, `b` and products.
 *
 * @param product - a linear function, `v` to `A v`
 * @param rightSide - `b`
 * @returns `x`, which the caller owns
 * @throws OptionsError [invalid-option] for `iterations`
 *
 * @example
 * ```ts
 * import { conjugateGradients, tf } from 'adjoint';
 *
 * const matrix = tf.tensor2d([[2, 1], [1, 3]]);
 * const product = (v: tf.Tensor) => tf.reshape(tf.matMul(matrix, tf.reshape(v, [2, 1])), [2]);
 * const x = conjugateGradients(product, tf.tensor1d([3, 4]));
 * console.log([...x.dataSync()].map((value) => value.toFixed(3))); // ['1.000', '1.000']
 * ```
 *
 * @see Hestenes, Stiefel: "Methods of Conjugate Gradients for Solving Linear Systems" (1952)
 */
export function conjugateGradients(
  product: (x: Tensor) => Tensor,
  rightSide: Tensor,
  options: ConjugateGradientsOptions = {},
): Tensor {
  const where = 'conjugateGradients';
  checkFunction(product, where);
  if (!(rightSide instanceof tf.Tensor)) {
    throw new GradientError('right-side', {
      where: `the right side of ${where}`,
      expected: 'a float32 tensor',
      received: formatValue(rightSide),
    });
  }
  checkDifferentiable(rightSide, `the right side of ${where}`);
  checkOptionNames(where, options, ['iterations']);
  const { iterations = Math.max(1, Math.min(2 * rightSide.size, MOST_ITERATIONS)) } = options;
  checkIterations(where, iterations);
  return tf.tidy(() => iterate(product, rightSide, iterations));
}

function iterate(product: (x: Tensor) => Tensor, rightSide: Tensor, iterations: number): Tensor {
  let state = [tf.zerosLike(rightSide), rightSide.clone(), rightSide.clone()];
  for (let i = 0; i < iterations; i++) {
    const next = tf.tidy(() => {
      const [x, residual, direction] = state as [Tensor, Tensor, Tensor];
      const along = product(direction);
      checkProduct(along, rightSide);
      const squared = tf.sum(tf.square(residual));
      // Once the residual is exactly zero nothing moves any more.
      const step = tf.divNoNan(squared, tf.sum(tf.mul(direction, along)));
      const left = tf.sub(residual, tf.mul(step, along));
      const turn = tf.divNoNan(tf.sum(tf.square(left)), squared);
      return [tf.add(x, tf.mul(step, direction)), left, tf.add(left, tf.mul(turn, direction))];
    });
    tf.dispose(state);
    state = next;
  }
  const [x, ...rest] = state;
  tf.dispose(rest);
  return x!;
}

/** Writes the matrix down, column by column, and factors it. */
export const denseSolver: LinearSolver = (product, rightSide) => {
  const { size, shape } = rightSide;
  if (size > MOST_DENSE_UNKNOWNS) {
    throw new OptionsError('invalid-option', {
      where: 'option "linearSolver"',
      expected: `a solver for ${size} unknowns`,
      received: `the default, which writes down a matrix and is meant for at most ${MOST_DENSE_UNKNOWNS}`,
      fix: 'pass e.g. { linearSolver: conjugateGradients } where the system is symmetric and positive definite',
    });
  }
  if (size === 0) return tf.clone(rightSide);
  return tf.tidy(() => {
    const identity = tf.split(tf.eye(size), size);
    const columns = identity.map((unit) => tf.reshape(product(tf.reshape(unit, shape)), [size]));
    const attributes = [attribute.type('T', 'float32'), attribute.bool('adjoint', true)];
    try {
      const [x] = executeOp('MatrixSolve', attributes, [tf.stack(columns), tf.reshape(rightSide, [size, 1])]);
      return tf.reshape(x!, shape);
    } catch (error) {
      if (!(error instanceof Error) || !/not invertible/.test(error.message)) throw error;
      throw new GradientError('singular', {
        where: 'the linear system of an implicit derivative',
        expected: 'a residual whose Jacobian at the root is invertible',
        received: 'one that is singular: the root is not isolated, or the residual does not depend on it',
        fix: 'add equations that make the root unique, or pass a { linearSolver } that copes with it',
        cause: error,
      });
    }
  });
};

function checkProduct(along: unknown, { shape }: Tensor): void {
  refusePromise(along, 'conjugateGradients');
  if (along instanceof tf.Tensor && tf.util.arraysEqual(along.shape, shape)) return;
  throw new GradientError('product-shape', {
    where: 'the function given to conjugateGradients',
    expected: `a product of the right side's shape ${formatShape(shape)}`,
    received: along instanceof tf.Tensor ? `shape ${formatShape(along.shape)}` : formatValue(along),
  });
}

/** @throws OptionsError [invalid-option] */
export function checkIterations(where: string, iterations: unknown): void {
  if (Number.isInteger(iterations) && (iterations as number) > 0) return;
  throw new OptionsError('invalid-option', {
    where: `option "iterations" of ${where}`,
    expected: 'a positive integer',
    received: String(iterations),
  });
}
