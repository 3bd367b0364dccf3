import { GradientError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { flatLinearize, tangentLeaves, type TangentsOf } from './linearize.js';
import { differentiableLeaves, unflattenTree, type TreeOf } from './tensor-tree.js';

/** A value with its derivative along a direction. */
export interface Jvp<Output> {
  /** What the function gave. */
  readonly value: Output;
  /** The derivative along the tangents, a tree like `value`. */
  readonly tangent: TreeOf<Output, Tensor>;
}

/**
 * The value of a function and its derivative along a direction: `(f(x), J v)`.
 *
 * When to use: for how a result answers to one change of the inputs, whatever the number of inputs. For several directions at one
 * point use `linearize`; for one result and many inputs `grad`.
 *
 * It is computed by differentiating the backward pass, which is linear in its cotangent. Inside `recorded` only the forward pass
 * and the tangent's way are left of that.
 *
 * Shapes: trees of tensors of any shape; each tangent is like its primal.
 *
 * @param fn - returns a float32 tensor, or a tree of them
 * @param primals - its arguments, all float32 tensors or trees of them
 * @param tangents - the direction, one tree for each argument
 * @returns trees whose tensors are the caller's
 * @throws GradientError [tangent-mismatch | integer-input | disposed-input | not-float | promise | tree-leaf]
 *
 * @example
 * ```ts
 * import { jvp, tf } from 'adjoint';
 *
 * const { value, tangent } = jvp((x: tf.Tensor) => tf.square(x), [tf.tensor1d([1, 2])], [tf.tensor1d([1, 10])]);
 * console.log([...value.dataSync()], [...tangent.dataSync()]); // [1, 4], [2, 40]
 * ```
 *
 * @see https://docs.jax.dev/en/latest/_autosummary/jax.jvp.html
 */
export function jvp<Inputs extends readonly unknown[], Output>(
  fn: (...primals: Inputs) => Output,
  primals: readonly [...Inputs],
  tangents: TangentsOf<Inputs>,
): Jvp<Output> {
  const where = 'jvp';
  for (const [name, list] of Object.entries({ primals, tangents })) {
    if (Array.isArray(list) && list.length === primals.length) continue;
    throw new GradientError(name === 'primals' ? 'primals' : 'tangent-mismatch', {
      where: `${name} of ${where}`,
      expected: name === 'primals' ? "an array of the function's arguments" : `an array of ${primals.length} tangents`,
      received: formatValue(list),
      fix: `pass jvp(fn, [x], [v]), with one tangent for each argument`,
    });
  }
  const leaves = primals.map((primal, i) => differentiableLeaves(primal, `argument ${i} of ${where}`));
  const direction = tangentLeaves(tangents, leaves, where);
  const { value, forward, dispose } = flatLinearize(where, fn as unknown as (...inputs: unknown[]) => Output, primals);
  try {
    const tangent = unflattenTree(value, forward(direction));
    return { value, tangent: tangent as TreeOf<Output, Tensor> };
  } catch (error) {
    tf.dispose(value as unknown as tf.TensorContainer);
    throw error;
  } finally {
    dispose();
  }
}
