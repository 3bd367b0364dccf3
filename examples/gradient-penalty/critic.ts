import {
  Adam,
  BaseModel,
  Child,
  layers,
  Model,
  sequential,
  tf,
  type CallContext,
  type StepBatch,
  type StepContext,
  type Tensor,
} from 'adjoint';
import { gradientPenalty } from './penalty.js';

/** Weight of the penalty, as in the paper. */
export const PENALTY_WEIGHT = 10;

/** A critic that tells points `x` from points `y`: as far apart as its slope lets it hold them. */
@Model('example/critic')
export class Critic extends BaseModel {
  @Child() body = sequential([
    layers.dense({ units: 32, activation: 'sigmoid' }),
    layers.dense({ units: 32, activation: 'sigmoid' }),
    layers.dense({ units: 1 }),
  ]);
  private readonly optimizer = new Adam({ learningRate: 5e-3, beta1: 0.5, beta2: 0.9 });

  call(x: Tensor, context?: CallContext): Tensor {
    return this.body.call(x, context);
  }

  override trainStep({ x: real, y: fake, size }: StepBatch, step: StepContext): Record<string, Tensor> {
    const share = step.call.uniform([size, 1]);
    const between = tf.add(tf.mul(share, real), tf.mul(tf.sub(1, share), fake!));
    const judge = (points: Tensor): Tensor => this.body.call(points, step.call);
    const loss = step.minimize(
      () => {
        const distance = tf.sub(tf.mean(judge(real)), tf.mean(judge(fake!)));
        return tf.sub(tf.mul(PENALTY_WEIGHT, gradientPenalty(tf, judge, between)), distance);
      },
      { optimizer: this.optimizer },
    );
    return { loss };
  }
}
