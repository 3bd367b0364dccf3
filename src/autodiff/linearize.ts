import { GradientError } from '../core/errors.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { matchingLeaves, unflattenTree, type TreeLeaf, type TreeOf } from './tensor-tree.js';
import { flatVjp, type FlatVjp } from './vjp.js';

/** A tangent for each argument of a function, of its tree and shapes. */
export type TangentsOf<Inputs extends readonly unknown[]> = {
  readonly [Key in keyof Inputs]: TreeOf<Inputs[Key], Tensor>;
};

/** The value of a function at a point, and its derivative there as a linear function. */
export interface Linearized<Inputs extends readonly unknown[], Output> {
  /** What the function gave; the caller owns its tensors. */
  readonly value: Output;
  /**
   * The product of the Jacobian and a tangent: how the result moves as the arguments move along it.
   *
   * @param tangents - one tree for each argument, of the same shapes
   * @returns a tree like `value`; zeros where it does not depend on the arguments
   */
  apply(...tangents: TangentsOf<Inputs>): TreeOf<Output, Tensor>;
  /** Frees what `apply` needs; a second call does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Runs a function and keeps its derivative at this point as a linear function of a tangent: `apply(v) = J v`.
 *
 * When to use: for several products with one Jacobian; a single one is `jvp`.
 *
 * The backward pass is a linear function of the cotangent, and this is its transpose: it needs the rules of `grad` and nothing
 * else. An `apply` costs about as much as a backward pass.
 *
 * Shapes: trees of tensors of any shape.
 *
 * @param fn - returns a float32 tensor, or a tree of them
 * @param primals - its arguments, all float32 tensors or trees of them
 * @throws GradientError [integer-input | disposed-input | not-float | promise | tree-leaf], and [tangent-mismatch] from `apply`;
 *   StateError [vjp-disposed]
 *
 * @example
 * ```ts
 * import { linearize, tf } from 'adjoint';
 *
 * const { value, apply, dispose } = linearize((x: tf.Tensor) => tf.square(x), tf.tensor1d([1, 2, 3]));
 * console.log([...value.dataSync()]); // 1, 4, 9
 * console.log([...apply(tf.tensor1d([1, 1, 0])).dataSync()]); // 2, 4, 0
 * dispose();
 * ```
 *
 * @see https://docs.jax.dev/en/latest/_autosummary/jax.linearize.html
 */
export function linearize<Inputs extends readonly unknown[], Output>(
  fn: (...primals: Inputs) => Output,
  ...primals: Inputs
): Linearized<Inputs, Output> {
  const where = 'linearize';
  const { value, leaves, forward, dispose } = flatLinearize(where, fn as unknown as AnyFunction<Output>, primals);
  return {
    value,
    apply: (...tangents) =>
      unflattenTree(value, forward(tangentLeaves(tangents, leaves, 'apply of linearize'))) as TreeOf<Output, Tensor>,
    dispose,
    [Symbol.dispose]: dispose,
  };
}

type AnyFunction<Output> = (...inputs: unknown[]) => Output;

/** {@link linearize} with its insides, for other transformations. */
export function flatLinearize<Output>(where: string, fn: AnyFunction<Output>, primals: readonly unknown[]) {
  const { value, flat, leaves } = flatVjp(where, fn, primals);
  let transposed: FlatVjp | undefined;
  try {
    transposed = transpose(flat);
  } catch (error) {
    flat.dispose();
    tf.dispose(value as unknown as tf.TensorContainer);
    throw error;
  }
  const linear = transposed;
  return {
    value,
    leaves,
    outputs: flat.outputs,
    forward: (tangents: readonly Tensor[]): Tensor[] => linear.backward(tangents),
    backward: (cotangents: readonly Tensor[]): Tensor[] => flat.backward(cotangents),
    dispose: (): void => {
      linear.dispose();
      flat.dispose();
    },
  };
}

/** One tangent for each leaf of all arguments. */
export function tangentLeaves(
  tangents: readonly unknown[],
  leaves: readonly (readonly TreeLeaf[])[],
  where: string,
): Tensor[] {
  if (tangents.length > leaves.length) {
    throw new GradientError('tangent-mismatch', {
      where,
      expected: `${leaves.length} tangents, one for each argument`,
      received: `${tangents.length}`,
      fix: 'leave the others out',
    });
  }
  return leaves.flatMap((like, i) => matchingLeaves(tangents[i], like, `tangent ${i} of ${where}`, 'tangent'));
}

/** The way back of the way back, at any point: a linear function has the same derivative everywhere. */
export function transpose(flat: FlatVjp): FlatVjp {
  return tf.tidy(() => {
    const points = flat.outputs.map(({ tensor }) => tf.zeros(tensor.shape));
    const { value, flat: linear } = flatVjp('linearize', (...at) => flat.backward(at as Tensor[]), points);
    tf.dispose(value);
    return linear as unknown as tf.TensorContainer;
  }) as unknown as FlatVjp;
}
