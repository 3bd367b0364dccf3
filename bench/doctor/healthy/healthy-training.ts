import {
  Adam,
  AdamW,
  BaseModel,
  BinaryCrossentropy,
  Child,
  CosineDecay,
  CosineDecayRestarts,
  defineVjp,
  layers,
  Model,
  SGD,
  tf,
  uniform,
  type BaseLayer,
  type CallContext,
  type StepBatch,
  type StepContext,
  type Tensor,
} from 'adjoint';
import { clouds, digits, wave } from '../data.js';
import { classifier, compiled, perceptron, regressor } from '../networks.js';
import { ends, fellBy, type SuiteCase } from '../suite-case.js';

const realOrFake = new BinaryCrossentropy({ fromLogits: true });

/** Makes points that a second network should not tell from real ones. */
@Model('suite/adversaries')
class Adversaries extends BaseModel {
  @Child() generator: BaseLayer[];
  @Child() discriminator: BaseLayer[];
  readonly generatorOptimizer = new Adam({ learningRate: 1e-3, beta1: 0.5 });
  readonly discriminatorOptimizer = new Adam({ learningRate: 1e-3, beta1: 0.5 });

  constructor(width: number) {
    super();
    this.generator = perceptron([width, width, 2]);
    this.discriminator = perceptron([width, width, 1]);
  }

  call(noise: Tensor, context: CallContext): Tensor {
    return this.generator.reduce((value, layer) => layer.call(value, context), noise);
  }

  override trainStep({ x: real, size }: StepBatch, step: StepContext): Record<string, Tensor> {
    const [ones, zeros] = [tf.ones([size, 1]), tf.zeros([size, 1])];
    const generate = (): Tensor => this.call(step.call.normal([size, 4]), step.call);
    const judge = (points: Tensor): Tensor =>
      this.discriminator.reduce((value, layer) => layer.call(value, step.call), points);
    const fake = generate();
    const discriminatorLoss = step.minimize(
      () => tf.add(realOrFake.compute(ones, judge(real)), realOrFake.compute(zeros, judge(fake))),
      { weights: 'discriminator*', optimizer: this.discriminatorOptimizer },
    );
    const generatorLoss = step.minimize(() => realOrFake.compute(ones, judge(generate())), {
      weights: 'generator*',
      optimizer: this.generatorOptimizer,
    });
    return { loss: discriminatorLoss, generatorLoss };
  }
}

const rightSwish = defineVjp('suite/right-swish', {
  inputs: ['x'],
  forward: (x) => ({ value: tf.mul(x, tf.sigmoid(x)), keep: { x } }),
  backward: (cotangent, { x }) => ({
    x: () => {
      const gate = tf.sigmoid(x);
      return tf.mul(cotangent, tf.add(gate, tf.mul(tf.mul(x, gate), tf.sub(1, gate))));
    },
  }),
});

export const healthyTraining: readonly SuiteCase[] = [
  {
    name: 'a small rate that still learns',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 48, 96), 6]), {
        optimizer: new Adam({ learningRate: draw.scale('adam', 1e-4, 2e-4) }),
      }),
      ...clouds(draw, 1500, 12, 6),
      options: { epochs: 12, batchSize: 16 },
    }),
    shows: fellBy(0.3),
  },
  {
    name: 'mixed_bfloat16',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 32, 64), 32, 10]), { precision: 'mixed_bfloat16' }),
      ...digits(draw, 800),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: fellBy(0.3),
  },
  {
    name: 'mixed_float16 whose scale has to come down',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 32, 64), 32, 6]), {
        precision: 'mixed_float16',
        lossScale: { initial: 2 ** draw.whole('power', 20, 22), growthInterval: 200 },
      }),
      ...clouds(draw, 1500, 12, 6),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: (outcome) => outcome.steps.some(Number.isNaN) && ends(outcome).last < 0.5,
  },
  {
    name: 'gradients accumulated over micro-batches',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 32, 64), 6]), {
        accumulateSteps: draw.whole('accumulate', 2, 4),
        optimizer: new Adam({ learningRate: 5e-3 }),
      }),
      ...clouds(draw, 1600, 12, 6),
      options: { epochs: 8, batchSize: 16 },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'clipping that acts at every step',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: regressor(draw, perceptron([draw.whole('width', 32, 64), 1]), {
        clip: { globalNorm: draw.real('norm', 0.1, 0.3) },
        optimizer: new SGD({ learningRate: 0.1 }),
      }),
      ...wave(draw, 1200, 8),
      options: { epochs: 10, batchSize: 32 },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'a warm-up from zero',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 32, 64), 6]), {
        optimizer: new Adam({
          learningRate: new CosineDecay({
            initialLearningRate: 0,
            warmupTarget: draw.scale('peak', 3e-3, 6e-3),
            warmupSteps: draw.whole('warmup', 30, 60),
            decaySteps: 340,
          }),
        }),
      }),
      ...clouds(draw, 1600, 12, 6),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'a model that has converged',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 32, 64), 4]), {
        optimizer: new Adam({ learningRate: 5e-3 }),
      }),
      ...clouds(draw, 800, 16, 4, 0.25),
      options: { epochs: 25, batchSize: 32 },
    }),
    shows: (outcome) => ends(outcome).last < 0.01,
  },
  {
    name: 'weight decay',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: regressor(draw, perceptron([draw.whole('width', 32, 64), 1]), {
        optimizer: new AdamW({ learningRate: 3e-3, weightDecay: draw.real('decay', 0.01, 0.1) }),
      }),
      ...wave(draw, 1200, 8),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'cosine decay with restarts',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: regressor(draw, perceptron([draw.whole('width', 32, 64), 1]), {
        optimizer: new Adam({
          learningRate: new CosineDecayRestarts({
            initialLearningRate: draw.scale('peak', 0.01, 0.02),
            firstDecaySteps: draw.whole('decay', 30, 50),
            tMul: 1,
          }),
        }),
      }),
      ...wave(draw, 1200, 8),
      options: { epochs: 10, batchSize: 32 },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'two adversaries',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const rows = 2048;
      const angles = uniform(draw.key('angles'), rows);
      const x = Float32Array.from({ length: 2 * rows }, (_, i) => {
        const angle = 2 * Math.PI * angles[i >> 1]!;
        return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
      });
      const model = compiled(new Adversaries(draw.whole('width', 24, 40)), draw, {});
      return {
        model,
        x: { x: { values: x, shape: [rows, 2], dtype: 'float32' } },
        options: { epochs: 6, batchSize: 64 },
      };
    },
    shows: ({ error, steps }) => error === null && steps.every(Number.isFinite),
  },
  {
    name: 'a right rule of its own',
    cause: null,
    half: 'first',
    make: (draw) => {
      const width = draw.whole('width', 24, 48);
      const chain = [
        layers.dense({ units: width, activation: rightSwish }),
        layers.dense({ units: width, activation: 'relu' }),
        layers.dense({ units: 6 }),
      ];
      return { model: classifier(draw, chain), ...clouds(draw, 1200, 12, 6), options: { epochs: 8, batchSize: 32 } };
    },
    shows: fellBy(0.5),
  },
  {
    name: 'eager steps',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 24, 48), 5]), { execution: 'eager' }),
      ...clouds(draw, 1200, 10, 5),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'trained in two fits',
    cause: null,
    half: 'first',
    make: (draw) => {
      const { x, y } = clouds(draw, 1000, 10, 5);
      return {
        model: classifier(draw, perceptron([draw.whole('width', 24, 48), 5])),
        x,
        y,
        options: {},
        run: async (model, callbacks) => {
          for (const batchSize of [16, 64]) {
            await model.fit(x, y, { epochs: 4, batchSize, verbose: 0, callbacks });
          }
        },
      };
    },
    shows: fellBy(0.5),
  },
];
