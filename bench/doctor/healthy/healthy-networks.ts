import {
  BaseModel,
  Child,
  initializers,
  Layer,
  BaseLayer,
  layers,
  Model,
  sequential,
  SGD,
  stopGradient,
  tf,
  type CallContext,
  type StepBatch,
  type StepContext,
  type Tensor,
} from 'adjoint';
import { clouds, digits, wave } from '../data.js';
import { classifier, compiled, perceptron, regressor } from '../networks.js';
import { fellBy, type SuiteCase } from '../suite-case.js';

/** One layer twice, its weights getting the sum of both gradients. */
@Model('suite/tied')
class Tied extends BaseModel {
  @Child() first: BaseLayer;
  @Child() shared: BaseLayer;
  @Child() head = layers.dense({ units: 5 });

  constructor(width: number) {
    super();
    this.first = layers.dense({ units: width, activation: 'tanh' });
    this.shared = layers.dense({ units: width, activation: 'tanh' });
  }

  call(x: Tensor, context: CallContext): Tensor {
    const once = this.shared.call(this.first.call(x, context), context);
    return this.head.call(this.shared.call(once, context), context);
  }
}

/** Learns values with a network that follows it slowly. */
@Model('suite/target-network')
class TargetNetwork extends BaseModel {
  @Child() trained: ReturnType<typeof layers.dense>[];
  @Child() target: ReturnType<typeof layers.dense>[];

  constructor(width: number) {
    super();
    const make = () => [layers.dense({ units: width, activation: 'tanh' }), layers.dense({ units: 1 })];
    this.trained = make();
    this.target = make();
    for (const layer of this.target) layer.trainable = false;
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.trained.reduce((value, layer) => layer.call(value, context), x);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    const loss = step.minimize(() => {
      const next = stopGradient(this.target.reduce((value, layer) => layer.call(value, step.call), tf.neg(x)));
      const wanted = tf.add(y!, tf.mul(0.3, next));
      return tf.mean(tf.squaredDifference(wanted, this.call(x, step.call)));
    });
    this.target.forEach((layer, i) => {
      for (const name of ['kernel', 'bias'] as const) {
        const [old, wanted] = [layer[name].value, this.trained[i]![name].value];
        step.call.assign(layer[name], tf.add(old, tf.mul(0.05, tf.sub(wanted, old))));
      }
    });
    return { loss };
  }
}

/** A gate through a hand-written path that detaches the gate on purpose. */
@Layer('suite/detached-scale')
class DetachedScale extends BaseLayer {
  call(x: Tensor): Tensor {
    return tf.div(x, tf.add(1e-3, stopGradient(tf.sqrt(tf.mean(tf.square(x), -1, true)))));
  }
}

export const healthyNetworks: readonly SuiteCase[] = [
  {
    name: 'a relu net with seventy per cent zeros',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: classifier(
        draw,
        perceptron([draw.whole('width', 64, 128), 64, 6], {
          activation: 'relu',
          kernelInitializer: 'heNormal',
          biasInitializer: initializers.constant({ value: -draw.real('bias', 0.7, 0.9) }),
        }),
      ),
      ...clouds(draw, 1500, 12, 6),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.5),
  },
  {
    name: 'a frozen first layer',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, [
        layers.dense({ units: draw.whole('width', 64, 96), activation: 'relu', trainable: false }),
        layers.dense({ units: 32, activation: 'relu' }),
        layers.dense({ units: 5 }),
      ]),
      ...clouds(draw, 1200, 12, 5),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.5),
  },
  {
    name: 'a layer used twice',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: compiled(new Tied(draw.whole('width', 24, 48)), draw, {
        loss: (labels: Tensor, logits: Tensor) =>
          tf.neg(tf.sum(tf.mul(tf.oneHot(tf.cast(labels, 'int32'), 5), tf.logSoftmax(logits)), -1)),
      }),
      ...clouds(draw, 1200, 10, 5),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.5),
  },
  {
    name: 'batch normalisation',
    cause: null,
    half: 'first',
    make: (draw) => {
      const width = draw.whole('width', 32, 64);
      const block = () => [
        layers.dense({ units: width, useBias: false }),
        layers.batchNormalization(),
        layers.activation({ activation: 'relu' }),
      ];
      return {
        model: classifier(draw, [...block(), ...block(), layers.dense({ units: 10 })]),
        ...digits(draw, 800),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'a residual net',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const width = draw.whole('width', 24, 40);
      const block = () =>
        layers.residual({
          body: [layers.dense({ units: width, activation: 'relu' }), layers.dense({ units: width })],
        });
      return {
        model: regressor(draw, [layers.dense({ units: width }), block(), block(), block(), layers.dense({ units: 1 })]),
        ...wave(draw, 1200, 8),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'ten relu layers begun with heNormal',
    cause: null,
    half: 'first',
    make: (draw) => {
      const widths = Array.from({ length: draw.whole('depth', 8, 10) }, () => draw.whole('width', 48, 64));
      return {
        model: classifier(draw, perceptron([...widths, 6], { activation: 'relu', kernelInitializer: 'heNormal' }), {}),
        ...clouds(draw, 1200, 12, 6),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'dropout',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, [
        layers.dense({ units: draw.whole('width', 64, 96), activation: 'relu' }),
        layers.dropout({ rate: draw.real('rate', 0.3, 0.5) }),
        layers.dense({ units: 64, activation: 'relu' }),
        layers.dropout({ rate: 0.3 }),
        layers.dense({ units: 10 }),
      ]),
      ...digits(draw, 900),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.3),
  },
  {
    name: 'an autoencoder with sigmoid and binary cross-entropy',
    cause: null,
    half: 'first',
    make: (draw) => {
      const { x } = digits(draw, 600);
      const model = compiled(
        sequential([
          layers.dense({ units: draw.whole('code', 24, 48), activation: 'relu' }),
          layers.dense({ units: 784, activation: 'sigmoid' }),
        ]),
        draw,
        { loss: 'binaryCrossentropy' },
      );
      return { model, x, y: x, options: { epochs: 8, batchSize: 32 } };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'a tanh net',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: regressor(draw, perceptron([draw.whole('width', 32, 64), 32, 1], { activation: 'tanh' })),
      ...wave(draw, 1200, 8),
      options: { epochs: 10, batchSize: 32 },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'a shallow sigmoid net',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 48, 96), 10], { activation: 'sigmoid' })),
      ...digits(draw, 900),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.3),
  },
  {
    name: 'a small convolutional net',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const { x, y } = digits(draw, 500);
      return {
        model: classifier(draw, [
          layers.conv2d({ filters: draw.whole('filters', 4, 8), kernelSize: 5, strides: 2, activation: 'relu' }),
          layers.maxPooling2d({ poolSize: 2 }),
          layers.flatten(),
          layers.dense({ units: 10 }),
        ]),
        x: { ...x, shape: [500, 28, 28, 1] },
        y,
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: fellBy(0.3),
  },
  {
    name: 'a target network detached on purpose',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: compiled(new TargetNetwork(draw.whole('width', 24, 48)), draw, {}),
      ...wave(draw, 1200, 8),
      options: { epochs: 10, batchSize: 32 },
    }),
    shows: fellBy(0.3),
  },
  {
    name: 'a norm detached on purpose inside a layer',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, [
        layers.dense({ units: draw.whole('width', 32, 64), activation: 'relu' }),
        new DetachedScale(),
        layers.dense({ units: 5 }),
      ]),
      ...clouds(draw, 1200, 10, 5),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'gelu, SGD with momentum',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 32, 64), 32, 6], { activation: 'gelu' }), {
        optimizer: new SGD({ learningRate: draw.scale('sgd', 0.01, 0.03), momentum: 0.9 }),
      }),
      ...clouds(draw, 1200, 12, 6),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.5),
  },
];
