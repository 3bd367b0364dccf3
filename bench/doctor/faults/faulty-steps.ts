import {
  BaseLayer,
  BaseModel,
  Child,
  grad,
  Layer,
  layers,
  Model,
  tf,
  Weight,
  type CallContext,
  type StepBatch,
  type StepContext,
  type Tensor,
  type WeightHandle,
} from 'adjoint';

const squaredError = (labels: Tensor, predictions: Tensor): Tensor =>
  tf.mean(tf.squaredDifference(labels, predictions));

/** Encodes the batch before the function that is differentiated, to which the code is then a constant. */
@Model('suite/code-outside')
export class CodeOutside extends BaseModel {
  @Child() encoder: BaseLayer[];
  @Child() head = layers.dense({ units: 1 });

  constructor(widths: readonly number[]) {
    super();
    this.encoder = widths.map((units) => layers.dense({ units, activation: 'gelu' }));
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.encode(x, context), context);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    const code = this.encode(x, step.call);
    return { loss: step.minimize(() => squaredError(y!, this.head.call(code, step.call))) };
  }

  private encode(x: Tensor, context: CallContext): Tensor {
    return this.encoder.reduce((value, layer) => layer.call(value, context), x);
  }
}

/** Holds a sum of gradients, end to end. */
@Layer('suite/gradient-sum')
class GradientSum extends BaseLayer {
  constructor(readonly size: number) {
    super();
  }

  @Weight<GradientSum>((layer) => ({ shape: [layer.size], initializer: 'zeros', trainable: false }))
  total!: WeightHandle;

  call(x: Tensor): Tensor {
    return tf.clone(x);
  }
}

const endToEnd = (tensors: readonly Tensor[]): Tensor => tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])));

/**
 * Sums the gradients of small parts of the batch. It sets the sum to zero first, and then adds to what the weight held at
 * the step's start, which is the sum of the step before.
 */
@Model('suite/zeroed-too-early')
export class ZeroedTooEarly extends BaseModel {
  @Child() hidden: ReturnType<typeof layers.dense>;
  @Child() head = layers.dense({ units: 1 });
  @Child() sum: GradientSum;

  constructor(
    features: number,
    width: number,
    private readonly parts: number,
  ) {
    super();
    this.hidden = layers.dense({ units: width, activation: 'tanh' });
    this.sum = new GradientSum((features + 2) * width + 1);
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.hidden.call(x, context), context);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    this.sum.call(x);
    const loss = squaredError(y!, this.call(x, step.call));
    const { total } = this.sum;
    const weights = [this.hidden.kernel, this.hidden.bias, this.head.kernel, this.head.bias];
    step.call.assign(total, tf.zerosLike(total.value));
    const [xs, ys] = [tf.split(x, this.parts), tf.split(y!, this.parts)];
    xs.forEach((part, i) => {
      const errorOf = ([kernel, bias, headKernel, headBias]: Tensor[]): Tensor => {
        const hidden = tf.tanh(tf.add(tf.matMul(part, kernel!), bias!));
        return squaredError(ys[i]!, tf.add(tf.matMul(hidden, headKernel!), headBias!));
      };
      const gradients = grad(errorOf)(weights.map(({ value }) => value));
      step.call.assign(total, tf.add(total.value, tf.div(endToEnd(gradients), this.parts)));
    });
    const descent = step.call.stateOf(total);
    step.minimize(() => tf.sum(tf.mul(endToEnd(weights.map(({ value }) => value)), descent)));
    return { loss };
  }
}

/** Takes a running mean off its outputs, of which every term is still a function of the weights. */
@Model('suite/running-mean')
export class RunningMean extends BaseModel {
  @Child() hidden: BaseLayer;
  @Child() head = layers.dense({ units: 1 });
  private readonly held: Tensor[] = [];
  private mean: (context: CallContext) => Tensor = () => tf.zeros([1, 1]);

  constructor(
    width: number,
    private readonly share: number,
  ) {
    super();
    this.hidden = layers.dense({ units: width, activation: 'tanh' });
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.hidden.call(x, context), context);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    const input = tf.keep(tf.clone(x));
    this.held.push(input);
    const loss = step.minimize(() => {
      const before = this.mean;
      this.mean = (context) => {
        const now = tf.mean(this.call(input, context), 0, true);
        return tf.add(tf.mul(1 - this.share, before(context)), tf.mul(this.share, now));
      };
      return squaredError(y!, tf.sub(this.call(x, step.call), this.mean(step.call)));
    });
    return { loss };
  }

  override dispose(): void {
    tf.dispose(this.held);
    super.dispose();
  }
}
