import type { Tensor } from '../engine/tfjs.js';
import { computeJacobian } from './jacobian.js';
import type { TreeOf } from './tensor-tree.js';
import { checkFunction } from './traced-call.js';
import { gradientFunction } from './value-and-grad.js';

/**
 * A function that computes the matrix of second derivatives of a scalar function, `H[i, j] = d^2 f / dx_i dx_j`.
 *
 * When to use: for some hundreds of elements, as it takes a pass for each. Products with it are `hvp`, its trace is
 * `hessianTrace`, at any size.
 *
 * Shapes: of an argument `[...in]`, `[...in, ...in]`; of a tree, a tree of such trees.
 *
 * @param fn - returns a float32 scalar; it is differentiated by its first argument, a float32 tensor or a tree of them
 * @throws GradientError [not-scalar | integer-input | disposed-input | promise | tree-leaf] from the function that it returns
 *
 * @example
 * ```ts
 * import { hessian, tf } from 'adjoint';
 *
 * const matrix = hessian((x: tf.Tensor) => tf.sum(tf.pow(x, 3)))(tf.tensor1d([1, 2]));
 * console.log(matrix.arraySync()); // [[6, 0], [0, 12]]
 * ```
 *
 * @see https://docs.jax.dev/en/latest/_autosummary/jax.hessian.html
 */
export function hessian<Args extends readonly unknown[] = readonly Tensor[]>(
  fn: (...args: Args) => Tensor,
): (...args: Args) => TreeOf<Args[0], TreeOf<Args[0], Tensor>> {
  checkFunction(fn, 'hessian');
  const gradient = gradientFunction('hessian', fn as unknown as (...args: unknown[]) => unknown);
  return (...args) => computeJacobian('hessian', gradient, args, 'reverse') as TreeOf<Args[0], TreeOf<Args[0], Tensor>>;
}
