import {
  BaseModel,
  Child,
  layers,
  Model,
  stopGradient,
  tf,
  type CallContext,
  type StepBatch,
  type StepContext,
  type Tensor,
} from 'adjoint';
import { PLACES } from './walk.js';

/** The part of the way to the trained network that the target network goes in a step. */
const FOLLOW = 0.02;

/** Where the value of the next place comes from. */
export type Target = 'target network' | 'itself, stopGradient' | 'itself, no stopGradient';

const makeLayers = () => [layers.dense({ units: 32, activation: 'tanh' }), layers.dense({ units: 1 })];
type Layers = ReturnType<typeof makeLayers>;

/** Learns what places are worth from single steps: a place as much as the reward and the place that comes after it. */
@Model('example/values')
export class Values extends BaseModel {
  @Child() trained = makeLayers();
  /** A network of the same form that follows the trained one slowly. */
  @Child() target = makeLayers();

  constructor(private readonly kind: Target) {
    super();
    for (const layer of this.target) layer.trainable = false;
  }

  call(places: Tensor, context: CallContext): Tensor {
    return valueBy(this.trained, places, context);
  }

  override trainStep({ x: place, y: outcome }: StepBatch, step: StepContext): Record<string, Tensor> {
    const [next, reward, goesOn] = tf.split(outcome!, [PLACES, 1, 1], 1) as [Tensor, Tensor, Tensor];
    const loss = step.minimize(() => {
      const wanted = tf.add(reward, tf.mul(goesOn, this.nextValue(next, step.call)));
      return tf.mean(tf.square(tf.sub(this.call(place, step.call), wanted)));
    });
    if (this.kind === 'target network') this.follow(step.call);
    return { loss };
  }

  private nextValue(next: Tensor, context: CallContext): Tensor {
    switch (this.kind) {
      case 'target network':
        return stopGradient(valueBy(this.target, next, context));
      case 'itself, stopGradient':
        return stopGradient(valueBy(this.trained, next, context));
      case 'itself, no stopGradient':
        return valueBy(this.trained, next, context);
    }
  }

  /** Moves the target network's weights a little towards the trained ones. */
  private follow(context: CallContext): void {
    this.target.forEach((layer, i) => {
      const { kernel, bias } = this.trained[i]!;
      context.assign(layer.kernel, mixed(layer.kernel.value, kernel.value));
      context.assign(layer.bias, mixed(layer.bias.value, bias.value));
    });
  }
}

function valueBy(chain: Layers, places: Tensor, context: CallContext): Tensor {
  return chain.reduce((x, layer) => layer.call(x, context), places);
}

function mixed(old: Tensor, wanted: Tensor): Tensor {
  return tf.add(old, tf.mul(FOLLOW, tf.sub(wanted, old)));
}
