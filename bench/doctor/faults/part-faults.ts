import { Adam, BinaryCrossentropy, integers, layers, normal } from 'adjoint';
import { classes, clouds, floats, wave, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { driftingSequences } from '../healthy/recurrence.js';
import { classifier, compiled } from '../networks.js';
import { ends, guesses, lastOf, type SuiteCase } from '../suite-case.js';
import { DrawnAttention, NearestCode, OneKeyRecurrence } from './cut-off-layers.js';
import { EndlessBank, Ranker } from './pair-models.js';

/** Texts of words of all classes, one of them marked: its class is the text's. */
function markedWords(draw: Draw, rows: number, length: number, features: number, count: number): Labelled {
  const words = normal(draw.key('words'), count * features);
  const kinds = integers(draw.key('kinds'), rows * length, 0, count);
  const places = integers(draw.key('places'), rows, 0, length);
  const values = normal(draw.key('noise'), rows * length * (features + 1)).map((value, i) => {
    const [word, feature] = [Math.floor(i / (features + 1)), i % (features + 1)];
    const marked = word % length === places[Math.floor(word / length)]!;
    return 0.2 * value + (feature < features ? words[kinds[word]! * features + feature]! : marked ? 2 : 0);
  });
  return {
    x: floats(values, rows, length, features + 1),
    y: classes(Int32Array.from(places, (place, row) => kinds[row * length + place]!)),
  };
}

/** Pairs, and whether the first of the two is the better one. */
function pairs(draw: Draw, rows: number, features: number): Labelled {
  const { x, y } = wave(draw, 2 * rows, features);
  const better = Float32Array.from({ length: rows }, (_, row) => (y.values[2 * row]! > y.values[2 * row + 1]! ? 1 : 0));
  return { x: { ...x, shape: [rows, 2, features] }, y: floats(better, rows, 1) };
}

/** Faults inside of layers and models. */
export const partFaults: readonly SuiteCase[] = [
  {
    name: 'attention whose shares are made without gradients',
    cause: 'too-much-detach',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 5, 6);
      const chain = [new DrawnAttention(draw.whole('width', 12, 24)), layers.dense({ units: count })];
      return {
        model: classifier(draw, chain, { optimizer: new Adam({ learningRate: draw.scale('adam', 0.01, 0.02) }) }),
        ...markedWords(draw, 768, draw.whole('length', 8, 12), 12, count),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    // With gradients for the shares, too, it comes below 0.4.
    shows: (outcome) => outcome.error === null && ends(outcome).last > 1,
  },
  {
    name: 'the nearest of some codes, and no way back past the choice',
    cause: 'non-differentiable-op',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 6, 8);
      const chain = [
        layers.dense({ units: draw.whole('width', 24, 40), activation: 'relu' }),
        layers.dense({ units: draw.whole('size', 3, 4) }),
        new NearestCode(draw.whole('codes', 24, 40)),
        layers.dense({ units: 24, activation: 'relu' }),
        layers.dense({ units: count }),
      ];
      return {
        model: classifier(draw, chain, { optimizer: new Adam({ learningRate: draw.scale('adam', 4e-3, 8e-3) }) }),
        ...clouds(draw, 1024, 32, count, 0.9),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: (outcome) => outcome.error === null && ends(outcome).last > 1,
  },
  {
    name: 'a bank of all codes so far, encoded anew at each step',
    cause: 'growing-graph',
    half: 'closing',
    make: (draw) => {
      const model = new EndlessBank(
        [draw.whole('width', 16, 32), draw.whole('code', 4, 8)],
        draw.real('sharpness', 4, 8),
      );
      compiled(model, draw, { execution: 'eager' });
      const { x } = clouds(draw, 16 * draw.whole('steps', 56, 72), 8, 6);
      return { model, x: { x }, options: { epochs: 1, batchSize: 16 } };
    },
    // The loss is over ever more codes, so that it rises with their logarithm.
    shows: ({ error, steps, tensorsKept }) =>
      error === null && tensorsKept >= steps.length && steps.at(-1)! > steps[0]!,
  },
  {
    name: 'a recurrence with one mask for all times, and for all steps',
    cause: 'frozen-dropout',
    half: 'closing',
    make: (draw) => {
      const chain = [
        new OneKeyRecurrence(draw.whole('units', 40, 64), draw.real('rate', 0.4, 0.5), draw.whole('maskSeed', 1, 1000)),
        layers.dense({ units: 4 }),
      ];
      const { x, y } = driftingSequences(draw, 640, draw.whole('length', 8, 12), 5, 4);
      return { model: classifier(draw, chain), x, y, options: { epochs: 6, batchSize: 32, validationData: [x, y] } };
    },
    // On the very rows of training, all units together do worse than those that were kept.
    shows: (outcome) => lastOf(outcome, 'val_loss') > lastOf(outcome, 'loss'),
  },
  {
    name: 'a difference of two scores whose rule forgets the minus',
    cause: 'wrong-sign-gradient',
    half: 'closing',
    make: (draw) => {
      const model = new Ranker([draw.whole('width', 24, 48), draw.whole('second', 12, 24)]);
      compiled(model, draw, { loss: new BinaryCrossentropy({ fromLogits: true }), metrics: ['accuracy'] });
      return { model, ...pairs(draw, 1024, 6), options: { epochs: 8, batchSize: 32 } };
    },
    shows: guesses(2),
  },
  {
    name: 'residual blocks that each treble the variance',
    cause: 'exploding-initialisation',
    half: 'closing',
    make: (draw) => {
      const width = draw.whole('width', 32, 48);
      const kernelInitializer = 'heNormal' as const;
      const block = () =>
        layers.residual({
          body: [
            layers.dense({ units: width, activation: 'relu', kernelInitializer }),
            layers.dense({ units: width, kernelInitializer }),
          ],
        });
      const blocks = Array.from({ length: draw.whole('blocks', 11, 14) }, block);
      const chain = [layers.dense({ units: width, kernelInitializer }), ...blocks, layers.dense({ units: 5 })];
      return {
        model: classifier(draw, chain),
        ...clouds(draw, 768, 10, 5),
        options: { epochs: 4, batchSize: 32 },
      };
    },
    shows: ({ steps }) => steps[0]! > 100,
  },
];
