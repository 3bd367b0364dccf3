import { describe, expect, it } from '@jest/globals';
import { sigmoid, softmax } from '../../src/autodiff/ops/softmax.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BinaryCrossentropy } from '../../src/losses/binary-crossentropy.js';
import { CategoricalCrossentropy } from '../../src/losses/categorical-crossentropy.js';
import { SparseCategoricalCrossentropy } from '../../src/losses/sparse-categorical-crossentropy.js';
import { useTestEngine } from '../helpers/engine.js';

describe('a wrong logit that leads by 50', () => {
  useTestEngine();

  it.each<[string, () => { loss: (x: Tensor) => Tensor; gradient: number[] }]>([
    [
      'categorical after softmax',
      () => {
        const labels = tf.tensor2d([[0, 1, 0]]);
        return { loss: (x) => new CategoricalCrossentropy().compute(labels, softmax(x)), gradient: [1, -1, 0] };
      },
    ],
    [
      'sparse after softmax',
      () => {
        const labels = tf.tensor1d([1], 'int32');
        return { loss: (x) => new SparseCategoricalCrossentropy().compute(labels, softmax(x)), gradient: [1, -1, 0] };
      },
    ],
    [
      'binary after sigmoid',
      () => {
        const labels = tf.tensor2d([[0, 1, 1]]);
        const third = 1 / 3;
        return {
          loss: (x) => new BinaryCrossentropy().compute(labels, sigmoid(x)),
          gradient: [third, -third / 2, -third / 2],
        };
      },
    ],
  ])('%s: value and gradient stay exact', (_, make) => {
    tf.tidy(() => {
      const { loss, gradient } = make();
      const x = tf.tensor2d([[50, 0, 0]]);
      const { value, gradients } = valueAndGradients(() => loss(x), [x]);
      for (const [i, expected] of gradient.entries()) expect(gradients[0]!.dataSync()[i]).toBeCloseTo(expected, 6);
      expect(value.dataSync()[0]).toBeGreaterThan(16);
    });
  });
});
