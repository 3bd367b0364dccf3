import {
  BaseModel,
  Child,
  grad,
  layers,
  mapTree,
  MeanSquaredError,
  Model,
  sequential,
  stopGradient,
  tf,
  type StepBatch,
  type StepContext,
  type Tensor,
} from 'adjoint';
import { SHOTS } from './tasks.js';

type Weights = Record<string, Tensor>;

/** Rate of the gradient step that adapts the network to a sine. */
const INNER_RATE = 0.02;
/** Sines in a batch. */
export const TASKS = 10;

const squaredError = new MeanSquaredError();

/** What the network is trained for: `'second order'` and `'first order'` to be adapted, `'no adaptation'` to be used as it is. */
export type Training = 'second order' | 'first order' | 'no adaptation';

/**
 * A network that is trained to be one gradient step away from any sine.
 *
 * A batch is `x` and `y` `[tasks, 2 * shots, 1]`, the points to learn from first.
 */
@Model('example/maml')
export class Maml extends BaseModel {
  @Child() net = sequential([
    layers.dense({ units: 40, activation: 'relu' }),
    layers.dense({ units: 40, activation: 'relu' }),
    layers.dense({ units: 1 }),
  ]);

  constructor(readonly training: Training) {
    super();
  }

  call(x: Tensor): Tensor {
    return this.net.call(x);
  }

  /** The error on points `[shots, 1]` of a task, with the given weights in the place of the model's own. */
  error(weights: Weights, x: Tensor, y: Tensor): Tensor {
    return this.withWeights(weights, () => squaredError.compute(y, this.call(x)));
  }

  /** The weights after one gradient step on a task's points: a function of the weights before. */
  adapt(weights: Weights, x: Tensor, y: Tensor): Weights {
    const gradient = grad((at: Weights) => this.error(at, x, y))(weights);
    // All that tells the two orders apart: whether the gradient is a function of the weights too, or a constant.
    const slopes = this.training === 'first order' ? stopGradient(gradient) : gradient;
    return mapTree((weight, slope) => tf.sub(weight, tf.mul(INNER_RATE, slope)), weights, slopes);
  }

  /** The error on points that the adaptation has not seen, averaged over the tasks. */
  metaLoss(weights: Weights, x: Tensor, y: Tensor, adapted = this.training !== 'no adaptation'): Tensor {
    const ys = tf.unstack(y);
    const errors = tf.unstack(x).map((task, i) => {
      const [seenX, unseenX] = tf.split(task, [SHOTS, SHOTS]);
      const [seenY, unseenY] = tf.split(ys[i]!, [SHOTS, SHOTS]);
      return this.error(adapted ? this.adapt(weights, seenX!, seenY!) : weights, unseenX!, unseenY!);
    });
    return tf.mean(tf.stack(errors));
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    return { loss: step.minimize(() => this.metaLoss(this.trainableWeightTensors(), x, y!)) };
  }
}
