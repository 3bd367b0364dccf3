import {
  Adam,
  ExponentialDecay,
  layers,
  normal,
  SGD,
  SparseCategoricalCrossentropy,
  tf,
  uniform,
  type HostArray,
} from 'adjoint';
import { clouds, floats, scaledBy, split, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { images } from '../images.js';
import { ManualSums } from '../manual-sums.js';
import { classifier, compiled, perceptron, regressor } from '../networks.js';
import { ends, stuckWithin, type SuiteCase } from '../suite-case.js';
import { AveragedMembers, UnitColumns } from './faulty-models.js';

/** Images under so much grain that it is easier to know each than to read it. */
function grainy(draw: Draw, { x, y }: Labelled, grain: number): Labelled {
  const noise = normal(draw.key('grain'), x.values.length);
  const values = Float32Array.from(x.values, (value, i) => value + grain * noise[i]!);
  return { x: floats(values, ...x.shape), y };
}

/** The brightness of a picture at places that are counted in pixels from its corner. */
function picture(draw: Draw, rows: number, size: number): { x: HostArray; y: HostArray } {
  const places = uniform(draw.key('places'), 2 * rows).map((value) => Math.floor(size * value));
  const y = Float32Array.from({ length: rows }, (_, i) => {
    const [across, down] = [places[2 * i]! / size, places[2 * i + 1]! / size];
    return 1.4 * Math.sin(6 * across) * Math.cos(5 * down) + 0.5 * (across - down);
  });
  return { x: floats(places, rows, 2), y: floats(y, rows, 1) };
}

/** Habits of training that undo it: what is summed, written, decayed, scaled or fed in a way it should not be. */
export const routineFaults: readonly SuiteCase[] = [
  {
    name: 'a few grainy pictures that convolutions know by heart, at a high rate',
    cause: 'overfit-high-rate',
    half: 'closing',
    make: (draw) => {
      const all = grainy(draw, images(draw, 280), draw.real('grain', 0.6, 0.8));
      const [train, held] = split(all, draw.whole('rows', 64, 90));
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 12, 16), kernelSize: 5, strides: 3, activation: 'relu' }),
        layers.flatten(),
        layers.dense({ units: draw.whole('width', 64, 96), activation: 'relu' }),
        layers.dense({ units: 10 }),
      ];
      const optimizer = new Adam({ learningRate: draw.scale('adam', 0.01, 0.02) });
      return {
        model: classifier(draw, chain, { optimizer }),
        ...train,
        options: { epochs: 30, batchSize: 16, validationData: [held.x, held.y] },
      };
    },
    shows: ({ history }) =>
      Math.min(...history['loss']!) < 0.1 && history['val_loss']!.at(-1)! > 1.3 * Math.min(...history['val_loss']!),
  },
  {
    name: 'gradients summed by hand for an update every few batches, and never zeroed',
    cause: 'unzeroed-gradients',
    half: 'closing',
    make: (draw) => {
      const model = new ManualSums(draw.whole('filters', 4, 8), draw.whole('period', 2, 4), false);
      compiled(model, draw, { optimizer: new SGD({ learningRate: draw.scale('sgd', 0.3, 0.45) }) });
      const { x, y } = images(draw, 480);
      return { model, x: scaledBy(x, 3, -0.4), y, options: { epochs: 12, batchSize: 32 } };
    },
    // With sums that are zeroed it comes below 0.6.
    shows: (outcome) => outcome.error === null && !(ends(outcome).last < 1),
  },
  {
    name: 'kernels kept at length one by writes of the forward pass',
    cause: 'overwritten-tensor',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 4, 7);
      const chain = [
        new UnitColumns(draw.whole('width', 24, 48), tf.relu),
        new UnitColumns(count, (x) => tf.mul(2, x)),
      ];
      return {
        model: classifier(draw, chain, { optimizer: new Adam({ learningRate: draw.scale('adam', 3e-3, 0.01) }) }),
        ...clouds(draw, 1024, 10, count),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: stuckWithin(0.02),
  },
  {
    name: 'a rate that halves with each step, as it was to with each epoch',
    cause: 'learning-rate-too-low',
    half: 'closing',
    make: (draw) => {
      const learningRate = new ExponentialDecay({
        initialLearningRate: draw.scale('initial', 0.04, 0.08),
        decaySteps: 1,
        decayRate: draw.real('decay', 0.4, 0.6),
      });
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 6, 10), kernelSize: 5, strides: 3, activation: 'relu' }),
        layers.flatten(),
        layers.dense({ units: 10 }),
      ];
      return {
        model: classifier(draw, chain, { optimizer: new SGD({ learningRate }) }),
        ...images(draw, 480),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: stuckWithin(0.05),
  },
  {
    name: 'the mean probabilities of an ensemble, taken for logits',
    cause: 'softmax-twice',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 5, 8);
      const model = new AveragedMembers(draw.whole('members', 2, 4), draw.whole('width', 16, 32), count);
      compiled(model, draw, {
        loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
        metrics: ['sparseCategoricalAccuracy'],
      });
      return { model, ...clouds(draw, 1024, 12, count), options: { epochs: 8, batchSize: 32 } };
    },
    // Probabilities taken for logits leave at least 0.9 of five classes.
    shows: (outcome) => outcome.error === null && ends(outcome).last > 0.9,
  },
  {
    name: 'a picture learnt from places counted in pixels',
    cause: 'unnormalised-inputs',
    half: 'closing',
    make: (draw) => ({
      model: regressor(draw, perceptron([draw.whole('width', 32, 64), 32, 1])),
      ...picture(draw, 1280, draw.whole('size', 1000, 4000)),
      options: { epochs: 8, batchSize: 32 },
    }),
    // The picture's own variance is some 0.5; from places between -1 and 1 less than 0.1 is left.
    shows: (outcome) => !(ends(outcome).last < 0.4),
  },
];
