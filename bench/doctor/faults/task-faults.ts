import { Adam, CosineDecay, layers, normal, SGD, tf, uniform, type HostArray, type Tensor } from 'adjoint';
import { clouds, digits, floats, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { classifier, perceptron, regressor } from '../networks.js';
import { ends, guesses, stuckWithin, type SuiteCase } from '../suite-case.js';

/** Sequences of words as vectors, and the kind of each word. */
function taggedWords(draw: Draw, rows: number, length: number, features: number, count: number): Labelled {
  const { x, y } = clouds(draw, rows * length, features, count);
  return { x: { ...x, shape: [rows, length, features] }, y: { ...y, shape: [rows, length] } };
}

/** Which words a text has, and whether it is for or against, by words that each say a little. */
function reviews(draw: Draw, rows: number, words: number): Labelled {
  const drawn = uniform(draw.key('drawn'), rows * words);
  const opinions = normal(draw.key('opinions'), words);
  const moods = normal(draw.key('moods'), rows);
  const has = Float32Array.from(drawn, (value) => (value < 0.1 ? 1 : 0));
  const y = Float32Array.from({ length: rows }, (_, row) => {
    const said = opinions.reduce((sum, opinion, word) => sum + opinion * has[row * words + word]!, 0);
    return said + 2 * moods[row]! > 0 ? 1 : 0;
  });
  return { x: floats(has, rows, words), y: floats(y, rows, 1) };
}

/** Each sequence's tags moved on by one, with tag 0 for a beginning that the words do not have. */
function behindOneStart({ values, shape, dtype }: HostArray): HostArray {
  const moved = values.map((_, i) => (i % shape[1]! === 0 ? 0 : values[i - 1]!));
  return { values: moved, shape, dtype };
}

/** Cross-entropy less a share of the entropy, over all classes but the last `barred`, which may not be chosen. */
const withEntropyBonus =
  (count: number, barred: number, share: number) =>
  (labels: Tensor, logits: Tensor): Tensor => {
    const bar = tf.tensor1d(Array.from({ length: count }, (_, i) => (i < count - barred ? 0 : -1e9)));
    const allowed = tf.add(logits, bar);
    const probabilities = tf.softmax(allowed);
    const entropy = tf.neg(tf.sum(tf.mul(probabilities, tf.log(probabilities)), -1));
    const chosen = tf.oneHot(tf.cast(labels, 'int32'), count);
    return tf.sub(tf.neg(tf.sum(tf.mul(chosen, tf.logSoftmax(allowed)), -1)), tf.mul(share, entropy));
  };

/** Labels, losses and rates that do not suit the task. */
export const taskFaults: readonly SuiteCase[] = [
  {
    name: 'a few texts that a wide net learns word by word, at a high rate',
    cause: 'overfit-high-rate',
    half: 'closing',
    make: (draw) => {
      const width = draw.whole('width', 96, 160);
      const chain = [
        layers.dense({ units: width, activation: 'gelu' }),
        layers.dense({ units: width, activation: 'gelu' }),
        layers.dense({ units: 1, activation: 'sigmoid' }),
      ];
      const optimizer = new Adam({ learningRate: draw.scale('adam', 0.015, 0.03) });
      return {
        model: regressor(draw, chain, { loss: 'binaryCrossentropy', optimizer }),
        ...reviews(draw, draw.whole('rows', 280, 340), 150),
        options: { epochs: 40, batchSize: 16, validationSplit: 0.75 },
      };
    },
    shows: ({ history }) =>
      Math.min(...history['loss']!) < 0.1 && history['val_loss']!.at(-1)! > 1.3 * Math.min(...history['val_loss']!),
  },
  {
    name: 'tags of words, one place behind in each sequence',
    cause: 'shifted-labels',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('tags', 4, 6);
      const { x, y } = taggedWords(draw, 400, draw.whole('length', 10, 16), 8, count);
      return {
        model: classifier(draw, perceptron([draw.whole('width', 24, 48), count], { activation: 'gelu' }), {
          metrics: [],
        }),
        x,
        y: behindOneStart(y),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: guesses(4),
  },
  {
    name: 'softmax at the end and a loss of tfjs that takes logits',
    cause: 'softmax-twice',
    half: 'closing',
    make: (draw) => {
      const rows = 480;
      const { x, y } = digits(draw, rows);
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 6, 10), kernelSize: 5, strides: 3, activation: 'relu' }),
        layers.flatten(),
        layers.dense({ units: 10, activation: 'softmax' }),
      ];
      const model = classifier(draw, chain, {
        loss: (labels: Tensor, predictions: Tensor) =>
          tf.losses.softmaxCrossEntropy(tf.oneHot(tf.cast(labels, 'int32'), 10), predictions),
        metrics: ['sparseCategoricalAccuracy'],
      });
      return { model, x: { ...x, shape: [rows, 28, 28, 1] }, y, options: { epochs: 6, batchSize: 32 } };
    },
    // Probabilities taken for logits leave at least 1.46 of ten classes.
    shows: (outcome) => outcome.error === null && ends(outcome).last > 1.4,
  },
  {
    name: 'an entropy of probabilities that a mask makes zero',
    cause: 'log-of-zero',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('actions', 5, 8);
      const barred = draw.whole('barred', 1, 2);
      const model = classifier(draw, perceptron([draw.whole('width', 24, 48), count]), {
        loss: withEntropyBonus(count, barred, draw.real('share', 0.01, 0.1)),
        metrics: [],
      });
      return { model, ...clouds(draw, 800, 10, count - barred), options: { epochs: 4, batchSize: 32 } };
    },
    shows: ({ steps }) => steps.some((loss) => !Number.isFinite(loss)),
  },
  {
    name: 'a warm-up counted in examples, of which SGD does not see the end',
    cause: 'learning-rate-too-low',
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 24, 48), 5], { activation: 'tanh' }), {
        optimizer: new SGD({
          learningRate: new CosineDecay({
            initialLearningRate: 0,
            warmupTarget: draw.scale('peak', 0.02, 0.05),
            warmupSteps: draw.whole('warmup', 1_000_000, 4_000_000),
            decaySteps: 10_000_000,
          }),
        }),
      }),
      ...clouds(draw, 1024, 10, 5),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: stuckWithin(0.05),
  },
];
