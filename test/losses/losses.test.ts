import { describe } from '@jest/globals';
import { logSoftmax, sigmoid, softmax } from '../../src/autodiff/ops/softmax.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BinaryCrossentropy } from '../../src/losses/binary-crossentropy.js';
import { CategoricalCrossentropy } from '../../src/losses/categorical-crossentropy.js';
import type { CrossentropyOptions, LossOptions } from '../../src/losses/loss-options.js';
import { MeanSquaredError } from '../../src/losses/mean-squared-error.js';
import { SparseCategoricalCrossentropy } from '../../src/losses/sparse-categorical-crossentropy.js';
import { useTestEngine } from '../helpers/engine.js';
import { forgetful, lossContract } from '../helpers/loss-contract.js';

const wave = (shape: number[], phase = 0) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(2.1 * i + 0.4 + phase)),
    shape,
  );
};
const oneHot = () => tf.tensor2d([0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0], [4, 3]);
const indices = () => tf.tensor1d([2, 0, 1, 1], 'int32');

const lossOptions = {
  options: { reduction: 'sum' },
  refused: { reduction: ['mean', 'sum_over_batch_size', 1, null] },
} as const satisfies { options: LossOptions; refused: object };
const crossentropyOptions = {
  options: { reduction: 'none', fromLogits: true, labelSmoothing: 0.25 } satisfies CrossentropyOptions,
  refused: {
    reduction: ['mean', 3],
    fromLogits: ['yes', 1, null],
    labelSmoothing: [-0.1, 1.1, Number.NaN, '0.1', null],
  },
};

/** The same logits by every way in which they may reach a cross-entropy of classes. */
const classCases = (labels: () => Tensor) => [
  { name: 'logits', options: { fromLogits: true }, labels, input: () => wave([4, 3]) },
  { name: 'smoothed', options: { fromLogits: true, labelSmoothing: 0.2 }, labels, input: () => wave([4, 3]) },
  { name: 'after softmax', labels, input: () => wave([4, 3]), predict: (x: Tensor) => softmax(x) },
  {
    name: 'after logSoftmax',
    options: { fromLogits: true },
    labels,
    input: () => wave([4, 3]),
    predict: (x: Tensor) => logSoftmax(x),
  },
  { name: 'probabilities', labels, input: () => wave([4, 3]), predict: (x: Tensor) => forgetful(softmax(x)) },
];

describe('losses', () => {
  useTestEngine();

  lossContract(MeanSquaredError, {
    ...lossOptions,
    cases: [
      { name: 'rows', labels: () => wave([4, 3], 1), input: () => wave([4, 3]) },
      { name: 'columns beside numbers', labels: () => wave([4], 1), input: () => wave([4, 1]) },
      { name: 'numbers', labels: () => wave([4], 1), input: () => wave([4]) },
      { name: 'sequences', labels: () => wave([4, 2, 3], 1), input: () => wave([4, 2, 3]) },
    ],
  });

  lossContract(BinaryCrossentropy, {
    ...crossentropyOptions,
    cases: [
      {
        name: 'logits',
        options: { fromLogits: true },
        labels: () => tf.tensor2d([1, 0, 0, 1], [4, 1]),
        input: () => wave([4, 1]),
      },
      {
        name: 'smoothed',
        options: { fromLogits: true, labelSmoothing: 0.2 },
        labels: () => tf.tensor1d([1, 0, 0, 1]),
        input: () => wave([4, 1]),
      },
      { name: 'after sigmoid', labels: () => oneHot(), input: () => wave([4, 3]), predict: sigmoid },
      {
        name: 'probabilities',
        labels: () => oneHot(),
        input: () => wave([4, 3]),
        predict: (x) => forgetful(sigmoid(x)),
      },
    ],
  });

  lossContract(CategoricalCrossentropy, {
    ...crossentropyOptions,
    cases: [
      ...classCases(oneHot),
      {
        name: 'sequences',
        options: { fromLogits: true },
        labels: () =>
          tf.tidy(() => tf.cast(tf.oneHot(tf.tensor2d([0, 1, 2, 1, 0, 0, 2, 2], [4, 2], 'int32'), 3), 'float32')),
        input: () => wave([4, 2, 3]),
      },
    ],
  });

  lossContract(SparseCategoricalCrossentropy, {
    ...crossentropyOptions,
    cases: [
      ...classCases(indices),
      {
        name: 'a column of labels',
        options: { fromLogits: true },
        labels: () => tf.tensor2d([2, 0, 1, 1], [4, 1], 'int32'),
        input: () => wave([4, 3]),
      },
      {
        name: 'whole numbers as floats',
        options: { fromLogits: true },
        labels: () => tf.tensor1d([2, 0, 1, 1]),
        input: () => wave([4, 3]),
      },
      {
        name: 'sequences',
        options: { fromLogits: true },
        labels: () => tf.tensor2d([0, 1, 2, 1, 0, 0, 2, 2], [4, 2], 'int32'),
        input: () => wave([4, 2, 3]),
      },
    ],
  });
});
