import { describe, expect, it } from '@jest/globals';
import { logSoftmax, sigmoid, softmax } from '../../src/autodiff/ops/softmax.js';
import { tf } from '../../src/engine/tfjs.js';
import type { BaseLoss, LabelArray } from '../../src/losses/base-loss.js';
import { BinaryCrossentropy } from '../../src/losses/binary-crossentropy.js';
import { CategoricalCrossentropy } from '../../src/losses/categorical-crossentropy.js';
import { MeanSquaredError } from '../../src/losses/mean-squared-error.js';
import { SparseCategoricalCrossentropy } from '../../src/losses/sparse-categorical-crossentropy.js';
import { useTestEngine } from '../helpers/engine.js';

const labels = (values: number[], shape = [values.length], dtype = 'float32'): LabelArray => ({ values, shape, dtype });

describe('labels that cannot belong to the output', () => {
  const mse = new MeanSquaredError();
  const bce = new BinaryCrossentropy();
  const cce = new CategoricalCrossentropy();
  const scce = new SparseCategoricalCrossentropy();

  it.each<[string, BaseLoss, LabelArray, (number | null)[], RegExp]>([
    ['label-range', scce, labels([1, 9, 10]), [null, 10], /from 0 to 9[^]*received {2}10 at index 2[^]*more units/],
    ['label-range', scce, labels([1, -1]), [null, 10], /received {2}-1 at index 1[^]*count classes from 0/],
    ['label-not-integer', scce, labels([1, 0.5]), [null, 10], /received {2}0.5 at index 1[^]*meanSquaredError/],
    ['label-not-integer', scce, labels([1, NaN]), [null, 10], /received {2}NaN at index 1/],
    ['label-range', scce, labels([0, 1, 2, 7], [2, 2]), [null, 2, 3], /received {2}7 at index \[1, 1\]/],
    ['label-rank', scce, labels([1, 0, 0, 1], [2, 2]), [null, 2], /received {2}\[2, 2\][^]*categoricalCrossentropy/],
    ['label-rank', scce, labels([1, 0, 0, 1], [2, 2]), [null, 3], /\[\?\]/],
    ['one-class', scce, labels([0, 0]), [null, 1], /binaryCrossentropy/],
    ['label-width', cce, labels([1, 0, 0, 1], [2, 2]), [null, 3], /2 in the labels, 3 in the output/],
    ['label-rank', cce, labels([1, 0]), [null, 3], /sparseCategoricalCrossentropy/],
    ['label-width', cce, labels([1, 0], [2, 1]), [null, 3], /sparseCategoricalCrossentropy/],
    ['label-range', cce, labels([1, 0, 0, 2], [2, 2]), [null, 2], /received {2}2 at index \[1, 1\]/],
    ['one-class', cce, labels([1, 0], [2, 1]), [null, 1], /one unit a class/],
    ['label-range', bce, labels([1, -1]), [null, 1], /received {2}-1 at index 1[^]*1 for yes and 0 for no/],
    ['label-shape', bce, labels([1, 0]), [null, 3], /received {2}\[2\]/],
    ['label-shape', mse, labels([1, 0]), [null, 3], /output's shape {2}\[\?, 3\]/],
    ['label-shape', mse, labels([1, 0], [1, 2]), [null, 3], /received {2}\[1, 2\]/],
  ])('are refused as %s (%#)', (kind, loss, array, outputShape, text) => {
    const check = () => loss.checkLabels(array, outputShape, 'y of fit');
    expect(check).toThrow(`[${kind}] y of fit`);
    expect(check).toThrow(text);
  });

  it.each<[BaseLoss, LabelArray, (number | null)[]]>([
    [scce, labels([0, 9]), [null, 10]],
    [scce, labels([0, 9], [2, 1], 'int32'), [null, 10]],
    [cce, labels([1, 0, 0.5, 0.5], [2, 2]), [null, 2]],
    [bce, labels([1, 0]), [null, 1]],
    [mse, labels([1, 0], [2, 1]), [null, 1]],
    [mse, labels([-7, 300]), [null]],
  ])('are told from those that can (%#)', (loss, array, outputShape) => {
    expect(() => loss.checkLabels(array, outputShape, 'y of fit')).not.toThrow();
  });
});

describe('predictions that contradict fromLogits', () => {
  useTestEngine();

  const outside = () => tf.tensor2d([[1.5, -0.5]]);
  it.each([
    ['linear outputs below zero', new SparseCategoricalCrossentropy(), outside, /received {2}1.5 at \[0, 0\]/],
    ['linear outputs below zero', new BinaryCrossentropy(), outside, /received {2}1.5 at \[0, 0\]/],
    [
      'linear outputs that happen to lie between 0 and 1',
      new CategoricalCrossentropy(),
      () =>
        tf.tensor2d([
          [0.5, 0.5],
          [0.1, 0.2],
        ]),
      /in row 1/,
    ],
    ['logarithms', new CategoricalCrossentropy(), () => logSoftmax(outside()), /the logarithms that logSoftmax gives/],
  ])('are refused: %s', (_, loss, make, text) => {
    tf.tidy(() => {
      const check = () => loss.checkPredictions(make(), 'the output of model "digits"');
      expect(check).toThrow('DataError [not-probabilities] the output of model "digits"');
      expect(check).toThrow(text);
      expect(check).toThrow(/fromLogits: true to the loss, or give the last layer a (softmax|sigmoid) activation/);
    });
  });

  it.each([
    ['softmax', new CategoricalCrossentropy({ fromLogits: true }), () => softmax(outside())],
    ['softmax', new SparseCategoricalCrossentropy({ fromLogits: true }), () => softmax(outside())],
    ['sigmoid', new BinaryCrossentropy({ fromLogits: true }), () => sigmoid(outside())],
  ])('are refused: a %s where logits are asked for', (name, loss, make) => {
    tf.tidy(() => {
      const check = () => loss.checkPredictions(make(), 'the output');
      expect(check).toThrow(`[not-logits] the output`);
      expect(check).toThrow(`drop fromLogits: true from the loss, or the ${name} activation`);
    });
  });

  it('are known for what they are after their logits are gone', () => {
    const logits = outside();
    const output = softmax(logits);
    logits.dispose();
    expect(() => new CategoricalCrossentropy().checkPredictions(output, 'the output')).not.toThrow();
    expect(() => new CategoricalCrossentropy({ fromLogits: true }).checkPredictions(output, 'the output')).toThrow();
    output.dispose();
  });

  it('do not hide behind numbers that are not finite', () => {
    tf.tidy(() => {
      const output = tf.tensor2d([[NaN, NaN]]);
      expect(() => new CategoricalCrossentropy().checkPredictions(output, 'the output')).not.toThrow();
    });
  });
});

describe('tensors that do not belong together', () => {
  useTestEngine();

  it.each<[BaseLoss, number[], number[]]>([
    [new MeanSquaredError(), [4], [4, 2]],
    [new MeanSquaredError(), [3, 1], [4, 1]],
    [new BinaryCrossentropy(), [4, 1], [4, 2]],
    [new CategoricalCrossentropy({ fromLogits: true }), [4, 3], [4, 2]],
    [new CategoricalCrossentropy(), [4], [4, 2]],
    [new SparseCategoricalCrossentropy(), [4, 2], [4, 2]],
  ])('are refused instead of broadcast (%#)', (loss, labelShape, shape) => {
    tf.tidy(() => expect(() => loss.compute(tf.zeros(labelShape), tf.fill(shape, 0.5))).toThrow('[label-shape]'));
  });
});
