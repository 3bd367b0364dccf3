import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import type { LossOptions } from '../../../src/losses/loss-options.js';
import { lossTable, type LossClass } from '../../../src/losses/loss-table.js';
import { floats, ints } from '../../helpers/kernel-case.js';
import type { GradientCase, TensorFunction } from '../gradient-case.js';

interface Spec {
  /** Added to the class's name. */
  readonly what?: string;
  readonly options?: object;
  /** Predictions first, then labels. */
  readonly inputs: () => Tensor[];
  readonly predict?: (x: Tensor) => Tensor;
  /** Of predictions and labels, as a tf.layers user would write it. */
  readonly plain: TensorFunction | null;
}

const scores = (): Tensor => floats([3, 4], 2);
const shares = (): Tensor => tf.tensor2d([0, 1, 0, 0, 0.25, 0.25, 0.5, 0, 0, 0, 0, 1], [3, 4]);
const indices = (): Tensor => ints([1, 2, 3]);
const yes = (): Tensor => tf.tensor2d([1, 0, 0.5, 1, 0, 0, 1, 1, 0, 1, 0.25, 0], [3, 4]);

/** Not by tf.softmax: a loss would find the logits behind it. */
function probabilities(x: Tensor): Tensor {
  const odds = tf.exp(x);
  return tf.div(odds, tf.sum(odds, -1, true));
}

const SPECS: Readonly<Record<string, readonly Spec[]>> = {
  MeanSquaredError: [
    {
      inputs: () => [scores(), floats([3, 4], 1, 0.5)],
      plain: (predictions, labels) => tf.losses.meanSquaredError(labels!, predictions!),
    },
  ],
  BinaryCrossentropy: [
    {
      what: 'from logits',
      options: { fromLogits: true },
      inputs: () => [scores(), yes()],
      plain: (predictions, labels) => tf.losses.sigmoidCrossEntropy(labels!, predictions!),
    },
    {
      what: 'from probabilities',
      inputs: () => [scores(), yes()],
      predict: (x) => tf.mul(tf.add(tf.tanh(x), 1.5), 0.375),
      plain: (x, labels) => tf.mean(tf.metrics.binaryCrossentropy(labels!, tf.mul(tf.add(tf.tanh(x!), 1.5), 0.375))),
    },
  ],
  CategoricalCrossentropy: [
    {
      what: 'from logits',
      options: { fromLogits: true },
      inputs: () => [scores(), shares()],
      plain: (predictions, labels) => tf.losses.softmaxCrossEntropy(labels!, predictions!),
    },
    {
      what: 'from probabilities',
      inputs: () => [scores(), shares()],
      predict: probabilities,
      plain: (x, labels) => tf.mean(tf.metrics.categoricalCrossentropy(labels!, probabilities(x!))),
    },
  ],
  SparseCategoricalCrossentropy: [
    {
      what: 'from logits',
      options: { fromLogits: true },
      inputs: () => [scores(), indices()],
      plain: (predictions, labels) => tf.losses.softmaxCrossEntropy(tf.oneHot(labels as tf.Tensor1D, 4), predictions!),
    },
    {
      what: 'from probabilities',
      inputs: () => [scores(), indices()],
      predict: probabilities,
      plain: (x, labels) =>
        tf.mean(tf.metrics.categoricalCrossentropy(tf.oneHot(labels as tf.Tensor1D, 4), probabilities(x!))),
    },
  ],
};

/** Classes of the table without a spec: each must have one. */
export function lossesWithoutCase(): string[] {
  return classes()
    .map(({ name }) => name)
    .filter((name) => !(name in SPECS));
}

function classes(): LossClass[] {
  return [...new Set(Object.values(lossTable))];
}

/** Each loss that a model can be given by name, by its predictions and, where they are float, its labels. */
export function lossCases(): GradientCase[] {
  return classes().flatMap((lossClass) =>
    (SPECS[lossClass.name] ?? []).map(({ what, options = {}, inputs, predict, plain }): GradientCase => {
      const loss = new lossClass(options as Partial<LossOptions>);
      return {
        kind: 'loss',
        name: what === undefined ? lossClass.name : `${lossClass.name}, ${what}`,
        point: 'away',
        inputs,
        fn: (x, labels) => loss.compute(labels!, predict === undefined ? x! : predict(x!)),
        plain,
      };
    }),
  );
}
