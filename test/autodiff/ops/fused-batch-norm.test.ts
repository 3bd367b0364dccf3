import { describe, expect, it } from '@jest/globals';
import { fusedBatchNorm, type FusedBatchNormResult } from '../../../src/autodiff/ops/fused-batch-norm.js';
import { inFloat64, readFloat64 } from '../../../src/engine/float64.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { checkGradient } from '../../helpers/check-gradient.js';
import { useTestEngine } from '../../helpers/engine.js';

/** Single precision against double: sums of some ten terms of size 1, divided by a deviation. */
const FLOAT32_TOLERANCE = 2e-5;
const EPSILON = 1e-3;

const values = (size: number, phase = 0) =>
  Array.from({ length: size }, (_, i) => 1.5 * Math.sin(2.1 * i + 0.4 + phase));

/** Uses all of the results, so that the gradients through the statistics are tested too. */
function combine({ y, mean, variance, populationVariance }: FusedBatchNormResult): Tensor {
  const weights = tf.reshape(tf.sin(tf.range(0, y.size)), y.shape);
  const statistics = [tf.mul(mean, 0.7), tf.square(variance), tf.mul(populationVariance, -0.3)];
  return tf.addN([tf.sum(tf.mul(tf.square(y), weights)), ...statistics.map((part) => tf.sum(part))]);
}

const full = (x: Tensor, scale: Tensor, offset: Tensor) =>
  combine(fusedBatchNorm({ x, scale, offset, epsilon: EPSILON }));
const outputOnly = (x: Tensor, scale: Tensor, offset: Tensor) => {
  const { y } = fusedBatchNorm({ x, scale, offset, epsilon: EPSILON });
  return tf.sum(tf.mul(tf.square(y), tf.reshape(tf.sin(tf.range(0, y.size)), y.shape)));
};

const inputs = (shape: number[]) => {
  const channels = shape.at(-1)!;
  const size = shape.reduce((a, b) => a * b, 1);
  return [tf.tensor(values(size), shape), tf.tensor1d(values(channels, 1)), tf.tensor1d(values(channels, 2))];
};

function expectClose(native: Float32Array[], reference: Float64Array[]): void {
  for (const [i, expected] of reference.entries()) {
    const scale = Math.max(1, ...expected.map(Math.abs));
    for (const [j, value] of expected.entries()) {
      expect(Math.abs(native[i]![j]! - value)).toBeLessThan(FLOAT32_TOLERANCE * scale);
    }
  }
}

describe.each([[[3, 2, 2, 2]], [[5, 3]], [[2, 4, 3]]])('fusedBatchNorm over %p', (shape) => {
  useTestEngine();

  it('has a composed reference with the gradient of its central differences', () => {
    const at = inputs(shape);
    checkGradient(full as (...x: Tensor[]) => Tensor, at);
    tf.dispose(at);
  });

  it.each([
    ['every result', full],
    ['y', outputOnly],
  ])('has native kernels equal to the reference in first order, by %s', (_, fn) => {
    const at = inputs(shape);
    const run = () => tf.grads(fn as (...x: Tensor[]) => Tensor)(at);
    tf.tidy(() => {
      const reference = inFloat64(() => run().map((grad) => readFloat64(grad)));
      expectClose(
        run().map((grad) => grad.dataSync() as Float32Array),
        reference,
      );
    });
    tf.dispose(at);
  });

  const squaredGradient =
    (fn: (...x: Tensor[]) => Tensor) =>
    (...x: Tensor[]) =>
      tf.addN(
        tf
          .grads(fn)(x)
          .map((grad) => tf.sum(tf.square(grad))),
      );
  const second = squaredGradient(outputOnly as (...x: Tensor[]) => Tensor);

  it.each([
    ['second', second],
    ['third', squaredGradient(second)],
  ])('has native kernels equal to the reference in %s order', (_, fn) => {
    const at = inputs(shape);
    const run = () => tf.grads(fn)(at);
    tf.tidy(() => {
      const reference = inFloat64(() => run().map((grad) => readFloat64(grad)));
      expectClose(
        run().map((grad) => grad.dataSync() as Float32Array),
        reference,
      );
    });
    tf.dispose(at);
  });

  it('reports mean and both variances', () => {
    const at = inputs(shape);
    tf.tidy(() => {
      const [x, scale, offset] = at as [Tensor, Tensor, Tensor];
      const { mean, variance, populationVariance } = fusedBatchNorm({ x, scale, offset, epsilon: EPSILON });
      const flat = tf.reshape(x, [-1, shape.at(-1)!]);
      const count = flat.shape[0]!;
      const expected = tf.moments(flat, 0);
      expectClose([mean.dataSync() as Float32Array], [Float64Array.from(expected.mean.dataSync())]);
      const population = Float64Array.from(expected.variance.dataSync());
      expectClose([populationVariance.dataSync() as Float32Array], [population]);
      expectClose([variance.dataSync() as Float32Array], [population.map((v) => (v * count) / (count - 1))]);
    });
    tf.dispose(at);
  });
});

describe('fusedBatchNorm', () => {
  useTestEngine();

  it('takes a single example', () => {
    tf.tidy(() => {
      const [x, scale, offset] = inputs([1, 3]) as [Tensor, Tensor, Tensor];
      const { y, populationVariance } = fusedBatchNorm({ x, scale, offset, epsilon: EPSILON });
      expect([...y.dataSync()]).toEqual([...offset.dataSync()]);
      expect([...populationVariance.dataSync()]).toEqual([0, 0, 0]);
    });
  });

  it('refuses shapes that do not belong together', () => {
    tf.tidy(() => {
      const [x, scale] = inputs([4, 3]) as [Tensor, Tensor];
      expect(() => fusedBatchNorm({ x, scale, offset: tf.zeros([2]), epsilon: EPSILON })).toThrow('[batch-norm-shape]');
    });
  });
});
