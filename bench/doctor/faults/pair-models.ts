import {
  BaseModel,
  Child,
  defineVjp,
  Model,
  tf,
  type BaseLayer,
  type CallContext,
  type StepBatch,
  type StepContext,
  type Tensor,
} from 'adjoint';
import { perceptron } from '../networks.js';

/** Left less right, with a rule that forgets what that means for the right. */
const difference = defineVjp('suite/difference', {
  inputs: ['left', 'right'],
  forward: (left, right) => tf.sub(left, right),
  backward: (cotangent) => ({ left: () => cotangent, right: () => cotangent }),
});

/** Tells which of two is the better one by a score that one tower gives to each. */
@Model('suite/ranker')
export class Ranker extends BaseModel {
  @Child() tower: BaseLayer[];

  constructor(widths: readonly number[]) {
    super();
    this.tower = perceptron([...widths, 1], { activation: 'tanh' });
  }

  call(x: Tensor, context: CallContext): Tensor {
    const scoreOf = (one: Tensor): Tensor => this.tower.reduce((value, layer) => layer.call(value, context), one);
    const [left, right] = tf.unstack(x, 1);
    return difference(scoreOf(left!), scoreOf(right!));
  }
}

/** Tells each row from all others by its code, others being all batches so far: none is let go, and none detached. */
@Model('suite/endless-bank')
export class EndlessBank extends BaseModel {
  @Child() encoder: BaseLayer[];
  private readonly bank: Tensor[] = [];

  constructor(
    widths: readonly number[],
    private readonly sharpness: number,
  ) {
    super();
    this.encoder = perceptron(widths, { activation: 'tanh' });
  }

  call(x: Tensor, context: CallContext): Tensor {
    const code = this.encoder.reduce((value, layer) => layer.call(value, context), x);
    return tf.div(code, tf.add(1e-3, tf.norm(code, 2, -1, true)));
  }

  override trainStep({ x }: StepBatch, step: StepContext): Record<string, Tensor> {
    const before = [...this.bank];
    this.bank.push(tf.keep(tf.clone(x)));
    const loss = step.minimize(() => {
      const seen = this.call(tf.add(x, tf.mul(0.2, step.call.normal(x.shape))), step.call);
      const own = this.call(x, step.call);
      const all = tf.concat([own, ...before.map((batch) => this.call(batch, step.call))]);
      const likeness = tf.mul(this.sharpness, tf.matMul(seen, all, false, true));
      const likenessToOwn = tf.mul(this.sharpness, tf.sum(tf.mul(seen, own), -1));
      return tf.mean(tf.sub(tf.logSumExp(likeness, -1), likenessToOwn));
    });
    return { loss };
  }

  override dispose(): void {
    tf.dispose(this.bank);
    super.dispose();
  }
}
