import { ShapeError } from '../core/errors.js';
import type { Tensor } from '../engine/tfjs.js';
import { BaseLoss } from './base-loss.js';

/**
 * A loss as a plain function of tensors, written in differentiable ops.
 *
 * It returns one number for each example, `[batch]` or `[batch, ...]`, or their mean, a scalar, where there are no sample
 * weights.
 */
export type LossFunction = (labels: Tensor, predictions: Tensor) => Tensor;

/** A loss that a function computes; what has options, checks or a name in files is a class of its own. */
export class FunctionLoss extends BaseLoss {
  override readonly name: string;

  constructor(private readonly fn: LossFunction) {
    super();
    this.name = fn.name === '' ? 'loss' : fn.name;
  }

  perExample(labels: Tensor, predictions: Tensor): Tensor {
    return this.fn(labels, predictions);
  }

  override compute(labels: Tensor, predictions: Tensor, sampleWeight?: Tensor): Tensor {
    const losses = this.lossesOf(labels, predictions);
    if (losses.rank > 0 || sampleWeight === undefined) return this.reduce(losses, sampleWeight);
    throw new ShapeError('loss-rank', {
      where: `loss function "${this.name}"`,
      expected: 'one loss an example  [batch], so that sample and class weights can be applied',
      received: 'a scalar',
      fix: 'take the mean over the last axis only, e.g. tf.mean(tf.square(error), -1)',
    });
  }
}
