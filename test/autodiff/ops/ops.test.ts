import { describe, expect, it } from '@jest/globals';
import { biasAdd } from '../../../src/autodiff/ops/bias-add.js';
import { relu } from '../../../src/autodiff/ops/relu.js';
import { sigmoidCrossEntropy } from '../../../src/autodiff/ops/sigmoid-cross-entropy.js';
import { softmaxCrossEntropy, sparseSoftmaxCrossEntropy } from '../../../src/autodiff/ops/softmax-cross-entropy.js';
import { logSoftmax, softmax } from '../../../src/autodiff/ops/softmax.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { checkGradient, checkSecondGradient } from '../../helpers/check-gradient.js';
import { useTestEngine } from '../../helpers/engine.js';

const values = (size: number, phase = 0) =>
  Array.from({ length: size }, (_, i) => 1.5 * Math.sin(2.1 * i + 0.4 + phase));

interface Case {
  fn: (...inputs: Tensor[]) => Tensor;
  inputs: () => Tensor[];
}

const distribution = () => tf.tensor2d([0.2, 0.5, 0.3, 0, 1, 0], [2, 3]);

const CASES: Record<string, Case> = {
  relu: { fn: (x) => relu(tf.square(relu(x!))), inputs: () => [tf.tensor2d(values(6), [2, 3])] },
  'tf.relu': { fn: (x) => tf.square(tf.relu(x!)), inputs: () => [tf.tensor2d(values(6), [2, 3])] },
  biasAdd: {
    fn: (x, bias) => tf.square(biasAdd(x!, bias!)),
    inputs: () => [tf.tensor2d(values(6), [2, 3]), tf.tensor1d(values(3, 1))],
  },
  'biasAdd of rank 4': {
    fn: (x, bias) => tf.square(biasAdd(x!, bias!)),
    inputs: () => [tf.tensor4d(values(8), [1, 2, 2, 2]), tf.tensor1d(values(2, 1))],
  },
  softmax: { fn: (x) => tf.square(softmax(x!)), inputs: () => [tf.tensor2d(values(6), [2, 3])] },
  'softmax along axis 0': { fn: (x) => tf.square(softmax(x!, 0)), inputs: () => [tf.tensor2d(values(6), [2, 3])] },
  logSoftmax: { fn: (x) => tf.square(logSoftmax(x!)), inputs: () => [tf.tensor2d(values(6), [2, 3])] },
  'logSoftmax of rank 3 along axis 1': {
    fn: (x) => tf.square(logSoftmax(x!, 1)),
    inputs: () => [tf.tensor3d(values(12), [2, 3, 2])],
  },
  softmaxCrossEntropy: {
    fn: (x, labels) => tf.square(softmaxCrossEntropy(x!, labels!)),
    inputs: () => [tf.tensor2d(values(6), [2, 3]), distribution()],
  },
  'softmaxCrossEntropy with labels that do not sum to 1': {
    fn: (x, labels) => tf.square(softmaxCrossEntropy(x!, labels!)),
    inputs: () => [tf.tensor2d(values(6), [2, 3]), tf.tensor2d([1, 1, 0, 0, 0, 0], [2, 3])],
  },
  'softmaxCrossEntropy of rank 3': {
    fn: (x, labels) => softmaxCrossEntropy(x!, tf.softmax(labels!)),
    inputs: () => [tf.tensor3d(values(12), [2, 2, 3]), tf.tensor3d(values(12, 1), [2, 2, 3])],
  },
  sparseSoftmaxCrossEntropy: {
    fn: (x) => tf.square(sparseSoftmaxCrossEntropy(x!, tf.tensor1d([2, 0], 'int32'))),
    inputs: () => [tf.tensor2d(values(6), [2, 3])],
  },
  'sparseSoftmaxCrossEntropy of rank 3': {
    fn: (x) => sparseSoftmaxCrossEntropy(x!, tf.tensor2d([2, 0, 1, 1], [2, 2], 'int32')),
    inputs: () => [tf.tensor3d(values(12), [2, 2, 3])],
  },
  sigmoidCrossEntropy: {
    fn: (x, labels) => tf.square(sigmoidCrossEntropy(x!, labels!)),
    inputs: () => [tf.tensor1d([1.3, -0.8, 2.2, 0.1]), tf.tensor1d([1, 0, 0.3, 0.9])],
  },
};

describe.each(Object.entries(CASES))('%s', (_, { fn, inputs }) => {
  useTestEngine();

  it('has the gradient of its central differences', () => {
    const at = inputs();
    checkGradient(fn, at);
    tf.dispose(at);
  });

  it('has the second-order gradient of its central differences', () => {
    const at = inputs();
    checkSecondGradient(fn, at);
    tf.dispose(at);
  });

  it('computes the same in single precision', () => {
    const at = inputs();
    const [value, gradient] = tf.tidy(() => {
      const total = (...x: Tensor[]) => tf.sum(fn(...x));
      return [
        [...total(...at).dataSync()],
        tf
          .grads(total)(at)
          .flatMap((grad) => [...grad.dataSync()]),
      ];
    });
    expect([...value, ...gradient].every(Number.isFinite)).toBe(true);
    tf.dispose(at);
  });
});

describe('cross-entropy far from the label', () => {
  useTestEngine();

  it('keeps the gradient when a wrong logit leads by 50', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([[50, 0, 0]]);
      const dense = tf.grad((at) => tf.sum(softmaxCrossEntropy(at, tf.tensor2d([[0, 1, 0]]))))(x);
      expect([...dense.dataSync()]).toEqual([1, -1, expect.closeTo(0)]);
      const sparse = tf.grad((at) => tf.sum(sparseSoftmaxCrossEntropy(at, tf.tensor1d([1], 'int32'))))(x);
      expect([...sparse.dataSync()]).toEqual([1, -1, expect.closeTo(0)]);
      const binary = tf.grad((at) => tf.sum(sigmoidCrossEntropy(at, tf.zerosLike(at))))(x);
      expect([...binary.dataSync()]).toEqual([1, 0.5, 0.5]);
    });
  });
});

describe('bad arguments', () => {
  useTestEngine();

  it.each<[string, () => Tensor]>([
    ['bias-shape', () => biasAdd(tf.zeros([2, 3]), tf.zeros([2]))],
    ['bias-shape', () => biasAdd(tf.zeros([3]), tf.zeros([3]))],
    ['label-shape', () => softmaxCrossEntropy(tf.zeros([2, 3]), tf.zeros([2, 2]))],
    ['label-shape', () => sparseSoftmaxCrossEntropy(tf.zeros([2, 3]), tf.zeros([2]))],
    ['label-shape', () => sparseSoftmaxCrossEntropy(tf.zeros([2, 3]), tf.zeros([2, 1], 'int32'))],
    ['label-shape', () => sigmoidCrossEntropy(tf.zeros([2, 3]), tf.zeros([3]))],
  ])('are refused as %s', (kind, fn) => {
    tf.tidy(() => expect(fn).toThrow(`[${kind}]`));
  });
});
