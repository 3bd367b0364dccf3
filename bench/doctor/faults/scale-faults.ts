import { initializers, layers, SGD, tf, type HostArray, type Tensor } from 'adjoint';
import { clouds, digits, floats, scaledBy, wave } from '../data.js';
import type { Draw } from '../draw.js';
import { classifier, perceptron, regressor } from '../networks.js';
import { ends, guesses, stuckWithin, type Outcome, type SuiteCase } from '../suite-case.js';

const many = (count: number, width: number, last: number): number[] => [
  ...Array.from({ length: count }, () => width),
  last,
];

const normalOf = (standardDeviation: number) => initializers.randomNormal({ standardDeviation });

/** Columns of different units: years, incomes, shares. */
function table(draw: Draw, rows: number): { x: HostArray; y: HostArray } {
  const { x, y } = wave(draw, rows, 6);
  const units = [1, 10, 300, 20_000, 0.01, draw.scale('unit', 1e3, 1e4)];
  const means = [0, 40, 1000, 50_000, 0.5, 0];
  const values = Float32Array.from(x.values, (value, i) => means[i % 6]! + units[i % 6]! * value);
  return { x: floats(values, rows, 6), y };
}

const startsHuge =
  (least: number) =>
  (outcome: Outcome): boolean =>
    !(outcome.steps[0]! < least);

export const scaleFaults: readonly SuiteCase[] = [
  {
    name: 'sigmoids far out on their flat side',
    cause: 'saturation',
    half: 'first',
    make: (draw) => {
      const bias = draw.pick('side', [-1, 1]) * draw.real('bias', 14, 18);
      const model = classifier(
        draw,
        perceptron([draw.whole('width', 24, 48), draw.whole('second', 24, 48), 6], {
          activation: 'sigmoid',
          biasInitializer: initializers.constant({ value: bias }),
        }),
        { optimizer: new SGD({ learningRate: 0.05 }) },
      );
      return { model, ...clouds(draw, 1024, 12, 6), options: { epochs: 6, batchSize: 32 } };
    },
    shows: guesses(6),
  },
  {
    name: 'tanh of large products',
    cause: 'saturation',
    half: 'closing',
    make: (draw) => {
      const model = regressor(
        draw,
        perceptron([draw.whole('width', 32, 64), draw.whole('second', 32, 64), 1], {
          activation: 'tanh',
          kernelInitializer: normalOf(draw.real('deviation', 8, 16)),
        }),
        { optimizer: new SGD({ learningRate: 0.02 }) },
      );
      return { model, ...wave(draw, 1024, 10), options: { epochs: 6, batchSize: 32 } };
    },
    shows: ({ error }) => error === null,
  },
  {
    name: 'relus with biases far below zero',
    cause: 'dead-relu',
    half: 'first',
    make: (draw) => {
      const width = draw.whole('width', 24, 64);
      const model = classifier(
        draw,
        perceptron([width, width, 5], {
          activation: 'relu',
          biasInitializer: initializers.constant({ value: -draw.real('bias', 12, 20) }),
        }),
      );
      return { model, ...clouds(draw, 1024, 10, 5), options: { epochs: 6, batchSize: 32 } };
    },
    shows: stuckWithin(0.1),
  },
  {
    name: 'a narrow relu layer that died in the middle',
    cause: 'dead-relu',
    half: 'closing',
    make: (draw) => {
      const model = regressor(draw, [
        layers.dense({ units: draw.whole('width', 24, 48), activation: 'relu' }),
        layers.dense({
          units: draw.whole('narrow', 12, 24),
          activation: 'relu',
          kernelInitializer: initializers.randomUniform({ minimum: -1, maximum: -0.1 }),
          biasInitializer: initializers.constant({ value: -0.5 }),
        }),
        layers.dense({ units: 16, activation: 'relu' }),
        layers.dense({ units: 1 }),
      ]);
      return { model, ...wave(draw, 1024, 8), options: { epochs: 6, batchSize: 32 } };
    },
    shows: stuckWithin(0.2),
  },
  {
    name: 'six relu layers of weights of deviation one',
    cause: 'exploding-initialisation',
    half: 'first',
    make: (draw) => {
      const chain = perceptron(many(draw.whole('depth', 5, 7), draw.whole('width', 40, 72), 6), {
        activation: 'relu',
        kernelInitializer: normalOf(draw.real('deviation', 0.9, 1.4)),
      });
      return {
        model: classifier(draw, chain, { optimizer: new SGD({ learningRate: 0.01 }) }),
        ...clouds(draw, 1024, 12, 6),
        options: { epochs: 4, batchSize: 32 },
      };
    },
    shows: startsHuge(100),
  },
  {
    name: 'a deep net of weights from -1 to 1, Adam',
    cause: 'exploding-initialisation',
    half: 'closing',
    make: (draw) => {
      const bound = draw.real('bound', 0.8, 1.2);
      const chain = perceptron(many(draw.whole('depth', 8, 10), draw.whole('width', 32, 56), 1), {
        activation: 'relu',
        kernelInitializer: initializers.randomUniform({ minimum: -bound, maximum: bound }),
      });
      return { model: regressor(draw, chain), ...wave(draw, 1024, 8), options: { epochs: 4, batchSize: 32 } };
    },
    shows: startsHuge(1000),
  },
  {
    name: 'many sigmoid layers',
    cause: 'vanishing-depth',
    half: 'first',
    make: (draw) => {
      const chain = perceptron(many(draw.whole('depth', 12, 18), draw.whole('width', 24, 40), 6), {
        activation: 'sigmoid',
      });
      return { model: classifier(draw, chain), ...clouds(draw, 1024, 12, 6), options: { epochs: 6, batchSize: 32 } };
    },
    shows: guesses(6),
  },
  {
    name: 'many tanh layers of small weights',
    cause: 'vanishing-depth',
    half: 'closing',
    make: (draw) => {
      const chain = perceptron(many(draw.whole('depth', 14, 20), draw.whole('width', 24, 40), 1), {
        activation: 'tanh',
        kernelInitializer: initializers.varianceScaling({ scale: draw.real('scale', 0.1, 0.25) }),
      });
      const optimizer = new SGD({ learningRate: 0.05 });
      return {
        model: regressor(draw, chain, { optimizer }),
        ...wave(draw, 1024, 8),
        options: { epochs: 4, batchSize: 32 },
      };
    },
    shows: stuckWithin(0.15),
  },
  {
    name: 'all kernels zero',
    cause: 'zero-initialisation',
    half: 'first',
    make: (draw) => {
      const width = draw.whole('width', 16, 48);
      const zeros = { kernelInitializer: 'zeros' as const };
      const activation = draw.pick('activation', ['relu', 'tanh'] as const);
      const model = classifier(draw, [
        layers.dense({ units: width, activation, ...zeros }),
        layers.dense({ units: width, activation, ...zeros }),
        layers.dense({ units: 6, ...zeros }),
      ]);
      return { model, ...clouds(draw, 1024, 12, 6), options: { epochs: 6, batchSize: 32 } };
    },
    shows: stuckWithin(0.1),
  },
  {
    name: 'all kernels one constant',
    cause: 'zero-initialisation',
    half: 'closing',
    make: (draw) => {
      const kernelInitializer = initializers.constant({ value: draw.real('value', 0.02, 0.08) });
      const model = regressor(draw, [
        layers.dense({ units: draw.whole('width', 16, 32), activation: 'tanh', kernelInitializer }),
        layers.dense({ units: draw.whole('second', 16, 32), activation: 'tanh', kernelInitializer }),
        layers.dense({ units: 1, kernelInitializer }),
      ]);
      return { model, ...wave(draw, 1024, 8), options: { epochs: 6, batchSize: 32 } };
    },
    shows: ({ error }) => error === null,
  },
  {
    name: 'digits from 0 to 255',
    cause: 'unnormalised-inputs',
    half: 'first',
    make: (draw) => {
      const { x, y } = digits(draw, 800);
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 0.01, 0.03) });
      return {
        model: classifier(draw, perceptron([draw.whole('width', 32, 64), 10]), { optimizer }),
        x: scaledBy(x, 255),
        y,
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: (outcome) => !(ends(outcome).last < 1),
  },
  {
    name: 'columns of very different units',
    cause: 'unnormalised-inputs',
    half: 'closing',
    make: (draw) => ({
      model: regressor(draw, perceptron([draw.whole('width', 24, 48), 16, 1])),
      ...table(draw, 1024),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: (outcome) => !(ends(outcome).last < 0.5),
  },
  {
    name: 'a loss in tiny units in float16 without a loss scale',
    cause: 'float16-underflow',
    half: 'first',
    make: (draw) => {
      const { x, y } = wave(draw, 2048, 8);
      const size = draw.scale('size', 1e-7, 5e-7);
      const model = regressor(draw, perceptron([24, 24, 1]), {
        loss: (labels: Tensor, predictions: Tensor) =>
          tf.mul(size, tf.mean(tf.squaredDifference(labels, predictions), -1)),
        optimizer: new SGD({ learningRate: 0.05 / size }),
        precision: 'mixed_float16',
        lossScale: 1,
      });
      return { model, x, y, options: { epochs: 6, batchSize: 128 } };
    },
    shows: stuckWithin(0.2),
  },
  {
    name: 'a small share of the loss in float16, fixed scale',
    cause: 'float16-underflow',
    half: 'closing',
    make: (draw) => {
      const share = 2 ** -draw.whole('power', 21, 23);
      const model = classifier(draw, perceptron([draw.whole('width', 24, 40), 24, 6], { activation: 'tanh' }), {
        loss: (labels: Tensor, logits: Tensor) =>
          tf.mul(share, tf.neg(tf.sum(tf.mul(tf.oneHot(tf.cast(labels, 'int32'), 6), tf.logSoftmax(logits)), -1))),
        metrics: [],
        optimizer: new SGD({ learningRate: 0.1 / share }),
        precision: 'mixed_float16',
        lossScale: draw.pick('lossScale', [1, 2]),
      });
      return { model, ...clouds(draw, 2048, 12, 6), options: { epochs: 6, batchSize: 128 } };
    },
    shows: stuckWithin(0.2),
  },
  {
    name: 'a few targets a thousand times too large',
    cause: 'norm-spikes',
    half: 'first',
    make: (draw) => {
      const rows = 2048;
      const { x, y } = wave(draw, rows, 8);
      const values = y.values.slice() as Float32Array;
      for (let i = 0; i < 5; i++) values[draw.whole(`row${i}`, 400 * i, 400 * i + 390)]! *= draw.real('size', 300, 900);
      const optimizer = new SGD({ learningRate: 1e-4 });
      return {
        model: regressor(draw, perceptron([draw.whole('width', 24, 48), 1]), { optimizer }),
        x,
        y: { ...y, values },
        options: { epochs: 6, batchSize: 16 },
      };
    },
    shows: ({ steps }) => Math.max(...steps) > 50 * [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)]!,
  },
  {
    name: 'a few examples of a weight far above the rest',
    cause: 'norm-spikes',
    half: 'closing',
    make: (draw) => {
      const rows = 2048;
      const sampleWeight = new Float32Array(rows).fill(1);
      const count = draw.whole('count', 4, 6);
      for (let i = 0; i < count; i++) sampleWeight[draw.whole(`row${i}`, 340 * i, 340 * i + 330)] = 4000;
      const optimizer = new SGD({ learningRate: 1e-4 });
      return {
        model: classifier(draw, perceptron([draw.whole('width', 24, 48), 5]), { optimizer }),
        ...clouds(draw, rows, 10, 5),
        options: { epochs: 6, batchSize: 16, sampleWeight },
      };
    },
    shows: ({ steps }) => Math.max(...steps) > 20 * [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)]!,
  },
];
