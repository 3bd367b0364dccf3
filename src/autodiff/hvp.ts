import { tf, type Tensor } from '../engine/tfjs.js';
import { differentiableLeaves, matchingLeaves, unflattenTree, type TreeOf } from './tensor-tree.js';
import { gradientFunction } from './value-and-grad.js';
import { flatVjp } from './vjp.js';

/** A gradient, and the product of the Hessian and a vector; all tensors are the caller's. */
export interface HessianProduct<Tree> {
  /** `df/dx`, which comes for nothing. */
  readonly gradient: TreeOf<Tree, Tensor>;
  /** `H v`. */
  readonly product: TreeOf<Tree, Tensor>;
}

/**
 * The product of the Hessian of a scalar function and a vector: `H v = d/dx <df/dx, v>`.
 *
 * When to use: for conjugate gradients, eigenvalues and sharpness. The matrix is never formed: time and memory are a few times
 * those of a gradient, whatever the size. For many products at one point, `vjp(grad(fn), x)` computes the gradient once, and its
 * `backward(v)` is a product (the Hessian is symmetric); inside `recorded` either runs as one graph.
 *
 * Shapes: `v` and both results have the tree and the shapes of `x`.
 *
 * @param fn - a function of `x` that returns a float32 scalar; what else it uses is captured
 * @param x - a float32 tensor, or a tree of them
 * @param v - the vector, like `x`
 * @throws GradientError [tangent-mismatch | not-scalar | integer-input | disposed-input | promise | tree-leaf]
 *
 * @example
 * ```ts
 * import { hvp, tf } from 'adjoint';
 *
 * const f = (x: tf.Tensor) => tf.sum(tf.pow(x, 3));
 * const { gradient, product } = hvp(f, tf.tensor1d([1, 2]), tf.tensor1d([1, 10]));
 * console.log([...gradient.dataSync()], [...product.dataSync()]); // [3, 12], [6, 120]
 * ```
 *
 * @see Pearlmutter: "Fast Exact Multiplication by the Hessian" (Neural Computation 1994)
 */
export function hvp<Tree>(fn: (x: Tree) => Tensor, x: Tree, v: TreeOf<Tree, Tensor>): HessianProduct<Tree> {
  return hessianProduct('hvp', fn as (x: unknown) => unknown, x, v) as HessianProduct<Tree>;
}

/** {@link hvp} under another name. */
export function hessianProduct(
  where: string,
  fn: (x: unknown) => unknown,
  x: unknown,
  v: unknown,
): { readonly gradient: unknown; readonly product: unknown } {
  const like = differentiableLeaves(x, `argument 0 of ${where}`);
  const vector = matchingLeaves(v, like, `the vector given to ${where}`, 'tangent');
  const { value, flat } = flatVjp(where, gradientFunction(where, fn), [x]);
  try {
    return { gradient: value, product: unflattenTree(x, flat.backward(vector)) };
  } catch (error) {
    tf.dispose(value as tf.TensorContainer);
    throw error;
  } finally {
    flat.dispose();
  }
}
