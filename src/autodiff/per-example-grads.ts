import { GradientError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { checkAlive, differentiableLeaves, flattenTree, placeIn, unflattenTree, type TreeOf } from './tensor-tree.js';
import { checkFunction } from './traced-call.js';
import { gradientFunction } from './value-and-grad.js';

/**
 * A function that computes the gradient of a loss for each example of a batch on its own.
 *
 * When to use: for the variance of gradients, for clipping each example's (differential privacy), or to find the examples that
 * pull hardest. It takes a forward and a backward pass for each example.
 *
 * Shapes: the function gets each example as a batch of one, `[1, ...]`; of weights `[...weight]` and a batch of `n`, the result is a
 * tree like the weights of tensors `[n, ...weight]`, which are the caller's.
 *
 * @param fn - a scalar loss of the weights and of a batch, of which there may be several tensors or trees, such as `x` and `y`
 * @throws GradientError [batch-axis] where batches differ in length, are empty or missing; [not-scalar | integer-input |
 *   disposed-input | promise | tree-leaf]
 *
 * @example
 * ```ts
 * import { perExampleGrads, tf } from 'adjoint';
 *
 * const loss = (w: tf.Tensor, x: tf.Tensor) => tf.mean(tf.square(tf.mul(w, x)));
 * const gradients = perExampleGrads(loss)(tf.scalar(1), tf.tensor1d([1, 2, 3]));
 * console.log([...gradients.dataSync()]); // 2, 8, 18; their mean is the gradient of the batch
 * ```
 *
 * @see Abadi et al.: "Deep Learning with Differential Privacy" (CCS 2016)
 */
export function perExampleGrads<Weights, Batch extends readonly unknown[]>(
  fn: (weights: Weights, ...batch: Batch) => Tensor,
): (weights: Weights, ...batch: Batch) => TreeOf<Weights, Tensor> {
  const where = 'perExampleGrads';
  checkFunction(fn, where);
  const gradient = gradientFunction(where, fn as unknown as (...args: unknown[]) => unknown);
  return (weights, ...batch) => {
    const columns = differentiableLeaves(weights, `argument 0 of ${where}`).map((): Tensor[] => []);
    const length = commonLength(batch, where);
    const compute = () => {
      for (let example = 0; example < length; example++) {
        const only = batch.map((part, i) => {
          const leaves = flattenTree(part, `argument ${i + 1} of ${where}`);
          return unflattenTree(
            part,
            leaves.map(({ tensor }) => tf.slice(tensor, example, 1)),
          );
        });
        const leaves = flattenTree(gradient(weights, ...only), where);
        leaves.forEach(({ tensor }, i) => columns[i]!.push(tensor));
        tf.dispose(only as unknown as tf.TensorContainer);
      }
      return unflattenTree(
        weights,
        columns.map((column) => tf.stack(column)),
      );
    };
    return tf.tidy(compute as unknown as () => tf.TensorContainer) as unknown as TreeOf<Weights, Tensor>;
  };
}

function commonLength(batch: readonly unknown[], where: string): number {
  const found = batch.flatMap((part, i) => {
    const label = `argument ${i + 1} of ${where}`;
    return flattenTree(part, label).map(({ path, tensor }) => {
      checkAlive(tensor, placeIn(label, path));
      return { place: placeIn(label, path), shape: tensor.shape };
    });
  });
  const length = found[0]?.shape[0];
  for (const { place, shape } of found) {
    if (shape.length > 0 && shape[0] === length && length > 0) continue;
    throw new GradientError('batch-axis', {
      where: place,
      expected: length === undefined || length === 0 ? 'at least one example' : `shape [${length}, ...]`,
      received: `shape ${formatShape(shape)}`,
      fix: 'pass tensors of one batch, with the examples along the first axis; capture what all examples share',
    });
  }
  if (length !== undefined) return length;
  throw new GradientError('batch-axis', {
    where,
    expected: 'the weights, and tensors of a batch',
    received: 'no batch',
    fix: 'call it as perExampleGrads(loss)(weights, x, y)',
  });
}
