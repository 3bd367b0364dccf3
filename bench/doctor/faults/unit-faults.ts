import {
  Adam,
  BaseLayer,
  integers,
  Layer,
  layers,
  normal,
  SGD,
  tf,
  uniform,
  type HostArray,
  type Tensor,
} from 'adjoint';
import { classes, clouds, digits, floats, wave, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { classifier, perceptron, regressor } from '../networks.js';
import { ends, guesses, lastOf, type SuiteCase } from '../suite-case.js';

/** Images of twice the height and width, each point four times. */
@Layer('suite/enlarged')
class Enlarged extends BaseLayer {
  call(x: Tensor): Tensor {
    const [height, width] = x.shape.slice(1, 3) as [number, number];
    return tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [2 * height, 2 * width]);
  }
}

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** What a river carries after the weather of each hour, in order, with spells in which next to nothing flows. */
function river(draw: Draw, batches: number, batchSize: number): Labelled {
  const { x, y } = wave(draw, batches * batchSize, 6);
  const spells = Array.from({ length: 3 }, (_, i) => draw.whole(`spell${i}`, 16 * i + 6, 16 * i + 20));
  const trickle = draw.scale('trickle', 0.005, 0.02);
  const flow = Float32Array.from(y.values, (value, i) =>
    spells.includes(Math.floor(i / batchSize)) ? trickle * value : value,
  );
  return { x, y: floats(flow, ...y.shape) };
}

/** One less the share of a batch's variance that is explained. */
function unexplainedShare(labels: Tensor, predictions: Tensor): Tensor {
  const variance = tf.add(1e-8, tf.moments(labels).variance);
  return tf.mean(tf.div(tf.squaredDifference(labels, predictions), variance), -1);
}

/** Each image's digit, and how much ink it has: of mean zero and variance one. */
function digitsAndInk(draw: Draw, rows: number): Labelled {
  const { x, y } = digits(draw, rows);
  const ink = Float64Array.from({ length: rows }, (_, row) =>
    (x.values.slice(784 * row, 784 * (row + 1)) as Float32Array).reduce((sum, value) => sum + value, 0),
  );
  const mean = ink.reduce((sum, value) => sum + value, 0) / rows;
  const deviation = Math.sqrt(ink.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows);
  const both = Float32Array.from({ length: 2 * rows }, (_, i) =>
    i % 2 === 0 ? y.values[i >> 1]! : (ink[i >> 1]! - mean) / deviation,
  );
  return { x: { ...x, shape: [rows, 28, 28, 1] }, y: floats(both, rows, 2) };
}

const column = (values: Tensor, from: number, width: number): Tensor => tf.slice(values, [0, from], [-1, width]);

function inkError(labels: Tensor, predictions: Tensor): Tensor {
  return tf.mean(tf.squaredDifference(column(labels, 1, 1), column(predictions, 10, 1)), -1);
}

/** Cross-entropy of the digit, and a share of the error of the ink. */
const digitAndInkLoss =
  (share: number) =>
  (labels: Tensor, predictions: Tensor): Tensor => {
    const digit = tf.oneHot(tf.cast(tf.reshape(column(labels, 0, 1), [-1]), 'int32'), 10);
    const crossEntropy = tf.neg(tf.sum(tf.mul(digit, tf.logSoftmax(column(predictions, 0, 10))), -1));
    return tf.add(crossEntropy, tf.mul(share, inkError(labels, predictions)));
  };

/** Images of a few bands, and what grows at each of their points. */
function landCover(draw: Draw, rows: number, side: number, bands: number, count: number): Labelled {
  const { x, y } = clouds(draw, rows * side * side, bands, count);
  return { x: { ...x, shape: [rows, side, side, bands] }, y: { ...y, shape: [rows, side, side] } };
}

/** Each point with the label of the first of its four. */
function inFours({ values, shape, dtype }: HostArray): HostArray {
  const [rows, side] = shape as [number, number];
  const first = (place: number): number => place - (place % 2);
  const moved = values.map((_, i) => {
    const [row, down, across] = [Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side];
    return values[(row * side + first(down)) * side + first(across)]!;
  });
  return { values: moved, shape: [rows, side, side], dtype };
}

/** Each point with the label of the one to its left. */
function onePointAside({ values, shape, dtype }: HostArray): HostArray {
  const width = shape.at(-1)!;
  return { values: values.map((_, i) => values[i % width === 0 ? i : i - 1]!), shape, dtype };
}

/** How often each gene was read in a cell: kinds of cells differ in what they read, and cells in how much. */
function reads(draw: Draw, rows: number, genes: number, count: number): Labelled {
  const profiles = normal(draw.key('profiles'), count * genes);
  const noise = normal(draw.key('noise'), rows * (genes + 1));
  const kinds = integers(draw.key('kinds'), rows, 0, count);
  const depth = draw.scale('depth', 2000, 6000);
  const values = Float32Array.from({ length: rows * genes }, (_, i) => {
    const [row, gene] = [Math.floor(i / genes), i % genes];
    const ofCell = 0.5 * noise[rows * genes + row]!;
    return Math.round(depth * Math.exp(profiles[kinds[row]! * genes + gene]! + ofCell + 0.6 * noise[i]!));
  });
  return { x: floats(values, rows, genes), y: classes(kinds) };
}

/** Some answers of each group of people to a question, as shares; what nobody said is zero. */
function answers(draw: Draw, rows: number, features: number, choices: number): Labelled {
  const x = normal(draw.key('people'), rows * features);
  const leanings = normal(draw.key('leanings'), features * choices);
  const asked = draw.whole('asked', 8, 14);
  const draws = uniform(draw.key('said'), rows * asked);
  const shares = new Float32Array(rows * choices);
  for (let row = 0; row < rows; row++) {
    const odds = Array.from({ length: choices }, (_, choice) => {
      const sum = leanings.reduce((total, leaning, i) => {
        return i % choices === choice ? total + leaning * x[row * features + Math.floor(i / choices)]! : total;
      }, 0);
      return Math.exp(sum / Math.sqrt(features));
    });
    const all = odds.reduce((sum, odd) => sum + odd, 0);
    for (let i = 0; i < asked; i++) {
      let left = draws[row * asked + i]! * all;
      const choice = odds.findIndex((odd) => (left -= odd) < 0);
      shares[row * choices + Math.max(0, choice)]! += 1 / asked;
    }
  }
  return { x: floats(x, rows, features), y: floats(shares, rows, choices) };
}

const divergence = (shares: Tensor, probabilities: Tensor): Tensor =>
  tf.sum(tf.mul(shares, tf.log(tf.div(shares, probabilities))), -1);

/** Units, labels and losses that do not bear each other. */
export const unitFaults: readonly SuiteCase[] = [
  {
    name: 'the unexplained share of the variance of each batch, a few of them dry spells',
    cause: 'norm-spikes',
    half: 'closing',
    make: (draw) => {
      const batchSize = draw.pick('batch', [16, 24, 32]);
      const model = regressor(draw, perceptron([draw.whole('width', 24, 48), 16, 1], { activation: 'gelu' }), {
        loss: unexplainedShare,
      });
      return { model, ...river(draw, 64, batchSize), options: { epochs: 6, batchSize, shuffle: false } };
    },
    shows: ({ steps }) => Math.max(...steps) > 50 * middle(steps),
  },
  {
    name: 'a second task that counts for a millionth, in float16',
    cause: 'float16-underflow',
    half: 'closing',
    make: (draw) => {
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 6, 10), kernelSize: 5, strides: 3, activation: 'relu' }),
        layers.flatten(),
        layers.dense({ units: 11 }),
      ];
      const model = regressor(draw, chain, {
        loss: digitAndInkLoss(2 ** -draw.whole('power', 19, 21)),
        metrics: [inkError],
        optimizer: new Adam({ learningRate: draw.scale('adam', 4e-3, 8e-3) }),
        precision: 'mixed_float16',
        lossScale: 1,
      });
      return { model, ...digitsAndInk(draw, 768), options: { epochs: 10, batchSize: draw.pick('batch', [128, 192]) } };
    },
    // The targets' own variance is 1, of which float32 leaves less than 0.8.
    shows: (outcome) => ends(outcome).last < 1 && lastOf(outcome, 'inkError') > 1,
  },
  {
    name: 'a map of land cover, one point aside of its images',
    cause: 'shifted-labels',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 4, 6);
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 16, 32), kernelSize: 1, activation: 'relu' }),
        layers.conv2d({ filters: count, kernelSize: 1 }),
      ];
      const { x, y } = landCover(draw, 256, draw.whole('side', 8, 12), draw.whole('bands', 4, 7), count);
      return {
        model: classifier(draw, chain, { metrics: [] }),
        x,
        y: onePointAside(y),
        options: { epochs: 6, batchSize: 16 },
      };
    },
    // The points of the first column have their own labels.
    shows: guesses(4),
  },
  {
    name: 'reads of genes as they were counted',
    cause: 'unnormalised-inputs',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('kinds', 5, 7);
      const chain = perceptron([draw.whole('width', 32, 64), 16, count], { activation: 'gelu' });
      return {
        model: classifier(draw, chain, { optimizer: new SGD({ learningRate: draw.scale('sgd', 0.02, 0.05) }) }),
        ...reads(draw, 1024, draw.whole('genes', 20, 40), count),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: (outcome) => !(ends(outcome).last < 1),
  },
  {
    name: 'a divergence from shares of answers that nobody gave',
    cause: 'log-of-zero',
    half: 'closing',
    make: (draw) => {
      const choices = draw.whole('choices', 6, 9);
      const chain = [
        layers.dense({ units: draw.whole('width', 24, 48), activation: 'relu' }),
        layers.dense({ units: choices, activation: 'softmax' }),
      ];
      return {
        model: regressor(draw, chain, { loss: divergence }),
        ...answers(draw, 640, 8, choices),
        options: { epochs: 4, batchSize: 32 },
      };
    },
    shows: ({ steps }) => steps.some((loss) => !Number.isFinite(loss)),
  },
  {
    name: 'a map of land cover whose probabilities are enlarged, and then taken for logits',
    cause: 'softmax-twice',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 6, 8);
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 24, 40), kernelSize: 2, strides: 2, activation: 'relu' }),
        layers.conv2d({ filters: count, kernelSize: 1, activation: 'softmax' }),
        new Enlarged(),
      ];
      const { x, y } = landCover(draw, 320, 2 * draw.whole('side', 3, 5), draw.whole('bands', 6, 9), count);
      return {
        model: classifier(draw, chain, { metrics: [] }),
        x,
        y: inFours(y),
        options: { epochs: 6, batchSize: 16 },
      };
    },
    // However sure it is, at least 1.04 of six classes is left.
    shows: (outcome) => outcome.error === null && ends(outcome).last > 1.04,
  },
];
