import { describe, expect, it } from '@jest/globals';
import { grad } from '../../../src/autodiff/grad.js';
import { divNoNan } from '../../../src/autodiff/ops/division.js';
import { runKernel } from '../../../src/autodiff/native-kernel.js';
import { valueAndGradients } from '../../../src/autodiff/value-and-gradients.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { useTestEngine } from '../../helpers/engine.js';
import { bools, floats, ints } from '../../helpers/kernel-case.js';
import {
  checkBothOrders,
  checkRecorded,
  checkSinglePrecision,
  type DifferentiableCase,
} from '../../helpers/second-order.js';

const of = (fn: (...inputs: never[]) => Tensor, ...inputs: (() => Tensor)[]): DifferentiableCase => ({
  fn: fn as (...inputs: Tensor[]) => Tensor,
  inputs: () => inputs.map((make) => make()),
});
const at =
  (shape: number[], scale = 1, offset = 0) =>
  () =>
    floats(shape, scale, offset);
const list =
  (...values: number[]) =>
  () =>
    tf.tensor1d(values);

const einsum = (equation: string, ...shapes: number[][]): DifferentiableCase =>
  of((...factors: Tensor[]) => tf.einsum(equation, ...factors), ...shapes.map((shape, i) => at(shape, 1 + 0.3 * i)));

const EINSUMS = Object.fromEntries(
  [
    einsum('ij,jk->ik', [2, 3], [3, 2]),
    einsum('ij->ji', [2, 3]),
    einsum('ij->', [2, 3]),
    einsum('ij->j', [2, 3]),
    einsum('ii->i', [3, 3]),
    einsum('ii->', [3, 3]),
    einsum('i->ii', [3]),
    einsum('iij->ij', [2, 2, 3]),
    einsum('ij,jk->i', [2, 3], [3, 2]),
    einsum('ij,k->ik', [2, 3], [2]),
    einsum('i,j->ij', [2], [3]),
    einsum('ii,ij->j', [2, 2], [2, 3]),
    einsum('ij,ij->', [2, 3], [2, 3]),
    einsum('bij,bjk->bik', [2, 2, 3], [2, 3, 1]),
    einsum('b...i,ij->b...j', [2, 2, 3], [3, 2]),
    einsum('...ij,...jk->...ik', [2, 1, 2, 3], [3, 3, 2]),
    einsum('...ij,...jk->...ik', [1, 2, 3], [1, 3, 2]),
    einsum('...i->...', [2, 3, 2]),
  ].map((entry, i) => [`einsum ${i}`, entry]),
);

const GATHERS: Record<string, DifferentiableCase> = {
  'gatherND of elements, one twice': of((x: Tensor) => tf.gatherND(x, ints([2, 1, 0, 3, 2, 1], [3, 2])), at([3, 4])),
  'gatherND of rows': of((x: Tensor) => tf.gatherND(x, ints([2, 0], [2, 1])), at([3, 4])),
  'scatterND of elements': of((x: Tensor) => tf.scatterND(ints([3, 1], [2, 1]), x, [5]), at([2])),
  'scatterND of rows, one twice': of((x: Tensor) => tf.scatterND(ints([1, 1], [2, 1]), x, [3, 2]), at([2, 2])),
  'tensorScatterUpdate of elements': of(
    (x: Tensor, updates: Tensor) => tf.tensorScatterUpdate(x, ints([2, 0], [2, 1]), updates),
    at([4]),
    at([2], 2),
  ),
  'tensorScatterUpdate of rows': of(
    (x: Tensor, updates: Tensor) => tf.tensorScatterUpdate(x, ints([1], [1, 1]), updates),
    at([2, 3]),
    at([1, 3], 2),
  ),
  'sparseToDense of a list': of(
    (values: Tensor, none: tf.Scalar) => tf.sparseToDense(ints([0, 3]), values, [5], none),
    at([2]),
    at([]),
  ),
  'sparseToDense of a matrix': of(
    (values: Tensor, none: tf.Scalar) => tf.sparseToDense(ints([0, 1, 1, 0], [2, 2]), values, [2, 2], none),
    at([2]),
    at([]),
  ),
  'sparseToDense of one value at all places': of(
    (value: tf.Scalar, none: tf.Scalar) => tf.sparseToDense(ints([0, 3]), value, [5], none),
    at([]),
    at([], 2),
  ),
  'topk of rows': of((x: Tensor) => tf.topk(x, 3).values, at([2, 5])),
  'topk of a list, unsorted': of((x: Tensor) => tf.topk(x, 2, false).values, at([5])),
  'topk of rank 3': of((x: Tensor) => tf.topk(x, 1).values, at([2, 2, 3])),
  'gather with batch axes': of((x: Tensor) => tf.gather(x, ints([2, 0, 2, 1], [2, 2]), 1, 1), at([2, 3, 2])),
  'weights of bincount, one beyond the bins': of(
    (weights: tf.Tensor1D) => tf.bincount(ints([1, 2, 7, 1]) as tf.Tensor1D, weights, 4),
    at([4]),
  ),
  'weights of denseBincount': of(
    (weights: tf.Tensor2D) => tf.denseBincount(ints([0, 1, 1, 5], [2, 2]) as tf.Tensor2D, weights, 3),
    at([2, 2]),
  ),
};

const strided = (begin: number[], end: number[], strides: number[], ...masks: number[]): DifferentiableCase =>
  of((x: Tensor) => tf.stridedSlice(x, begin, end, strides, ...masks), at([4, 5]));

const MOVES: Record<string, DifferentiableCase> = {
  'stridedSlice, backwards': strided([0, 4], [4, 0], [2, -2]),
  'stridedSlice, open ends': strided([1, 0], [0, 3], [1, 2], 0b10, 0b01),
  'stridedSlice, ellipsis and new axis': strided([0, 0, 1], [0, 0, 4], [1, 1, 2], 0, 0, 0b001, 0b010),
  'stridedSlice, an axis taken away': strided([1, 0], [2, 5], [1, 1], 0, 0, 0, 0, 0b01),
  'mirrorPad, reflect': of(
    (x: Tensor) =>
      tf.mirrorPad(
        x,
        [
          [1, 0],
          [2, 1],
        ],
        'reflect',
      ),
    at([2, 3]),
  ),
  'mirrorPad, symmetric': of(
    (x: Tensor) =>
      tf.mirrorPad(
        x,
        [
          [2, 1],
          [3, 0],
        ],
        'symmetric',
      ),
    at([2, 3]),
  ),
  depthToSpace: of((x: tf.Tensor4D) => tf.depthToSpace(x, 2), at([2, 1, 2, 8])),
  'diag of a list': of((x: Tensor) => tf.diag(x), at([3])),
  'diag of a matrix': of((x: Tensor) => tf.diag(x), at([2, 2])),
  flipLeftRight: of((x: tf.Tensor4D) => tf.image.flipLeftRight(x), at([1, 2, 3, 2])),
  'tile of rank 1': of((x: Tensor) => tf.tile(x, [3]), at([2])),
  'tile of rank 4': of((x: Tensor) => tf.tile(x, [2, 1, 3, 2]), at([2, 1, 2, 2])),
  'tile of rank 5': of((x: Tensor) => tf.tile(x, [1, 2, 1, 2, 1]), at([1, 2, 1, 2, 1])),
  'tile by one': of((x: Tensor) => tf.tile(x, [1, 1]), at([2, 2])),
  'broadcastTo rank 5': of((x: Tensor) => tf.broadcastTo(x, [2, 3, 2, 1, 2]), at([3, 1, 1, 1])),
  reverse: of((x: Tensor) => tf.reverse(x, [0, 1]), at([2, 3])),
};

const ARITHMETIC: Record<string, DifferentiableCase> = {
  cumprod: of((x: Tensor) => tf.cumprod(x, 1), at([2, 5], 1.5)),
  'cumprod, one element': of((x: Tensor) => tf.cumprod(x, 0), at([1])),
  'cumprod with zeros': of((x: Tensor) => tf.cumprod(x), list(2, 0, 3, 0, 1.5)),
  'cumprod, exclusive': of((x: Tensor) => tf.cumprod(x, 0, true), at([4, 2], 1.5)),
  'cumprod, reverse': of((x: Tensor) => tf.cumprod(x, 1, false, true), at([2, 3, 2], 1.5)),
  'cumprod, exclusive and reverse': of((x: Tensor) => tf.cumprod(x, 0, true, true), list(2, 0, 3, -1)),
  'division, broadcast': of((a: Tensor, b: Tensor) => tf.div(a, b), at([2, 1]), at([3], 0.5, 2)),
  'division by a whole number': of((a: Tensor) => tf.div(a, ints([2, 4])), at([3, 2])),
  'divNoNan away from zero': of((a: Tensor, b: Tensor) => tf.divNoNan(a, b), at([2, 3]), list(1, 2, -3)),
  'divNoNan by zero': of((a: Tensor) => tf.divNoNan(a, tf.tensor1d([1, 0, -3])), at([2, 3])),
  'the divNoNan kernel': of((a: Tensor, b: Tensor) => divNoNan(a, b), at([2, 3]), list(1, 2, -3)),
  'a quotient behind where': of(
    (a: Tensor) => tf.where(bools([true, false, true]), tf.div(a, tf.sub(a, 3)), a),
    list(1, 3, 2),
  ),
  'pow with exponent zero at zero': of(
    (x: Tensor) => tf.pow(x, tf.tensor1d([0, 1, 2, 3])),
    () => tf.zeros([4]),
  ),
  'pow of negative numbers': of((x: Tensor) => tf.pow(x, tf.scalar(3)), list(-1.5, -0.5, 2)),
  'pow by a whole number': of((x: Tensor) => tf.pow(x, tf.scalar(2, 'int32')), list(-1.5, -0.5, 2)),
  'pow by the exponent': of((x: Tensor, y: Tensor) => tf.pow(x, y), at([2, 3], 1, 2), at([3])),
  'multiplication by a whole number': of((a: Tensor) => tf.mul(a, ints([2, 4])), at([3, 2])),
};

const LINEAR_ALGEBRA: Record<string, DifferentiableCase> = {
  'r of qr, square': of(
    (x: Tensor) => tf.linalg.qr(x)[1],
    () => tf.tensor2d([2, 0.3, -0.5, 0.4, -1.5, 0.7, 0.2, 0.6, 1.8], [3, 3]),
  ),
  'q of qr, tall': of((x: Tensor) => tf.linalg.qr(x)[0], at([4, 2], 2)),
  'r of qr, wide': of((x: Tensor) => tf.linalg.qr(x)[1], at([2, 4], 2)),
  gramSchmidt: of((x: tf.Tensor2D) => tf.linalg.gramSchmidt(x) as Tensor, at([2, 3], 2)),
};

const boxes = () => tf.tensor2d([0.1, 0.22, 0.83, 0.77, -0.2, 0.12, 0.65, 1.17], [2, 4]);
const crop = (method: 'bilinear' | 'nearest', size: [number, number]): DifferentiableCase =>
  of(
    (image: tf.Tensor4D, where: tf.Tensor2D) =>
      tf.image.cropAndResize(image, where, ints([1, 0]) as tf.Tensor1D, size, method, 0.3),
    at([2, 4, 5, 2]),
    boxes,
  );
const CROPS: Record<string, DifferentiableCase> = {
  'cropAndResize, bilinear': crop('bilinear', [3, 4]),
  'cropAndResize, bilinear, one sample a box': crop('bilinear', [1, 1]),
  'cropAndResize, nearest': crop('nearest', [3, 4]),
};

const complexCase = (fn: (z: Tensor, w: Tensor) => Tensor, shape = [2, 4]): DifferentiableCase =>
  of(
    (a: Tensor, b: Tensor) => {
      const result = fn(tf.complex(a, b), tf.complex(tf.square(b), a));
      return result.dtype === 'complex64' ? tf.add(tf.real(result), tf.mul(2, tf.imag(result))) : result;
    },
    at(shape),
    at(shape, 2, 0.1),
  );
const COMPLEX: Record<string, DifferentiableCase> = {
  complex: complexCase((z) => z),
  'real and imag': complexCase((z, w) => tf.mul(tf.real(z), tf.imag(w))),
  abs: complexCase((z) => tf.abs(z)),
  'sum of a number and its double': complexCase((z) => tf.add(z, tf.add(z, z))),
  product: complexCase((z, w) => tf.mul(tf.mul(z, w), z)),
  'product with a real number': complexCase((z) => tf.mul(z, tf.scalar(3))),
  quotient: complexCase((z, w) => tf.div(z, w)),
  square: complexCase((z) => tf.square(z)),
  difference: complexCase((z, w) => tf.sub(tf.neg(z), w)),
  concat: complexCase((z, w) => tf.concat([z, w], 1)),
  stack: complexCase((z, w) => tf.stack([z, w])),
  slice: complexCase((z) => tf.slice(z, [0, 1], [2, 2])),
  reverse: complexCase((z) => tf.reverse(z, 1)),
  'reshape and transpose': complexCase((z) => tf.transpose(tf.reshape(z, [4, 2]))),
  sum: complexCase((z) => tf.abs(tf.sum(z, 0))),
  matMul: complexCase((z, w) => tf.matMul(z, w, true, false)),
  'matMul, the second factor transposed': complexCase((z, w) => tf.matMul(z, w, false, true)),
  einsum: complexCase((z, w) => tf.einsum('ij,kj->ik', z, w)),
  'a product of fewer axes': complexCase((z, w) => tf.mul(z, tf.slice(w, [0, 0], [1, 4]))),
  fft: complexCase((z) => tf.abs(tf.spectral.fft(z))),
  ifft: complexCase((z) => tf.abs(tf.spectral.ifft(z))),
  'fft of a length that is no power of two': complexCase((z) => tf.spectral.fft(z), [1, 5]),
  rfft: of((x: Tensor) => tf.abs(tf.spectral.rfft(x)), at([2, 6])),
  'rfft, padded': of((x: Tensor) => tf.abs(tf.spectral.rfft(x, 8)), at([2, 6])),
  'rfft, cut': of((x: Tensor) => tf.abs(tf.spectral.rfft(x, 4)), at([2, 6])),
  irfft: complexCase((z) => tf.spectral.irfft(z)),
  'irfft of rfft': of((x: Tensor) => tf.spectral.irfft(tf.spectral.rfft(x)), at([2, 6])),
  stft: of((x: tf.Tensor1D) => tf.abs(tf.signal.stft(x, 4, 2)), at([8])),
};

describe.each(
  Object.entries({
    ...EINSUMS,
    ...GATHERS,
    ...MOVES,
    ...ARITHMETIC,
    ...LINEAR_ALGEBRA,
    ...CROPS,
    ...COMPLEX,
  }),
)('%s', (_, entry) => {
  useTestEngine();

  it('has first- and second-order gradients of its central differences', () => checkBothOrders(entry));
  it('computes them in single precision', () => checkSinglePrecision(entry));
  it('computes them when recorded', () => checkRecorded(entry));
});

describe('unique', () => {
  useTestEngine();

  // As long as the values say: a recording refuses it.
  it('has first- and second-order gradients of its central differences', () => {
    checkBothOrders(of((x: Tensor) => tf.unique(x).values, list(3, 1, 2)));
    checkBothOrders(of((x: Tensor) => tf.unique(x, 1).values, at([2, 3])));
  });
});

describe('points where nothing moves smoothly', () => {
  useTestEngine();
  const gradientOf = (fn: (x: Tensor) => Tensor, x: Tensor): number[] => {
    const { gradients } = valueAndGradients(() => tf.sum(fn(x)), [x]);
    return Array.from(gradients[0]!.dataSync(), (value) => value + 0); // no negative zero
  };

  it('gives a divisor of zero the gradient zero behind divNoNan, and infinity without', () => {
    tf.tidy(() => {
      const b = tf.tensor1d([0, 2]);
      expect(gradientOf((x) => tf.divNoNan(tf.scalar(1), x), b)).toEqual([0, -0.25]);
      expect(gradientOf((x) => tf.div(tf.scalar(1), x), b)).toEqual([-Infinity, -0.25]);
    });
  });

  it('gives a complex zero the gradient zero of its magnitude', () => {
    tf.tidy(() => {
      const parts = (x: Tensor) => tf.abs(tf.complex(x, tf.mul(2, x)));
      expect(gradientOf(parts, tf.tensor1d([0, 1]))).toEqual([0, expect.closeTo(Math.sqrt(5), 5)]);
    });
  });

  it('splits the cotangent among equal elements of unique', () => {
    tf.tidy(() => {
      const gradient = gradientOf((x) => tf.mul(tf.unique(x).values, [6, 3]), tf.tensor1d([5, 7, 5]));
      expect(gradient).toEqual([3, 3, 3]);
    });
  });

  it('gives the boxes of nearest-neighbour cropping no gradient', () => {
    tf.tidy(() => {
      const image = floats([1, 4, 4, 1]) as tf.Tensor4D;
      const where = tf.tensor2d([[0.1, 0.2, 0.8, 0.9]]);
      const gradient = gradientOf(
        (x) => tf.image.cropAndResize(image, x as tf.Tensor2D, tf.tensor1d([0], 'int32'), [2, 2], 'nearest'),
        where,
      );
      expect(gradient).toEqual([0, 0, 0, 0]);
    });
  });

  it('counts each occurrence of a bin once where the result is only whether it occurs', () => {
    tf.tidy(() => {
      const weights = floats([3]);
      const attributes = { size: 3, binaryOutput: true };
      const count = (x: Tensor) => runKernel('DenseBincount', { x: ints([0, 1, 1]), weights: x }, attributes);
      expect(gradientOf(count, weights)).toEqual([0, 0, 0]);
    });
  });
});

describe('a complex tensor to differentiate by', () => {
  useTestEngine();

  it('has the complex gradient d/dx + i d/dy', () => {
    tf.tidy(() => {
      const z = tf.complex([3, 0], [4, 1]);
      const gradient = tf.grad((x: Tensor) => tf.sum(tf.square(tf.abs(x))))(z);
      expect(gradient.dtype).toBe('complex64');
      expect([...tf.real(gradient).dataSync()]).toEqual([expect.closeTo(6, 5), 0]);
      expect([...tf.imag(gradient).dataSync()]).toEqual([expect.closeTo(8, 5), expect.closeTo(2, 5)]);
    });
  });

  it('is passed through by the transformations of Adjoint as by those of tfjs', () => {
    tf.tidy(() => {
      const spectrum = (x: Tensor) => tf.sum(tf.square(tf.abs(tf.spectral.rfft(tf.add(x, tf.mul(x, 2))))));
      const x = floats([1, 6]);
      expect([...grad(spectrum)(x).dataSync()]).toEqual([...tf.grad(spectrum)(x).dataSync()]);
    });
  });

  it('passes a holomorphic function on by the conjugate of its derivative', () => {
    tf.tidy(() => {
      const z = tf.complex([1], [2]);
      const gradient = tf.grad((x: Tensor) => tf.sum(tf.real(tf.square(x))))(z);
      expect([...tf.real(gradient).dataSync(), ...tf.imag(gradient).dataSync()]).toEqual([2, -4]);
    });
  });

  it('is refused, not answered wrongly, by a rule that is not made for it', () => {
    const differentiate = () =>
      tf.tidy(() => tf.grad((x: Tensor) => tf.sum(tf.real(tf.exp(tf.complex(x, x)))))(tf.tensor1d([1])));
    expect(differentiate).toThrow(/GradientError \[complex-gradient\] gradient of kernel "Exp"/);
    tf.dispose(tf.engine().state.activeTape?.flatMap(({ saved }) => saved ?? []) ?? []);
    tf.engine().state.activeTape = null as never;
  });
});
