import { Dataset, SGD, SparseCategoricalCrossentropy } from 'adjoint';
import { clouds, digits, floats, scaledBy, split, wave } from '../data.js';
import { classifier, perceptron, regressor } from '../networks.js';
import { fellBy, type SuiteCase } from '../suite-case.js';

export const healthyData: readonly SuiteCase[] = [
  {
    name: 'inputs that are mostly zero',
    cause: null,
    half: 'first',
    make: (draw) => {
      const { x, y } = clouds(draw, 1500, 40, 5);
      const kept = draw.real('threshold', 1, 1.2);
      const values = Float32Array.from(x.values, (value) => (value > kept ? value : 0));
      return {
        model: classifier(draw, perceptron([draw.whole('width', 32, 64), 5])),
        x: floats(values, 1500, 40),
        y,
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'one-hot inputs',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const [rows, words] = [1500, draw.whole('words', 20, 40)];
      const x = new Float32Array(rows * words);
      const y = new Float32Array(rows);
      for (let i = 0; i < rows; i++) {
        const word = draw.whole(`word${i}`, 0, words - 1);
        x[i * words + word] = 1;
        y[i] = Math.sin(1.7 * word);
      }
      return {
        model: regressor(draw, perceptron([draw.whole('width', 24, 48), 1])),
        x: floats(x, rows, words),
        y: floats(y, rows, 1),
        options: { epochs: 10, batchSize: 32 },
      };
    },
    shows: fellBy(0.5),
  },
  {
    name: 'large targets that were brought to unit size',
    cause: null,
    half: 'first',
    make: (draw) => {
      const { x, y } = wave(draw, 1200, 8);
      const size = draw.scale('size', 1e4, 1e6);
      const raw = scaledBy(y, size, 3 * size);
      const mean = [...raw.values].reduce((sum, value) => sum + value, 0) / 1200;
      const deviation = Math.sqrt([...raw.values].reduce((sum, value) => sum + (value - mean) ** 2, 0) / 1200);
      return {
        model: regressor(draw, perceptron([draw.whole('width', 32, 64), 1])),
        x,
        y: scaledBy(raw, 1 / deviation, -mean / deviation),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'a noisy loss of batches of four',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 24, 48), 5]), {
        optimizer: new SGD({ learningRate: draw.scale('sgd', 0.02, 0.04) }),
      }),
      ...clouds(draw, 800, 10, 5, 1.1),
      options: { epochs: 6, batchSize: 4 },
    }),
    shows: fellBy(0.3),
  },
  {
    name: 'noisy targets',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: regressor(draw, perceptron([draw.whole('width', 24, 48), 1])),
      ...wave(draw, 1500, 8, draw.real('noise', 0.4, 0.6)),
      options: { epochs: 8, batchSize: 16 },
    }),
    shows: fellBy(0.3),
  },
  {
    name: 'label smoothing',
    cause: null,
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 32, 64), 6]), {
        loss: new SparseCategoricalCrossentropy({ fromLogits: true, labelSmoothing: draw.real('smoothing', 0.1, 0.2) }),
      }),
      ...clouds(draw, 1500, 12, 6),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.3),
  },
  {
    name: 'class weights',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: classifier(draw, perceptron([draw.whole('width', 32, 64), 4])),
      ...clouds(draw, 1500, 10, 4),
      options: { epochs: 8, batchSize: 32, classWeight: { 0: draw.real('weight', 2, 5), 1: 1, 2: 0.5, 3: 1 } },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'a dataset from a generator',
    cause: null,
    half: 'first',
    make: (draw) => {
      const { x, y } = clouds(draw, 1280, 10, 5);
      const width = x.shape[1]!;
      const examples = Dataset.fromIterable(function* () {
        for (let i = 0; i < 1280; i++) {
          yield { x: x.values.slice(i * width, (i + 1) * width) as Float32Array, y: y.values[i]! };
        }
      }).batch(draw.whole('batch', 16, 48));
      return {
        model: classifier(draw, perceptron([draw.whole('width', 24, 48), 5])),
        x: examples,
        options: { epochs: 8 },
      };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'a validation loss that follows',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const [train, held] = split(digits(draw, 1100), 900);
      return {
        model: classifier(draw, perceptron([draw.whole('width', 48, 96), 10])),
        ...train,
        options: { epochs: 4, batchSize: 32, validationData: [held.x, held.y] },
      };
    },
    shows: fellBy(0.4),
  },
];
