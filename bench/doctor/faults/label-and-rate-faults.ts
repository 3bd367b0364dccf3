import { Adam, layers, sequential, SGD, tf, type HostArray, type Tensor } from 'adjoint';
import { classes, clouds, digits, floats, mixedUp, oneHot, split, wave } from '../data.js';
import { classifier, compiled, logitLoss, perceptron, regressor } from '../networks.js';
import { ends, lastOf, refusedWith, stuckWithin, type SuiteCase } from '../suite-case.js';

/** Cross-entropy of what it takes for logits, and softmaxes. */
const crossEntropyOfSoftmax =
  (count: number) =>
  (labels: Tensor, predictions: Tensor): Tensor =>
    tf.neg(tf.sum(tf.mul(tf.oneHot(tf.cast(labels, 'int32'), count), tf.log(tf.softmax(predictions))), -1));

const plainCrossEntropy = (labels: Tensor, probabilities: Tensor): Tensor =>
  tf.neg(tf.sum(tf.mul(labels, tf.log(probabilities)), -1));

const plusOne = (labels: HostArray): HostArray => classes(Int32Array.from(labels.values, (label) => label + 1));

/** Each row's label is that of the row after it. */
function nextLabels({ values, shape, dtype }: HostArray): HostArray {
  const moved = values.map((_, i) => values[(i + 1) % values.length]!);
  return { values: moved, shape, dtype };
}

const oneBased = /label|class/i;

export const labelAndRateFaults: readonly SuiteCase[] = [
  {
    name: 'few examples, a large net, a high rate',
    cause: 'overfit-high-rate',
    half: 'first',
    make: (draw) => {
      const [train, held] = split(clouds(draw, 400, 30, 4, 2.8), draw.whole('rows', 60, 90));
      const width = draw.whole('width', 96, 160);
      const optimizer = new Adam({ learningRate: draw.scale('adam', 0.015, 0.03) });
      return {
        model: classifier(draw, perceptron([width, width, 4]), { optimizer }),
        ...train,
        options: { epochs: 30, batchSize: 16, validationData: [held.x, held.y] },
      };
    },
    shows: ({ history }) =>
      Math.min(...history['loss']!) < 0.1 && history['val_loss']!.at(-1)! > 1.3 * Math.min(...history['val_loss']!),
  },
  {
    name: 'noise learnt by heart at a high rate',
    cause: 'overfit-high-rate',
    half: 'closing',
    make: (draw) => {
      const [train, held] = split(clouds(draw, 500, 24, 3, 2), draw.whole('rows', 70, 100));
      const optimizer = new Adam({ learningRate: draw.scale('adam', 0.02, 0.04) });
      return {
        model: classifier(draw, perceptron([draw.whole('width', 96, 128), 64, 3], { activation: 'tanh' }), {
          optimizer,
        }),
        ...train,
        options: { epochs: 40, batchSize: 16, validationData: [held.x, held.y] },
      };
    },
    shows: ({ history }) =>
      Math.min(...history['loss']!) < 0.1 && history['val_loss']!.at(-1)! > 1.3 * Math.min(...history['val_loss']!),
  },
  {
    name: 'classes counted from one, as many units as classes',
    cause: 'shifted-labels',
    half: 'first',
    make: (draw) => {
      const count = draw.whole('classes', 4, 8);
      const { x, y } = clouds(draw, 800, 10, count);
      return {
        model: classifier(draw, perceptron([32, count])),
        x,
        y: plusOne(y),
        options: { epochs: 4, batchSize: 32 },
      };
    },
    shows: refusedWith(oneBased),
    refusal: oneBased,
  },
  {
    name: 'each row with the label of the next',
    cause: 'shifted-labels',
    half: 'first',
    make: (draw) => {
      const { x, y } = clouds(draw, 3000, 10, 5);
      return {
        model: classifier(draw, perceptron([draw.whole('width', 24, 48), 5])),
        x,
        y: nextLabels(y),
        options: { epochs: 4, batchSize: 32, shuffle: false },
      };
    },
    shows: stuckWithin(0.25),
  },
  {
    name: 'training labels counted from one, validation labels from zero',
    cause: 'shifted-labels',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 4, 7);
      const [train, held] = split(clouds(draw, 1200, 10, count), 1000);
      return {
        model: classifier(draw, perceptron([draw.whole('width', 24, 48), count + 1])),
        x: train.x,
        y: plusOne(train.y),
        options: { epochs: 8, batchSize: 32, validationData: [held.x, held.y] },
      };
    },
    shows: (outcome) => lastOf(outcome, 'accuracy') > 0.8 && lastOf(outcome, 'val_accuracy') < 0.1,
  },
  {
    name: 'softmax at the end and logits in the loss',
    cause: 'softmax-twice',
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, [
        layers.dense({ units: draw.whole('width', 24, 48), activation: 'relu' }),
        layers.dense({ units: 6, activation: 'softmax' }),
      ]),
      ...clouds(draw, 600, 10, 6),
      options: { epochs: 4, batchSize: 32 },
    }),
    shows: refusedWith(/softmax/),
    refusal: /softmax/,
  },
  {
    name: 'softmax at the end and in an own loss',
    cause: 'softmax-twice',
    half: 'first',
    make: (draw) => {
      const count = draw.whole('classes', 6, 10);
      const chain = [
        layers.dense({ units: draw.whole('width', 24, 48), activation: 'relu' }),
        layers.dense({ units: count, activation: 'softmax' }),
      ];
      return {
        model: classifier(draw, chain, { loss: crossEntropyOfSoftmax(count), metrics: ['sparseCategoricalAccuracy'] }),
        ...clouds(draw, 1024, 12, count),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: (outcome) => ends(outcome).last > 0.9,
  },
  {
    name: 'two softmax layers at the end',
    cause: 'softmax-twice',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 5, 10);
      const chain = [
        layers.dense({ units: draw.whole('width', 24, 48), activation: 'tanh' }),
        layers.dense({ units: count, activation: 'softmax' }),
        layers.activation({ activation: 'softmax' }),
      ];
      const model = compiled(sequential(chain), draw, {
        loss: 'sparseCategoricalCrossentropy',
        metrics: ['accuracy'],
      });
      return { model, ...clouds(draw, 1024, 12, count), options: { epochs: 8, batchSize: 32 } };
    },
    shows: (outcome) => ends(outcome).last > 0.8,
  },
  {
    name: 'a logarithm of probabilities that reach zero',
    cause: 'log-of-zero',
    half: 'first',
    make: (draw) => {
      const count = draw.whole('classes', 5, 8);
      const sharp = draw.real('sharpness', 80, 160);
      const chain = [
        layers.dense({ units: draw.whole('width', 24, 48), activation: 'relu' }),
        layers.dense({ units: count, activation: (x: Tensor) => tf.softmax(tf.mul(x, sharp)) }),
      ];
      const { x, y } = clouds(draw, 800, 10, count);
      return {
        model: regressor(draw, chain, { loss: plainCrossEntropy }),
        x,
        y: oneHot(y, count),
        options: { epochs: 4, batchSize: 32 },
      };
    },
    shows: ({ steps }) => steps.some((loss) => !Number.isFinite(loss)),
  },
  {
    name: 'the logarithm of counts, some of them zero',
    cause: 'log-of-zero',
    half: 'closing',
    make: (draw) => {
      const { x, y } = wave(draw, 800, 6);
      const unit = draw.real('unit', 8, 16);
      const counts = Float32Array.from(x.values, (value) => Math.max(0, Math.round(unit * (value + 1.8))));
      const chain = [layers.activation({ activation: (v: Tensor) => tf.log(v) }), ...perceptron([24, 1])];
      return {
        model: regressor(draw, chain),
        x: floats(counts, 800, 6),
        y,
        options: { epochs: 4, batchSize: 32 },
      };
    },
    shows: ({ steps }) => steps.some((loss) => !Number.isFinite(loss)),
  },
  {
    name: 'SGD with a rate of tens',
    cause: 'learning-rate-too-high',
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 24, 48), 6], { activation: 'tanh' }), {
        optimizer: new SGD({ learningRate: draw.scale('sgd', 20, 60) }),
      }),
      ...clouds(draw, 1024, 12, 6, 1.2),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: (outcome) => !(ends(outcome).last < 3),
  },
  {
    name: 'Adam with a rate of one',
    cause: 'learning-rate-too-high',
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 32, 64), 10]), {
        optimizer: new Adam({ learningRate: draw.scale('adam', 0.8, 2) }),
      }),
      ...digits(draw, 800),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: (outcome) => !(ends(outcome).last < 2),
  },
  {
    name: 'Adam with a rate of next to nothing',
    cause: 'learning-rate-too-low',
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 24, 48), 6]), {
        optimizer: new Adam({ learningRate: draw.scale('adam', 1e-8, 2e-7) }),
      }),
      ...clouds(draw, 1024, 12, 6),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: stuckWithin(0.05),
  },
  {
    name: 'SGD with a rate of next to nothing',
    cause: 'learning-rate-too-low',
    half: 'closing',
    make: (draw) => ({
      model: regressor(draw, perceptron([draw.whole('width', 24, 48), 1]), {
        optimizer: new SGD({ learningRate: draw.scale('sgd', 1e-7, 2e-6) }),
      }),
      ...wave(draw, 1024, 8),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: stuckWithin(0.05),
  },
  {
    name: 'labels of other rows',
    cause: 'constant-labels-or-shuffled-labels',
    half: 'first',
    make: (draw) => {
      const { x, y } = clouds(draw, 3000, 12, 6);
      return {
        model: classifier(draw, perceptron([draw.whole('width', 24, 40), 6])),
        x,
        y: mixedUp(draw, y),
        options: { epochs: 4, batchSize: 32 },
      };
    },
    shows: stuckWithin(0.25),
  },
  {
    name: 'one label for all',
    cause: 'constant-labels-or-shuffled-labels',
    half: 'closing',
    make: (draw) => {
      const { x } = digits(draw, 600);
      const label = draw.whole('label', 0, 9);
      const model = compiled(sequential(perceptron([32, 10])), draw, { loss: logitLoss(), metrics: ['accuracy'] });
      return { model, x, y: classes(new Int32Array(600).fill(label)), options: { epochs: 6, batchSize: 32 } };
    },
    shows: (outcome) => lastOf(outcome, 'accuracy') > 0.99,
  },
];
