import { Adam, initializers, layers, sequential, SGD, tf, uniform, type HostArray, type Tensor } from 'adjoint';
import { classes, digits, floats, scaledBy, wave, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { driftingSequences, Recurrence } from '../healthy/recurrence.js';
import { classifier, compiled, perceptron, regressor } from '../networks.js';
import { ends, guesses, stuckWithin, type SuiteCase } from '../suite-case.js';

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** For each image the logarithm of its share of ink. */
function logInk({ values }: HostArray, rows: number): HostArray {
  const width = values.length / rows;
  const ink = new Float64Array(rows);
  values.forEach((value, i) => (ink[Math.floor(i / width)]! += value / width));
  return floats(Float32Array.from(ink, Math.log), rows, 1);
}

/** Tones of some pitches as sound cards give them: 16 bits a frame. */
function tones(draw: Draw, rows: number, frames: number, count: number): Labelled {
  const draws = uniform(draw.key('tones'), 3 * rows);
  const labels = Int32Array.from({ length: rows }, (_, row) => Math.floor(draws[3 * row]! * count));
  const values = Float32Array.from({ length: rows * frames }, (_, i) => {
    const row = Math.floor(i / frames);
    const turns = draws[3 * row + 1]! + ((i % frames) * (1 + 2 * labels[row]!)) / frames;
    return Math.round(32767 * (0.3 + 0.6 * draws[3 * row + 2]!) * Math.sin(2 * Math.PI * turns));
  });
  return { x: floats(values, rows, frames, 1, 1), y: classes(labels) };
}

/** Numbers that are too large, too small, or where a curve is flat. */
export const rangeFaults: readonly SuiteCase[] = [
  {
    name: 'targets of tens for an output of one at most',
    cause: 'saturation',
    half: 'closing',
    make: (draw) => {
      const { x, y } = wave(draw, 1024, 8);
      const chain = [
        layers.dense({ units: draw.whole('width', 24, 48), activation: 'relu' }),
        layers.dense({ units: 1, activation: draw.pick('activation', ['tanh', 'sigmoid'] as const) }),
      ];
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 0.01, 0.03) });
      return {
        model: regressor(draw, chain, { optimizer }),
        x,
        y: scaledBy(y, 4, draw.real('shift', 25, 50)),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: stuckWithin(0.1),
  },
  {
    name: 'a relu in front of targets that are all below zero',
    cause: 'dead-relu',
    half: 'closing',
    make: (draw) => {
      const rows = 320;
      const { x } = digits(draw, rows);
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 4, 8), kernelSize: 5, strides: 3, activation: 'relu' }),
        layers.flatten(),
        layers.dense({ units: 1, activation: 'relu' }),
      ];
      return {
        model: regressor(draw, chain),
        x: { ...x, shape: [rows, 28, 28, 1] },
        y: logInk(x, rows),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    // The targets' own variance is some 0.1, and their mean square some 4.
    shows: (outcome) => outcome.error === null && ends(outcome).last > 1,
  },
  {
    name: 'a recurrence whose weights make each state larger than the last',
    cause: 'exploding-initialisation',
    half: 'closing',
    make: (draw) => {
      const [units, length] = [draw.whole('units', 24, 40), draw.whole('length', 20, 28)];
      const start = initializers.randomNormal({ standardDeviation: draw.real('gain', 2.5, 3.1) / Math.sqrt(units) });
      const chain = [new Recurrence(units, start, tf.relu), layers.dense({ units: 4 })];
      const optimizer = new SGD({ learningRate: 0.01 });
      return {
        model: classifier(draw, chain, { optimizer }),
        ...driftingSequences(draw, 512, length, 5, 4),
        options: { epochs: 3, batchSize: 32 },
      };
    },
    shows: ({ steps }) => !(steps[0]! < 100),
  },
  {
    name: 'a tower of sigmoid convolutions',
    cause: 'vanishing-depth',
    half: 'closing',
    make: (draw) => {
      const rows = 320;
      const { x, y } = digits(draw, rows);
      const filters = draw.whole('filters', 6, 8);
      const tower = Array.from({ length: draw.whole('depth', 10, 13) }, () =>
        layers.conv2d({ filters, kernelSize: 3, padding: 'same', activation: 'sigmoid' }),
      );
      const chain = [
        layers.conv2d({ filters, kernelSize: 4, strides: 4, activation: 'sigmoid' }),
        ...tower,
        layers.flatten(),
        layers.dense({ units: 10 }),
      ];
      return {
        model: classifier(draw, chain),
        x: { ...x, shape: [rows, 28, 28, 1] },
        y,
        options: { epochs: 5, batchSize: 32 },
      };
    },
    shows: guesses(10),
  },
  {
    name: 'errors divided by targets of which a few are next to zero',
    cause: 'norm-spikes',
    half: 'closing',
    make: (draw) => {
      const rows = 2048;
      const { x, y } = wave(draw, rows, 8);
      const prices = Float32Array.from(y.values, (value) => Math.exp(0.4 * value));
      for (let i = 0; i < 5; i++)
        prices[draw.whole(`row${i}`, 400 * i, 400 * i + 390)] = draw.scale('price', 3e-4, 1e-3);
      const model = regressor(draw, perceptron([draw.whole('width', 24, 48), 1]), {
        loss: (labels: Tensor, predictions: Tensor) =>
          tf.mean(tf.square(tf.div(tf.sub(labels, predictions), labels)), -1),
        optimizer: new Adam({ learningRate: draw.scale('adam', 1e-3, 3e-3) }),
      });
      return { model, x, y: floats(prices, rows, 1), options: { epochs: 6, batchSize: 16 } };
    },
    shows: ({ steps }) => Math.max(...steps) > 50 * middle(steps),
  },
  {
    name: 'a mean over pixels taken twice in float16',
    cause: 'float16-underflow',
    half: 'closing',
    make: (draw) => {
      const rows = 768;
      const { x } = digits(draw, rows);
      const model = compiled(
        sequential([
          layers.dense({ units: draw.whole('code', 16, 32), activation: 'tanh' }),
          layers.dense({ units: 784, useBias: false }),
        ]),
        draw,
        {
          // A mean over the pixels already, which is divided by their number once more.
          loss: (labels: Tensor, predictions: Tensor) =>
            tf.div(tf.mean(tf.squaredDifference(labels, predictions), -1), 784),
          optimizer: new Adam({ learningRate: draw.scale('adam', 4e-3, 8e-3) }),
          precision: 'mixed_float16',
          lossScale: 1,
        },
      );
      return { model, x, y: x, options: { epochs: 10, batchSize: draw.pick('batch', [128, 192]) } };
    },
    shows: stuckWithin(0.1),
  },
  {
    name: 'sound of sixteen bits as it comes',
    cause: 'unnormalised-inputs',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('pitches', 4, 6);
      const chain = [
        layers.conv2d({
          filters: draw.whole('filters', 8, 16),
          kernelSize: [9, 1],
          strides: [3, 1],
          activation: 'relu',
        }),
        layers.flatten(),
        layers.dense({ units: 24, activation: 'relu' }),
        layers.dense({ units: count }),
      ];
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 0.01, 0.03) });
      return {
        model: classifier(draw, chain, { optimizer }),
        ...tones(draw, 800, 64, count),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: (outcome) => !(ends(outcome).last < 1),
  },
];
