import { Adam, integers, layers, normal, OneCycle, SGD, tf, uniform, type HostArray, type Tensor } from 'adjoint';
import { clouds, digits, floats, oneHot, wave, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { classifier, perceptron, regressor } from '../networks.js';
import { fellBy, type SuiteCase } from '../suite-case.js';

/** Counts of words, most of them zero, and the topics that each text is about: none, one or several. */
function topics(draw: Draw, rows: number, words: number, count: number): Labelled {
  const about = uniform(draw.key('about'), rows * count).map((value) => (value < 0.25 ? 1 : 0));
  const drawn = uniform(draw.key('counts'), rows * words);
  const owner = integers(draw.key('owner'), words, 0, count);
  const counts = Float32Array.from({ length: rows * words }, (_, i) => {
    const isAbout = about[Math.floor(i / words) * count + owner[i % words]!] === 1;
    return drawn[i]! < (isAbout ? 0.2 : 0.03) ? 1 + (Math.floor(100 * drawn[i]!) % 3) : 0;
  });
  return { x: floats(counts, rows, words), y: floats(about, rows, count) };
}

/** Targets with errors of which some are many times as large as most. */
function heavyTails(draw: Draw, { values, shape }: HostArray): HostArray {
  const [above, below] = [normal(draw.key('above'), values.length), uniform(draw.key('below'), values.length)];
  const size = draw.real('error', 0.3, 0.5);
  const noisy = Float32Array.from(values, (value, i) => value + (size * above[i]!) / Math.sqrt(0.05 + below[i]!));
  return floats(noisy, ...shape);
}

const huber = (labels: Tensor, predictions: Tensor): Tensor => {
  const error = tf.abs(tf.sub(labels, predictions));
  const near = tf.minimum(error, 1);
  return tf.mean(tf.add(tf.mul(0.5, tf.square(near)), tf.sub(error, near)), -1);
};

/** Each image laid over that of the next row, and its label likewise. */
function laidOver({ x, y }: Labelled, share: number): Labelled {
  const rows = x.shape[0]!;
  const labels = oneHot(y, 10);
  const blended = ({ values, shape }: HostArray): HostArray => {
    const width = values.length / rows;
    const other = (i: number): number => values[(i + width) % values.length]!;
    return floats(
      Float32Array.from(values, (value, i) => share * value + (1 - share) * other(i)),
      ...shape,
    );
  };
  return { x: blended(x), y: blended(labels) };
}

export const healthyTasks: readonly SuiteCase[] = [
  {
    name: 'several topics at once of counted words, most of them absent',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('topics', 4, 7);
      const chain = [
        layers.dense({ units: draw.whole('width', 24, 48), activation: 'relu' }),
        layers.dense({ units: count, activation: 'sigmoid' }),
      ];
      return {
        model: regressor(draw, chain, { loss: 'binaryCrossentropy', metrics: ['accuracy'] }),
        ...topics(draw, 1200, 120, count),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: fellBy(0.3),
  },
  {
    name: 'errors with heavy tails in batches of eight',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const { x, y } = wave(draw, 1200, 8);
      return {
        model: regressor(draw, perceptron([draw.whole('width', 24, 48), 1], { activation: 'gelu' }), { loss: huber }),
        x,
        y: heavyTails(draw, y),
        options: { epochs: 6, batchSize: 8 },
      };
    },
    shows: fellBy(0.2),
  },
  {
    name: 'convolutions in float16 with the scale that comes by default',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const rows = 400;
      const { x, y } = digits(draw, rows);
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 6, 10), kernelSize: 5, strides: 3, activation: 'relu' }),
        layers.flatten(),
        layers.dense({ units: 10 }),
      ];
      return {
        model: classifier(draw, chain, { precision: 'mixed_float16' }),
        x: { ...x, shape: [rows, 28, 28, 1] },
        y,
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'batches of two, accumulated, with a rate that rises and falls',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const accumulateSteps = draw.pick('accumulate', [4, 8]);
      const totalSteps = (5 * 400) / accumulateSteps;
      const optimizer = new SGD({
        learningRate: new OneCycle({ maxLearningRate: draw.scale('peak', 0.05, 0.1), totalSteps }),
        momentum: 0.9,
      });
      return {
        model: classifier(draw, perceptron([draw.whole('width', 24, 48), 5]), { optimizer, accumulateSteps }),
        ...clouds(draw, 800, 10, 5, 0.9),
        options: { epochs: 5, batchSize: 2 },
      };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'images laid over each other, with labels of two classes',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(
        draw,
        [
          layers.dense({ units: draw.whole('width', 64, 96), activation: 'silu' }),
          layers.dense({ units: 10, activation: 'softmax' }),
        ],
        {
          loss: 'categoricalCrossentropy',
          optimizer: new Adam({ learningRate: draw.scale('adam', 1e-3, 3e-3) }),
        },
      ),
      ...laidOver(digits(draw, 800), draw.real('share', 0.7, 0.85)),
      options: { epochs: 8, batchSize: 32 },
    }),
    // What is left of a right answer is the entropy of the two shares, some 0.5.
    shows: fellBy(0.3),
  },
];
