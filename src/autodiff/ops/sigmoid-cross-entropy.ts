import { ShapeError } from '../../core/errors.js';
import { formatShape } from '../../core/shape.js';
import { tf, type Tensor } from '../../engine/tfjs.js';

/**
 * Cross-entropy of labels and the sigmoid of logits, element by element:
 * `max(x, 0) - x * z + log1p(exp(-|x|))`, which neither overflows nor loses digits.
 *
 * The gradient is `sigmoid(x) - z` by the logits and `-x` by the labels, exactly.
 *
 * @param logits - any shape
 * @param labels - the same shape, float32, from 0 to 1
 * @returns the same shape
 * @throws ShapeError [label-shape]
 * @see https://www.tensorflow.org/api_docs/python/tf/nn/sigmoid_cross_entropy_with_logits
 */
export function sigmoidCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  if (!tf.util.arraysEqual(logits.shape, labels.shape)) {
    throw new ShapeError('label-shape', {
      where: 'sigmoidCrossEntropy',
      expected: 'logits and labels of one shape',
      received: `logits ${formatShape(logits.shape)}, labels ${formatShape(labels.shape)}`,
    });
  }
  return crossEntropy()(logits, labels);
}

function crossEntropy() {
  // Only inputs are saved: a custom gradient that saves an intermediate is wrong in second order.
  return tf.customGrad((x, z, save) => {
    const logits = x as Tensor;
    const labels = z as Tensor;
    (save as (tensors: Tensor[]) => void)([logits, labels]);
    const tail = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
    return {
      value: tf.add(tf.sub(tf.relu(logits), tf.mul(logits, labels)), tail),
      gradFunc: (cotangent: Tensor, saved: Tensor[]) => {
        const [keptLogits, keptLabels] = saved as [Tensor, Tensor];
        return [tf.mul(cotangent, tf.sub(tf.sigmoid(keptLogits), keptLabels)), tf.mul(cotangent, tf.neg(keptLogits))];
      },
    };
  });
}
