import { tf, type Tensor } from '../engine/tfjs.js';
import { hessianProduct } from './hvp.js';
import { flatLinearize, tangentLeaves } from './linearize.js';
import { flattenTree, unflattenTree, type TreeOf } from './tensor-tree.js';

/**
 * The product of the Fisher information matrix of a model and a vector: `F v = J^T H J v`, with the Jacobian `J` of the outputs by the
 * weights and the Hessian `H` of the loss by the outputs.
 *
 * When to use: for natural gradients. It is the Fisher matrix where the loss is the mean negative log-likelihood of labels whose
 * natural parameters the outputs are: softmax or sigmoid cross-entropy of logits, half the squared error of means. For other losses
 * it is the generalised Gauss-Newton matrix. Neither has negative eigenvalues where the loss is convex in the outputs.
 *
 * Shapes: `vector` and the result have the tree and the shapes of `weights`.
 *
 * @param outputs - the model as a function of its weights, with one tensor as its result, e.g. logits `[batch, classes]`
 * @param loss - a scalar function of the outputs
 * @param weights - a float32 tensor, or a tree of them
 * @param vector - like `weights`
 * @returns a tree whose tensors are the caller's
 * @throws GradientError [tangent-mismatch | not-scalar | integer-input | disposed-input | not-float | promise | tree-leaf]
 *
 * @example
 * ```ts
 * import { fisherVectorProduct, tf } from 'adjoint';
 *
 * const x = tf.tensor2d([[1, 2], [3, 4]]);
 * const labels = tf.tensor2d([[1], [0]]);
 * const means = (w: tf.Tensor) => tf.matMul(x, w as tf.Tensor2D);
 * const loss = (y: tf.Tensor) => tf.mul(0.5, tf.sum(tf.square(tf.sub(y, labels))));
 * const product = fisherVectorProduct(means, loss, tf.zeros([2, 1]), tf.tensor2d([[1], [0]]));
 * console.log([...product.dataSync()]); // 10, 14: the first column of x^T x
 * ```
 *
 * @see Martens: "New Insights and Perspectives on the Natural Gradient Method" (JMLR 2020), section 9
 */
export function fisherVectorProduct<Tree, Output>(
  outputs: (weights: Tree) => Output,
  loss: (outputs: Output) => Tensor,
  weights: Tree,
  vector: TreeOf<Tree, Tensor>,
): TreeOf<Tree, Tensor> {
  const where = 'fisherVectorProduct';
  const compute = () => {
    const linear = flatLinearize(where, outputs as (...args: unknown[]) => Output, [weights]);
    try {
      const moved = unflattenTree(linear.value, linear.forward(tangentLeaves([vector], linear.leaves, where)));
      const { product } = hessianProduct(`the loss of ${where}`, loss as (x: unknown) => unknown, linear.value, moved);
      const cotangents = flattenTree(product, where).map(({ tensor }) => tensor);
      return unflattenTree(weights, linear.backward(cotangents));
    } finally {
      linear.dispose();
    }
  };
  return tf.tidy(compute as unknown as () => tf.TensorContainer) as unknown as TreeOf<Tree, Tensor>;
}
