import { StateError } from '../core/errors.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { Pullback } from './pullback.js';
import { differentiableLeaves, matchingLeaves, unflattenTree, type TreeLeaf, type TreeOf } from './tensor-tree.js';
import { checkFunction, outputLeaves, OwnResults } from './traced-call.js';

/** The value of a function at a point, and the way back from there. */
export interface Vjp<Inputs extends readonly unknown[], Output> {
  /** What the function gave; the caller owns its tensors, and may dispose them at any time. */
  readonly value: Output;
  /**
   * The product of a cotangent and the function's Jacobian; may be called many times, also inside other transformations.
   *
   * @param cotangent - a tree like `value`, of the same shapes
   * @returns an array with one tree for each argument of the function; zeros where the function does not depend on it
   */
  backward(cotangent: TreeOf<Output, Tensor>): { -readonly [Key in keyof Inputs]: TreeOf<Inputs[Key], Tensor> };
  /** Frees what the backward pass needs; a second call does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** A {@link Vjp} of flat lists. */
export interface FlatVjp {
  readonly outputs: readonly TreeLeaf[];
  /** `null` stands for a cotangent of zeros. */
  backward(cotangents: readonly (Tensor | null)[]): Tensor[];
  dispose(): void;
}

/**
 * Runs a function and keeps the way back: `backward(u) = u^T J` with the function's Jacobian `J` at this point.
 *
 * When to use: where the result is no scalar, or several cotangents go back from one forward pass. Of a scalar, `grad` is
 * shorter. With `vjp(grad(f), x)`, `backward(v)` is the Hessian-vector product at `x`, of which the part that does not depend on
 * `v` is computed once.
 *
 * Inside another transformation, and inside `recorded`, it lives as long as that runs.
 *
 * Shapes: trees of tensors of any shape.
 *
 * @param fn - returns a float32 tensor, or a tree of them
 * @param inputs - its arguments, all float32 tensors or trees of them; what is to stay constant is captured instead
 * @throws GradientError [integer-input | disposed-input | not-float | promise | tree-leaf], and [cotangent-mismatch] from
 *   `backward`; StateError [vjp-disposed]
 *
 * @example
 * ```ts
 * import { tf, vjp } from 'adjoint';
 *
 * const { value, backward, dispose } = vjp((x: tf.Tensor, y: tf.Tensor) => tf.mul(x, y), tf.tensor1d([1, 2]), tf.scalar(3));
 * const [dx, dy] = backward(tf.tensor1d([1, 10]));
 * console.log([...value.dataSync()], [...dx.dataSync()], dy.dataSync()[0]); // [3, 6], [3, 30], 21
 * dispose();
 * ```
 *
 * @see https://docs.jax.dev/en/latest/_autosummary/jax.vjp.html
 */
export function vjp<Inputs extends readonly unknown[], Output>(
  fn: (...inputs: Inputs) => Output,
  ...inputs: Inputs
): Vjp<Inputs, Output> {
  const where = 'vjp';
  const { value, flat, leaves } = flatVjp(where, fn as unknown as (...inputs: unknown[]) => Output, inputs);
  return {
    value,
    backward: (cotangent) => {
      const cotangents = matchingLeaves(
        cotangent,
        flat.outputs,
        `the cotangent given to backward of ${where}`,
        'cotangent',
      );
      const gradients = flat.backward(cotangents);
      return splitByArgument(inputs, leaves, gradients) as ReturnType<Vjp<Inputs, Output>['backward']>;
    },
    dispose: flat.dispose,
    [Symbol.dispose]: flat.dispose,
  };
}

/** {@link vjp} with its insides, for other transformations. */
export function flatVjp<Output>(
  where: string,
  fn: (...inputs: unknown[]) => Output,
  inputs: readonly unknown[],
): { value: Output; flat: FlatVjp; leaves: readonly (readonly TreeLeaf[])[] } {
  checkFunction(fn, where);
  const leaves = inputs.map((input, i) => differentiableLeaves(input, `argument ${i} of ${where}`));
  const tensors = leaves.flat().map(({ tensor }) => tensor);
  const shapes = tensors.map(({ shape }) => shape);
  let outputs: readonly TreeLeaf[] = [];
  let pullback: Pullback | undefined;
  const value = tf.tidy(() => {
    const copies = tensors.map((tensor) => tensor.clone());
    const traced = Pullback.record(
      copies,
      () => {
        const results = new OwnResults();
        const returned = fn(...splitByArgument(inputs, leaves, copies));
        const found = outputLeaves(returned, where);
        outputs = found.map(({ path, tensor }) => ({ path, tensor: results.of(tensor) }));
        const own = outputs.map(({ tensor }) => tensor);
        return { outputs: own, result: unflattenTree(returned, own) };
      },
      true,
    );
    pullback = traced.pullback;
    return traced.result as unknown as tf.TensorContainer;
  }) as unknown as Output;
  const recorded = pullback!;
  const backward = (cotangents: readonly (Tensor | null)[]): Tensor[] => {
    if (recorded.isDisposed) {
      throw new StateError('vjp-disposed', {
        where: `backward of ${where}`,
        expected: 'to be called before dispose(), and inside the transformation that it was made in',
        received: 'a call afterwards',
        fix: 'dispose it later, or make another',
      });
    }
    return tf.tidy(() => recorded.backward(cotangents).map((gradient, i) => gradient ?? tf.zeros(shapes[i]!)));
  };
  return { value, flat: { outputs, backward, dispose: () => recorded.dispose() }, leaves };
}

/** One tree for each argument, of its leaves' replacements. */
function splitByArgument<Leaf>(
  inputs: readonly unknown[],
  leaves: readonly (readonly TreeLeaf[])[],
  replacements: readonly Leaf[],
): unknown[] {
  let offset = 0;
  return inputs.map((input, i) => unflattenTree(input, replacements.slice(offset, (offset += leaves[i]!.length))));
}
