import {
  BaseLayer,
  BaseModel,
  BaseOptimizer,
  CallContext,
  Child,
  grad,
  Layer,
  layers,
  Model,
  Optimizer,
  OptimizerOptions,
  tf,
  type GradientTransform,
  type StepBatch,
  type StepContext,
  type Tensor,
  type WeightHandle,
  type WeightUpdate,
} from 'adjoint';
import { perceptron } from '../networks.js';

/** Adds this step's gradients to those of all steps before. */
export function summedGradients(): GradientTransform {
  return {
    name: 'summedGradients',
    slots: () => ({ sum: 0 }),
    transform: (gradients, _weights, step) =>
      new Map(
        [...gradients].map(([path, gradient]) => {
          const { sum } = step!.slotsOf(path);
          const total = tf.add(sum!.read(), gradient);
          sum!.assign(total);
          return [path, total];
        }),
      ),
  };
}

/** Descends along the sum of all gradients since the start. */
@Optimizer('suite/summing-descent', OptimizerOptions)
export class SummingDescent extends BaseOptimizer<OptimizerOptions> {
  override slots(): Readonly<Record<string, number>> {
    return { sum: 0 };
  }

  apply({ variable, value, gradient, slots, learningRate }: WeightUpdate): void {
    const total = tf.add(slots['sum']!.read(), gradient);
    slots['sum']!.assign(total);
    variable.assign(tf.sub(value, tf.mul(learningRate, total)));
  }
}

const squaredError = (labels: Tensor, predictions: Tensor): Tensor =>
  tf.mean(tf.squaredDifference(labels, predictions));

/** Writes weights back that were read before the update. */
@Model('suite/stale-write')
export class StaleWrite extends BaseModel {
  @Child() hidden: BaseLayer & { kernel: WeightHandle; bias: WeightHandle };
  @Child() head = layers.dense({ units: 1 });

  constructor(width: number) {
    super();
    this.hidden = layers.dense({ units: width, activation: 'tanh' });
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.hidden.call(x, context), context);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    if (!this.hidden.built) this.call(x, step.call);
    const written = [this.hidden.kernel, this.hidden.bias].map((weight) => [weight, weight.value] as const);
    const loss = step.minimize(() => squaredError(y!, this.call(x, step.call)));
    for (const [weight, value] of written) step.call.assign(weight, value);
    return { loss };
  }
}

/** Holds on to a tensor of its first call, which the step frees. */
@Layer('suite/cached-scale')
export class CachedScale extends BaseLayer {
  private cached: Tensor | undefined;

  call(x: Tensor): Tensor {
    this.cached ??= tf.add(1, tf.mean(tf.abs(x)));
    return tf.div(x, this.cached);
  }
}

/** A table of its own that is freed after some calls. */
@Layer('suite/freed-table')
export class FreedTable extends BaseLayer {
  private readonly table = tf.tidy(() => tf.keep(tf.scalar(0.5)));
  private calls = 0;

  constructor(private readonly after: number) {
    super();
  }

  call(x: Tensor): Tensor {
    if (this.calls++ === this.after) this.table.dispose();
    return tf.mul(x, this.table);
  }
}

/** A state carried from batch to batch, always run again from the very first one. */
@Model('suite/whole-past')
export class WholePast extends BaseModel {
  @Child() step: BaseLayer;
  @Child() head = layers.dense({ units: 1 });
  private readonly past: Tensor[] = [];

  constructor(
    private readonly width: number,
    private readonly kept: 'inputs' | 'states',
  ) {
    super();
    this.step = layers.dense({ units: width, activation: 'tanh' });
  }

  call(x: Tensor, context: CallContext): Tensor {
    const state = tf.zeros([x.shape[0]!, this.width]);
    return this.head.call(this.step.call(tf.concat([x, state], 1), context), context);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    this.past.push(tf.keep(tf.clone(x)));
    const run = (): Tensor[] => {
      let state: Tensor = tf.zeros([x.shape[0]!, this.width]);
      return this.past.map((input) => {
        state = this.step.call(tf.concat([input, state], 1), step.call);
        return state;
      });
    };
    const loss = step.minimize(() => {
      const states = run();
      const read = this.kept === 'states' ? tf.addN(states) : states.at(-1)!;
      return squaredError(y!, this.head.call(this.kept === 'states' ? tf.div(read, states.length) : read, step.call));
    });
    return { loss };
  }

  override dispose(): void {
    tf.dispose(this.past);
    super.dispose();
  }
}

/** Drops the same units at every step: the draw has a seed of its own. */
@Layer('suite/seeded-dropout')
export class SeededDropout extends BaseLayer {
  constructor(
    private readonly rate: number,
    private readonly maskSeed: number,
  ) {
    super();
  }

  call(x: Tensor, context: CallContext): Tensor {
    return context.training ? tf.dropout(x, this.rate, undefined, this.maskSeed) : tf.clone(x);
  }
}

/** Hands its dropout a context that knows no step. */
@Layer('suite/own-context')
export class OwnContext extends BaseLayer {
  @Child() dropout: BaseLayer;

  constructor(
    rate: number,
    private readonly maskSeed: number,
  ) {
    super();
    this.dropout = layers.dropout({ rate });
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.dropout.call(x, new CallContext({ training: context.training, seed: this.maskSeed }));
  }
}

/** Keeps what nobody frees. */
@Layer('suite/keeper')
export class Keeper extends BaseLayer {
  constructor(private readonly count: number) {
    super();
  }

  call(x: Tensor): Tensor {
    for (let i = 0; i < this.count; i++) tf.keep(tf.add(x, i));
    return tf.clone(x);
  }
}

/** Collects each step's predictions for a look at them later. */
@Model('suite/collector')
export class Collector extends BaseModel {
  @Child() body: BaseLayer[];
  private readonly seen: Tensor[] = [];

  constructor(width: number) {
    super();
    this.body = perceptron([width, 1]);
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.body.reduce((value, layer) => layer.call(value, context), x);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    return {
      loss: step.minimize(() => {
        const predictions = this.call(x, step.call);
        this.seen.push(tf.keep(tf.clone(predictions)));
        return squaredError(y!, predictions);
      }),
    };
  }
}

/** Its own sum of gradients, which nobody sets back. */
@Model('suite/own-sums')
export class OwnSums extends BaseModel {
  @Child() line = layers.dense({ units: 1 });
  /** Not a layer to call, but a place for the sum. */
  @Child() sum = layers.dense({ units: 1, trainable: false, useBias: false, kernelInitializer: 'zeros' });

  call(x: Tensor, context: CallContext): Tensor {
    return this.line.call(x, context);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    this.sum.call(x, step.call);
    const loss = squaredError(y!, this.call(x, step.call));
    const { kernel, bias } = this.line;
    const shift = bias.value;
    const gradient = grad((weight: Tensor) => squaredError(y!, tf.add(tf.matMul(x, weight), shift)))(kernel.value);
    const total = tf.add(this.sum.kernel.value, gradient);
    step.call.assign(this.sum.kernel, total);
    step.minimize(() => tf.sum(tf.mul(kernel.value, total)), { weights: 'line/kernel' });
    return { loss };
  }
}
