import {
  BaseLayer,
  integers,
  Layer,
  normal,
  tf,
  Weight,
  type InitializerLike,
  type Tensor,
  type WeightHandle,
} from 'adjoint';
import { classes, floats, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';

/** The last state of a plain recurrence over `[batch, time, features]`. */
@Layer('suite/recurrence')
export class Recurrence extends BaseLayer {
  constructor(
    readonly units: number,
    readonly recurrentInitializer: InitializerLike,
    private readonly activation: (x: Tensor) => Tensor,
  ) {
    super();
  }

  @Weight<Recurrence>((layer, input) => ({ shape: [input.at(-1), layer.units] })) kernel!: WeightHandle;
  @Weight<Recurrence>((layer) => ({ shape: [layer.units, layer.units], initializer: layer.recurrentInitializer }))
  recurrent!: WeightHandle;
  @Weight<Recurrence>((layer) => ({ shape: [layer.units], initializer: 'zeros' })) bias!: WeightHandle;

  call(x: Tensor): Tensor {
    const [kernel, recurrent, bias] = [this.kernel.value, this.recurrent.value, this.bias.value];
    let state: Tensor = tf.zeros([x.shape[0]!, this.units]);
    for (const now of tf.unstack(x, 1)) {
      const sum = tf.add(tf.matMul(now, kernel), tf.matMul(state, recurrent));
      state = this.activation(tf.add(sum, bias));
    }
    return state;
  }
}

/** Noise around a drift that is another one in each class. */
export function driftingSequences(draw: Draw, rows: number, length: number, features: number, count: number): Labelled {
  const drifts = normal(draw.key('drifts'), count * features);
  const noise = normal(draw.key('noise'), rows * length * features);
  const labels = integers(draw.key('labels'), rows, 0, count);
  const values = noise.map((value, i) => {
    const row = Math.floor(i / (length * features));
    return 0.8 * value + 0.6 * drifts[labels[row]! * features + (i % features)]!;
  });
  return { x: floats(values, rows, length, features), y: classes(labels) };
}
