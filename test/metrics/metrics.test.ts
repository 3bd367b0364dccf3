import { describe, expect, it } from '@jest/globals';
import { tf } from '../../src/engine/tfjs.js';
import { BinaryAccuracy } from '../../src/metrics/binary-accuracy.js';
import { CategoricalAccuracy } from '../../src/metrics/categorical-accuracy.js';
import { Mean } from '../../src/metrics/mean.js';
import { resolveAccuracy } from '../../src/metrics/resolve-accuracy.js';
import { SparseCategoricalAccuracy } from '../../src/metrics/sparse-categorical-accuracy.js';
import { useTestEngine } from '../helpers/engine.js';
import { metricContract } from '../helpers/metric-contract.js';

const name = { options: { name: 'mine' }, refused: { name: ['', 3] } };
const scores = () => tf.tensor2d([0.1, 0.7, 0.2, 0.6, 0.3, 0.1, 0.2, 0.2, 0.6, 0.3, 0.4, 0.3], [4, 3]);

describe('metrics', () => {
  useTestEngine();

  metricContract(Mean, {
    ...name,
    cases: [
      {
        name: 'numbers',
        labels: () => tf.zeros([4]),
        predictions: () => tf.tensor1d([1, 5, -2, 4]),
        values: [1, 5, -2, 4],
      },
      {
        name: 'rows',
        labels: () => tf.zeros([4, 1]),
        predictions: () => tf.tensor2d([1, 3, 5, 5, -2, 0, 4, 0], [4, 2]),
        values: [2, 5, -1, 2],
      },
    ],
  });

  metricContract(BinaryAccuracy, {
    options: { name: 'mine', threshold: 0 },
    refused: { name: ['', 3], threshold: ['0.5', Number.NaN, Number.POSITIVE_INFINITY, null] },
    cases: [
      {
        name: 'probabilities',
        labels: () => tf.tensor1d([1, 0, 1, 0]),
        predictions: () => tf.tensor2d([0.9, 0.8, 0.1, 0.5], [4, 1]),
        values: [1, 0, 0, 1],
      },
      {
        name: 'logits',
        options: { threshold: 0 },
        labels: () => tf.tensor2d([1, 0, 1, 0], [4, 1], 'int32'),
        predictions: () => tf.tensor2d([0.2, -0.8, -0.1, 0.5], [4, 1]),
        values: [1, 1, 0, 0],
      },
      {
        name: 'several outputs',
        labels: () => tf.tensor2d([1, 0, 1, 1, 0, 0, 1, 0], [4, 2]),
        predictions: () => tf.tensor2d([0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1], [4, 2]),
        values: [0.5, 1, 0, 1],
      },
    ],
  });

  metricContract(CategoricalAccuracy, {
    ...name,
    cases: [
      {
        name: 'rows',
        labels: () => tf.tensor2d([0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1], [4, 3]),
        predictions: scores,
        values: [1, 1, 0, 0],
      },
    ],
  });

  metricContract(SparseCategoricalAccuracy, {
    ...name,
    cases: [
      { name: 'rows', labels: () => tf.tensor1d([1, 0, 0, 2], 'int32'), predictions: scores, values: [1, 1, 0, 0] },
      { name: 'a column', labels: () => tf.tensor2d([1, 0, 0, 2], [4, 1]), predictions: scores, values: [1, 1, 0, 0] },
      {
        name: 'sequences',
        labels: () => tf.tensor2d([1, 0, 0, 2, 1, 1, 0, 0], [4, 2], 'int32'),
        predictions: () => tf.tidy(() => tf.stack([scores(), scores()], 1) as ReturnType<typeof scores>),
        values: [0.5, 0.5, 0, 0],
      },
    ],
  });

  it.each([
    ['BinaryAccuracy', () => new BinaryAccuracy().evaluate(tf.zeros([4]), tf.zeros([4, 2]))],
    ['CategoricalAccuracy', () => new CategoricalAccuracy().evaluate(tf.zeros([4]), tf.zeros([4, 2]))],
    ['SparseCategoricalAccuracy', () => new SparseCategoricalAccuracy().evaluate(tf.zeros([4, 2]), tf.zeros([4, 2]))],
  ])('%s refuses labels of another shape', (_, run) => {
    tf.tidy(() => expect(run).toThrow('[label-shape]'));
  });

  it('has no value while nothing was weighed', () => {
    tf.tidy(() => expect(new Mean().evaluate(tf.zeros([2]), tf.ones([2]), tf.zeros([2]))).toBeNaN());
  });
});

describe('the name accuracy', () => {
  it.each([
    ['binary_crossentropy', BinaryAccuracy],
    ['categorical_crossentropy', CategoricalAccuracy],
    ['sparse_categorical_crossentropy', SparseCategoricalAccuracy],
  ])('beside %s stands for the form with its labels', (loss, form) => {
    const metric = resolveAccuracy(loss, 'compile');
    expect(metric).toBeInstanceOf(form);
    expect(metric.name).toBe('accuracy');
  });

  it('goes by the output beside another loss, or is refused', () => {
    expect(resolveAccuracy('mean_squared_error', 'compile', [null, 1])).toBeInstanceOf(BinaryAccuracy);
    expect(() => resolveAccuracy('mean_squared_error', 'compile', [null, 3])).toThrow(
      /\[accuracy-form\][^]*name the form/,
    );
    expect(() => resolveAccuracy('mean_squared_error', 'compile')).toThrow('[accuracy-form]');
  });
});
