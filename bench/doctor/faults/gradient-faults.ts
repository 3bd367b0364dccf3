import {
  BaseLayer,
  BaseModel,
  Child,
  CustomVjp,
  defineVjp,
  Layer,
  layers,
  Model,
  SGD,
  stopGradient,
  tf,
  Weight,
  type CallContext,
  type Tensor,
  type WeightHandle,
} from 'adjoint';
import { clouds, digits, wave } from '../data.js';
import { classifier, compiled, logitLoss, perceptron, regressor } from '../networks.js';
import { stuckWithin, type SuiteCase } from '../suite-case.js';

const backwardsSwish = defineVjp('suite/swish', {
  inputs: ['x'],
  forward: (x) => ({ value: tf.mul(x, tf.sigmoid(x)), keep: { x } }),
  backward: (cotangent, { x }) => ({
    x: () => {
      const gate = tf.sigmoid(x);
      const slope = tf.add(gate, tf.mul(tf.mul(x, gate), tf.sub(1, gate)));
      return tf.neg(tf.mul(cotangent, slope));
    },
  }),
});

/** The gradient of `-(labels - predictions)^2`: what comes of a forgotten chain-rule minus. */
const squaredDistance = defineVjp('suite/squared-distance', {
  inputs: ['labels', 'predictions'],
  forward: (labels, predictions) => ({
    value: tf.squaredDifference(labels, predictions),
    keep: { labels, predictions },
  }),
  backward: (cotangent, { labels, predictions }) => {
    const slope = tf.mul(tf.mul(2, cotangent), tf.sub(labels, predictions));
    return { labels: () => slope, predictions: () => slope };
  },
});

/** A product whose rule has a wrong factor for the kernel. */
@Layer('suite/own-dense')
class OwnDense extends BaseLayer {
  constructor(readonly units: number) {
    super();
  }

  @Weight<OwnDense>((layer, input) => ({ shape: [input.at(-1), layer.units] })) kernel!: WeightHandle;
  @Weight<OwnDense>((_, input) => ({ shape: [1, input.at(-1)], initializer: 'zeros' })) shift!: WeightHandle;

  call(x: Tensor): Tensor {
    return this.product(tf.add(x, this.shift.value));
  }

  @CustomVjp('suite/own-dense', {
    inputs: ['x'],
    weights: ['kernel'],
    keep: ['x', 'kernel'],
    backward: (cotangent, { x, kernel }) => ({
      x: () => tf.matMul(cotangent, kernel!, false, true),
      kernel: () => tf.mul(-0.5, tf.matMul(x!, cotangent, true, false)),
    }),
  })
  product(x: Tensor): Tensor {
    return tf.matMul(x, this.kernel.value);
  }
}

/** Body and head, with something between the two. */
@Model('suite/cut')
class Cut extends BaseModel {
  @Child() body: BaseLayer[];
  @Child() head: BaseLayer;

  constructor(
    widths: readonly number[],
    units: number,
    private readonly between: (x: Tensor) => Tensor,
  ) {
    super();
    this.body = widths.map((width) => layers.dense({ units: width, activation: 'tanh' }));
    this.head = layers.dense({ units });
  }

  call(x: Tensor, context: CallContext): Tensor {
    const features = this.body.reduce((value, layer) => layer.call(value, context), x);
    return this.head.call(this.between(features), context);
  }
}

/** A second branch that somebody forgot to add. */
@Model('suite/forgotten-branch')
class ForgottenBranch extends BaseModel {
  @Child() body: BaseLayer;
  @Child() branch: BaseLayer;
  @Child() head: BaseLayer;

  constructor(width: number, units: number) {
    super();
    this.body = layers.dense({ units: width, activation: 'relu' });
    this.branch = layers.dense({ units: width, activation: 'relu' });
    this.head = layers.dense({ units });
  }

  call(x: Tensor, context: CallContext): Tensor {
    const hidden = this.body.call(x, context);
    this.branch.call(x, context);
    return this.head.call(hidden, context);
  }
}

/** Declares a gain and multiplies by none. */
@Layer('suite/forgotten-gain')
class ForgottenGain extends BaseLayer {
  @Weight((_, input) => ({ shape: [input.at(-1)], initializer: 'ones' })) gain!: WeightHandle;

  call(x: Tensor): Tensor {
    return tf.div(x, tf.add(1e-3, tf.sqrt(tf.mean(tf.square(x), -1, true))));
  }
}

/** Trains without learning in one part; the rest may learn a little. */
const trains: SuiteCase['shows'] = ({ error }) => error === null;

export const gradientFaults: readonly SuiteCase[] = [
  {
    name: 'swish with its sign turned',
    cause: 'wrong-sign-gradient',
    half: 'first',
    make: (draw) => {
      const width = draw.whole('width', 24, 48);
      const model = classifier(
        draw,
        [
          layers.dense({ units: width, activation: backwardsSwish }),
          layers.dense({ units: width, activation: 'relu' }),
          layers.dense({ units: 6 }),
        ],
        { optimizer: new SGD({ learningRate: draw.scale('sgd', 0.05, 0.1) }) },
      );
      return { model, ...clouds(draw, 1024, 12, 6, 1.2), options: { epochs: 8, batchSize: 32 } };
    },
    shows: trains,
  },
  {
    name: 'squared error with its sign turned',
    cause: 'wrong-sign-gradient',
    half: 'closing',
    make: (draw) => {
      const loss = (labels: Tensor, predictions: Tensor): Tensor => tf.mean(squaredDistance(labels, predictions), -1);
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 1e-3, 4e-3) });
      const model = regressor(draw, perceptron([draw.whole('width', 16, 40), 1]), { loss, optimizer });
      return { model, ...wave(draw, 1024, 8), options: { epochs: 6, batchSize: 32 } };
    },
    shows: stuckWithin(0),
  },
  {
    name: 'a dense layer whose rule has a wrong factor',
    cause: 'wrong-sign-gradient',
    half: 'closing',
    make: (draw) => {
      const chain = [
        new OwnDense(draw.whole('width', 24, 48)),
        layers.activation({ activation: 'tanh' }),
        layers.dense({ units: 5 }),
      ];
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 0.1, 0.2) });
      return {
        model: classifier(draw, chain, { optimizer }),
        ...clouds(draw, 1024, 10, 5, 1.2),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: trains,
  },
  {
    name: 'features behind stopGradient',
    cause: 'too-much-detach',
    half: 'first',
    make: (draw) => {
      const width = draw.whole('width', 16, 40);
      const model = new Cut([width, width], 6, (x) => stopGradient(x));
      compiled(model, draw, { loss: logitLoss(), metrics: ['accuracy'] });
      return { model, ...clouds(draw, 1024, 12, 6), options: { epochs: 6, batchSize: 32 } };
    },
    shows: trains,
  },
  {
    name: 'an activation inside stopGradient',
    cause: 'too-much-detach',
    half: 'closing',
    make: (draw) => {
      const width = draw.whole('width', 16, 32);
      const model = regressor(draw, [
        layers.dense({ units: width, activation: 'relu' }),
        layers.dense({ units: width, activation: (x) => stopGradient(tf.tanh(x)) }),
        layers.dense({ units: width, activation: 'relu' }),
        layers.dense({ units: 1 }),
      ]);
      return { model, ...wave(draw, 1024, 8), options: { epochs: 6, batchSize: 32 } };
    },
    shows: trains,
  },
  {
    name: 'a branch that is not added',
    cause: 'unused-weight',
    half: 'first',
    make: (draw) => {
      const model = new ForgottenBranch(draw.whole('width', 16, 48), 5);
      compiled(model, draw, { loss: logitLoss(), metrics: ['accuracy'] });
      return { model, ...clouds(draw, 1024, 10, 5), options: { epochs: 6, batchSize: 32 } };
    },
    shows: trains,
  },
  {
    name: 'a gain that is not applied',
    cause: 'unused-weight',
    half: 'closing',
    make: (draw) => {
      const width = draw.whole('width', 16, 48);
      const model = regressor(draw, [
        layers.dense({ units: width, activation: 'relu' }),
        new ForgottenGain(),
        layers.dense({ units: 1 }),
      ]);
      return { model, ...wave(draw, 1024, 6), options: { epochs: 6, batchSize: 32 } };
    },
    shows: trains,
  },
  {
    name: 'rounded features',
    cause: 'non-differentiable-op',
    half: 'first',
    make: (draw) => {
      const levels = draw.whole('levels', 2, 8);
      const width = draw.whole('width', 16, 40);
      const model = new Cut([width, width], 6, (x) => tf.div(tf.round(tf.mul(x, levels)), levels));
      compiled(model, draw, { loss: logitLoss(), metrics: ['accuracy'] });
      return { model, ...clouds(draw, 1024, 12, 6), options: { epochs: 6, batchSize: 32 } };
    },
    shows: trains,
  },
  {
    name: 'features made yes or no by a comparison',
    cause: 'non-differentiable-op',
    half: 'closing',
    make: (draw) => {
      const threshold = draw.real('threshold', -0.2, 0.2);
      const model = new Cut([draw.whole('width', 24, 48)], 10, (x) => tf.cast(tf.greater(x, threshold), 'float32'));
      compiled(model, draw, { loss: logitLoss(), metrics: ['accuracy'] });
      return { model, ...digits(draw, 600), options: { epochs: 6, batchSize: 32 } };
    },
    shows: trains,
  },
  {
    name: 'features that went through JavaScript',
    cause: 'non-differentiable-op',
    half: 'closing',
    make: (draw) => {
      const model = new Cut([draw.whole('width', 16, 32)], 4, (x) => tf.tensor(x.dataSync(), x.shape));
      compiled(model, draw, { loss: logitLoss(), metrics: ['accuracy'], execution: 'eager' });
      return { model, ...clouds(draw, 512, 8, 4), options: { epochs: 4, batchSize: 32 } };
    },
    shows: trains,
  },
];
