import { noGrad } from './no-grad.js';
import { checkAlive, flattenTree, placeIn, unflattenTree } from './tensor-tree.js';

/**
 * The same values, cut off from what they were computed from: the identity with the gradient zero.
 *
 * When to use: for a target that shall not be trained, such as the value of the next state in reinforcement learning.
 *
 * Shapes: a tensor of any shape, or a tree of them, to the same; the caller owns the result, the input stays as it is.
 *
 * @throws GradientError [tree-leaf] for what is no tensor, [disposed-input]
 *
 * @example
 * ```ts
 * import { grad, stopGradient, tf } from 'adjoint';
 *
 * const f = (x: tf.Tensor) => tf.mul(x, stopGradient(x));
 * console.log(grad(f)(tf.scalar(3)).dataSync()[0]); // 3, not 6
 * ```
 */
export function stopGradient<Tree>(tree: Tree): Tree {
  const label = 'the argument of stopGradient';
  const leaves = flattenTree(tree, label);
  for (const { path, tensor } of leaves) checkAlive(tensor, placeIn(label, path));
  return unflattenTree(
    tree,
    noGrad(() => leaves.map(({ tensor }) => tensor.clone())),
  ) as Tree;
}
