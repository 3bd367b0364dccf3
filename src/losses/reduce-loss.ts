import { ShapeError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { LossReduction } from './loss-options.js';

/**
 * Weights the losses of examples and reduces them to one.
 *
 * @param losses - `[batch]`, or `[batch, ...]` with a loss for each position
 * @param sampleWeight - `[batch]`
 * @throws ShapeError [sample-weight]
 */
export function reduceLoss(losses: Tensor, reduction: LossReduction, sampleWeight?: Tensor): Tensor {
  if (sampleWeight === undefined) return reduced(losses, reduction, () => tf.mean(losses));
  if (sampleWeight.rank !== 1 || sampleWeight.shape[0] !== losses.shape[0]) {
    throw new ShapeError('sample-weight', {
      where: 'sample weights of a loss',
      expected: `one number an example  [${losses.shape[0]}]`,
      received: formatShape(sampleWeight.shape),
    });
  }
  const weight = tf.reshape(tf.cast(sampleWeight, 'float32'), [-1, ...losses.shape.slice(1).map(() => 1)]);
  return reduced(tf.mul(losses, weight), reduction, (weighted) => {
    // Weights that sum to zero give a loss of zero, not NaN.
    const total = tf.mul(tf.sum(weight), losses.size / losses.shape[0]!);
    return tf.div(tf.sum(weighted), tf.where(tf.notEqual(total, 0), total, tf.onesLike(total)));
  });
}

function reduced(losses: Tensor, reduction: LossReduction, weightedMean: (losses: Tensor) => Tensor): Tensor {
  switch (reduction) {
    case 'none':
      return losses;
    case 'sum':
      return tf.sum(losses);
    case 'sumOverBatchSize':
      return tf.mean(losses);
    case 'meanWithSampleWeight':
      return weightedMean(losses);
  }
}
