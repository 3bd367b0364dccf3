import {
  BaseLayer,
  initializers,
  Layer,
  noGrad,
  rngKey,
  tf,
  uniform,
  Weight,
  type CallContext,
  type Tensor,
  type WeightHandle,
} from 'adjoint';

/** A mean over the places of a text, by how much it attends to each; the shares are also drawn, and made for that. */
@Layer('suite/drawn-attention')
export class DrawnAttention extends BaseLayer {
  constructor(readonly units: number) {
    super();
  }

  @Weight<DrawnAttention>((layer, input) => ({ shape: [input.at(-1), layer.units] })) kernel!: WeightHandle;
  @Weight<DrawnAttention>((layer) => ({ shape: [layer.units, 1] })) query!: WeightHandle;

  call(x: Tensor): Tensor {
    const shares = noGrad(() => this.sharesOf(x));
    return tf.sum(tf.mul(x, shares), 1);
  }

  private sharesOf(x: Tensor): Tensor {
    const [batch, length, features] = x.shape as [number, number, number];
    const keys = tf.tanh(tf.matMul(tf.reshape(x, [batch * length, features]), this.kernel.value));
    const scores = tf.reshape(tf.matMul(keys, this.query.value), [batch, length]);
    return tf.reshape(tf.softmax(scores), [batch, length, 1]);
  }
}

/** Puts the nearest of some learnt vectors in each row's place, and nothing past the choice leads back to the row. */
@Layer('suite/nearest-code')
export class NearestCode extends BaseLayer {
  constructor(readonly count: number) {
    super();
  }

  @Weight<NearestCode>((layer, input) => ({
    shape: [layer.count, input.at(-1)],
    initializer: initializers.randomNormal({ standardDeviation: 1 }),
  }))
  codes!: WeightHandle;

  call(x: Tensor): Tensor {
    const codes = this.codes.value;
    const products = tf.matMul(x, codes, false, true);
    const distances = tf.sub(tf.sum(tf.square(codes), -1), tf.mul(2, products));
    return tf.gather(codes, tf.argMin(distances, -1));
  }
}

/** A recurrence whose units are dropped at all times of a sequence or at none, by a key that never moves on. */
@Layer('suite/one-key-recurrence')
export class OneKeyRecurrence extends BaseLayer {
  constructor(
    readonly units: number,
    private readonly rate: number,
    private readonly maskSeed: number,
  ) {
    super();
  }

  @Weight<OneKeyRecurrence>((layer, input) => ({ shape: [input.at(-1), layer.units] })) kernel!: WeightHandle;
  @Weight<OneKeyRecurrence>((layer) => ({ shape: [layer.units, layer.units] })) recurrent!: WeightHandle;

  call(x: Tensor, context: CallContext): Tensor {
    const [kernel, recurrent] = [this.kernel.value, this.recurrent.value];
    const draws = uniform(rngKey(this.maskSeed, 'mask'), this.units);
    const mask = tf.tensor1d(draws.map((drawn) => (drawn < this.rate ? 0 : 1 / (1 - this.rate))));
    let state: Tensor = tf.zeros([x.shape[0]!, this.units]);
    for (const now of tf.unstack(x, 1)) {
      state = tf.tanh(tf.add(tf.matMul(now, kernel), tf.matMul(state, recurrent)));
      if (context.training) state = tf.mul(state, mask);
    }
    return state;
  }
}
