import { Adam, BinaryCrossentropy, integers, layers, SGD, straightThrough, tf } from 'adjoint';
import { classes, clouds, digits, floats, scaledBy, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { images } from '../images.js';
import { ManualSums } from '../manual-sums.js';
import { classifier, compiled, perceptron, regressor } from '../networks.js';
import { Pairs, pairsOfKinds } from '../pairs.js';
import { fellBy, type SuiteCase } from '../suite-case.js';
import { Highway, WordVectors } from './suspect-models.js';

/** Rows of plus and minus one; whether two of them are equal says the class, and each alone says nothing. */
function equalSigns(draw: Draw, rows: number, features: number): Labelled {
  const signs = integers(draw.key('signs'), rows * features, 0, 2).map((bit) => 2 * bit - 1);
  const labels = Int32Array.from({ length: rows }, (_, row) =>
    signs[row * features] === signs[row * features + 1] ? 1 : 0,
  );
  return { x: floats(Float32Array.from(signs), rows, features), y: classes(labels) };
}

/** Texts as numbers of words, of which each counts for a number of its own. */
function opinions(draw: Draw, rows: number, length: number, words: number): Labelled {
  const drawn = integers(draw.key('words'), rows * length, 0, words);
  const y = Float32Array.from({ length: rows }, (_, row) =>
    drawn.slice(row * length, (row + 1) * length).reduce((sum, word) => sum + 0.6 * Math.sin(2.3 * word), 0),
  );
  return { x: { values: drawn, shape: [rows, length], dtype: 'int32' }, y: floats(y, rows, 1) };
}

/** Runs that look like one of the faults, and are none. */
export const healthySuspects: readonly SuiteCase[] = [
  {
    name: 'a pair of which one side is detached on purpose',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const model = new Pairs(draw.whole('width', 24, 40), draw.whole('code', 3, 4), 'second');
      const optimizer = new Adam({ learningRate: draw.scale('adam', 3e-3, 5e-3) });
      compiled(model, draw, { loss: new BinaryCrossentropy({ fromLogits: true }), metrics: [], optimizer });
      return {
        model,
        ...pairsOfKinds(draw, 1280, 24, draw.whole('kinds', 3, 5)),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: fellBy(0.3),
  },
  {
    name: 'gradients summed by hand for an update every few batches, and zeroed',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const model = new ManualSums(draw.whole('filters', 4, 8), draw.whole('period', 2, 4), true);
      compiled(model, draw, { optimizer: new SGD({ learningRate: draw.scale('sgd', 0.15, 0.3) }) });
      const { x, y } = images(draw, 480);
      return { model, x: scaledBy(x, 3, -0.4), y, options: { epochs: 12, batchSize: 32 } };
    },
    shows: fellBy(0.6),
  },
  {
    name: 'gates that begin nearly shut, with all else carried past them',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const [width, bias] = [draw.whole('width', 24, 40), -draw.real('bias', 2.5, 4)];
      const highways = Array.from({ length: draw.whole('depth', 4, 6) }, () => new Highway(width, bias));
      const chain = [layers.dense({ units: width, activation: 'tanh' }), ...highways, layers.dense({ units: 6 })];
      return { model: classifier(draw, chain), ...clouds(draw, 1200, 12, 6), options: { epochs: 8, batchSize: 32 } };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'a table of many words, of which a batch has few',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const words = draw.whole('words', 400, 700);
      const chain = [new WordVectors(words, draw.whole('vector', 8, 16)), ...perceptron([16, 1])];
      const optimizer = new Adam({ learningRate: draw.scale('adam', 5e-3, 0.01) });
      return {
        model: regressor(draw, chain, { optimizer }),
        ...opinions(draw, 1600, 5, words),
        options: { epochs: 10, batchSize: 16 },
      };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'a loss that stands still before it falls',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 0.02, 0.04), momentum: 0.9 });
      return {
        model: classifier(draw, perceptron([draw.whole('width', 24, 40), 2], { activation: 'tanh' }), { optimizer }),
        ...equalSigns(draw, 1200, draw.whole('features', 14, 18)),
        options: { epochs: 20, batchSize: 32 },
      };
    },
    // Its first epochs are no better than a guess.
    shows: (outcome) => fellBy(0.4)(outcome) && outcome.history['loss']![1]! > 0.65,
  },
  {
    name: 'a code of yes and no, trained straight through',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const rounded = straightThrough((values) => tf.round(values));
      const chain = [
        layers.dense({ units: draw.whole('code', 24, 40), activation: 'sigmoid' }),
        layers.activation({ activation: (values) => rounded(values) }),
        layers.dense({ units: 10 }),
      ];
      const optimizer = new Adam({ learningRate: draw.scale('adam', 3e-3, 6e-3) });
      return {
        model: classifier(draw, chain, { optimizer }),
        ...digits(draw, 800),
        options: { epochs: 10, batchSize: 32 },
      };
    },
    shows: fellBy(0.5),
  },
];
