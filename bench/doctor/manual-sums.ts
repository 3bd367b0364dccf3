import {
  BaseLayer,
  BaseModel,
  Child,
  Layer,
  layers,
  Model,
  tf,
  valueAndGrad,
  Weight,
  type CallContext,
  type StepBatch,
  type StepContext,
  type Tensor,
  type WeightHandle,
} from 'adjoint';

const endToEnd = (tensors: readonly Tensor[]): Tensor => tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])));

const crossEntropy = (labels: Tensor, logits: Tensor): Tensor =>
  tf.neg(tf.mean(tf.sum(tf.mul(tf.oneHot(tf.cast(labels, 'int32'), 10), tf.logSoftmax(logits)), -1)));

/** Holds a sum of gradients, end to end, and how many batches there were. */
@Layer('suite/sum-over-batches')
class SumOverBatches extends BaseLayer {
  constructor(readonly size: number) {
    super();
  }

  @Weight<SumOverBatches>((layer) => ({ shape: [layer.size], initializer: 'zeros', trainable: false }))
  total!: WeightHandle;
  @Weight(() => ({ shape: [], initializer: 'zeros', trainable: false })) batches!: WeightHandle;

  call(x: Tensor): Tensor {
    return tf.clone(x);
  }
}

/** Sums the gradients of some batches by hand, for images of 28 by 28, and then descends along their mean. */
@Model('suite/manual-sums')
export class ManualSums extends BaseModel {
  @Child() body: BaseLayer[];
  @Child() sum: SumOverBatches;

  constructor(
    filters: number,
    private readonly period: number,
    /** Whether the sum begins anew after each update. */
    private readonly zeroed: boolean,
  ) {
    super();
    this.body = [
      layers.conv2d({ filters, kernelSize: 5, strides: 3, activation: 'relu' }),
      layers.flatten(),
      layers.dense({ units: 10 }),
    ];
    this.sum = new SumOverBatches(26 * filters + (64 * filters + 1) * 10);
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.body.reduce((value, layer) => layer.call(value, context), x);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    if (!this.sum.built) this.call(this.sum.call(x), step.call);
    const { total, batches } = this.sum;
    const weights = this.trainableWeightTensors();
    const errorOf = (values: Record<string, Tensor>): Tensor =>
      this.withWeights(values, () => crossEntropy(y!, this.call(x, step.call)));
    const { value, gradient } = valueAndGrad(errorOf)(weights);
    const count = tf.add(batches.value, 1);
    const isDue = tf.cast(tf.equal(tf.mod(count, this.period), 0), 'float32');
    const mean = tf.div(endToEnd(Object.keys(weights).map((path) => gradient[path]!)), this.period);
    const sum = tf.add(total.value, mean);
    step.call.assign(batches, count);
    step.call.assign(total, this.zeroed ? tf.mul(sum, tf.sub(1, isDue)) : sum);
    const descent = tf.mul(sum, isDue);
    step.minimize(() => tf.sum(tf.mul(endToEnd(Object.values(this.trainableWeightTensors())), descent)));
    return { loss: value };
  }
}
