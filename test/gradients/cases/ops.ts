import { biasAdd } from '../../../src/autodiff/ops/bias-add.js';
import { sumToShape } from '../../../src/autodiff/ops/broadcast-binary.js';
import { divNoNan } from '../../../src/autodiff/ops/division.js';
import { fusedBatchNorm } from '../../../src/autodiff/ops/fused-batch-norm.js';
import { relu } from '../../../src/autodiff/ops/relu.js';
import { sigmoidCrossEntropy } from '../../../src/autodiff/ops/sigmoid-cross-entropy.js';
import { softmaxCrossEntropy, sparseSoftmaxCrossEntropy } from '../../../src/autodiff/ops/softmax-cross-entropy.js';
import { logSoftmax, sigmoid, softmax } from '../../../src/autodiff/ops/softmax.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { bools, floats, ints } from '../../helpers/kernel-case.js';
import type { GradientCase, TensorFunction } from '../gradient-case.js';
import { around } from './kinks.js';

interface Spec {
  readonly inputs: () => Tensor[];
  readonly fn: TensorFunction;
  readonly plain?: TensorFunction | null;
  readonly kink?: () => Tensor[];
}

const matrix = (): Tensor => floats([2, 4], 1.5);
const pair = (): Tensor[] => [matrix(), floats([2, 4], 1, 0.3)];
const fourParts = (): Tensor[] => [...pair(), floats([2, 4], 0.5, 1.2), floats([2, 4], 0.75)];
const complexPair = ([a, b, c, d]: readonly Tensor[]): [Tensor, Tensor] => [tf.complex(a!, b!), tf.complex(c!, d!)];
const image = (): Tensor => floats([2, 5, 5, 2]);
const shares = (): Tensor => tf.tensor2d([0, 1, 0, 0, 0.25, 0.25, 0.5, 0], [2, 4]);
const square = (): Tensor => tf.add(floats([3, 3], 0.5), tf.mul(2, tf.eye(3)));

/** Adjoint's own functions, as layers and losses call them. */
export const OWN_OPS: Readonly<Record<string, Spec>> = {
  biasAdd: {
    inputs: () => [image(), floats([2])],
    fn: (x, bias) => biasAdd(x!, bias!),
    plain: (x, bias) => tf.add(x!, bias!),
  },
  divNoNan: {
    inputs: () => [floats([4]), tf.tensor1d([2, -1.5, -1, 0.5])],
    fn: (a, b) => divNoNan(a!, b!),
    plain: (a, b) => tf.divNoNan(a!, b!),
  },
  fusedBatchNorm: {
    inputs: () => [image(), floats([2], 1, 1.5), floats([2])],
    fn: (x, scale, offset) => fusedBatchNorm({ x: x!, scale: scale!, offset: offset!, epsilon: 1e-3 }).y,
    plain: (x, scale, offset) => {
      const { mean, variance } = tf.moments(x!, [0, 1, 2]);
      const standardised = tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, 1e-3)));
      return tf.add(tf.mul(standardised, scale!), offset!);
    },
  },
  logSoftmax: {
    inputs: () => [matrix()],
    fn: (x) => logSoftmax(x!, 0),
    plain: (x) => tf.transpose(tf.logSoftmax(tf.transpose(x!))),
  },
  relu: { inputs: () => [matrix()], fn: (x) => relu(x!), plain: (x) => tf.relu(x!), kink: around(0) },
  sigmoid: { inputs: () => [matrix()], fn: (x) => sigmoid(x!), plain: (x) => tf.sigmoid(x!) },
  sigmoidCrossEntropy: {
    inputs: () => [matrix(), shares()],
    fn: (x, labels) => sigmoidCrossEntropy(x!, labels!),
    plain: (x, labels) => tf.losses.sigmoidCrossEntropy(labels!, x!, undefined, undefined, tf.Reduction.NONE),
  },
  softmax: {
    inputs: () => [matrix()],
    fn: (x) => softmax(x!, 0),
    plain: (x) => tf.transpose(tf.softmax(tf.transpose(x!))),
  },
  softmaxCrossEntropy: {
    inputs: () => [matrix(), shares()],
    fn: (x, labels) => softmaxCrossEntropy(x!, labels!),
    plain: (x, labels) => tf.losses.softmaxCrossEntropy(labels!, x!, undefined, undefined, tf.Reduction.NONE),
  },
  sumToShape: {
    inputs: () => [floats([2, 3, 4])],
    fn: (x) => sumToShape(x!, [3, 1]),
    plain: (x) => tf.sum(tf.sum(x!, 0), 1, true),
  },
  sparseSoftmaxCrossEntropy: {
    inputs: () => [matrix(), ints([1, 3])],
    fn: (x, labels) => sparseSoftmaxCrossEntropy(x!, labels!),
    plain: (x, labels) => {
      const hot = tf.oneHot(labels as tf.Tensor1D, 4);
      return tf.losses.softmaxCrossEntropy(hot, x!, undefined, undefined, tf.Reduction.NONE);
    },
  },
};

/** Functions of tfjs that are more than one kernel, or have a gradient of their own. */
const TFJS_OPS: Readonly<Record<string, Spec>> = {
  'tf.where(tf.greater)': {
    inputs: () => [matrix()],
    fn: (x) => tf.where(tf.greater(x!, 0), tf.square(x!), tf.mul(x!, 3)),
    kink: around(0),
  },
  'tf.where': {
    inputs: () => [bools([true, false, true, false]), floats([4]), floats([4], 2)],
    fn: (condition, a, b) => tf.where(condition!, a!, b!),
  },
  'tf.divNoNan': {
    inputs: () => [floats([4]), tf.tensor1d([2, -1.5, -1, 0.5])],
    fn: (a, b) => tf.divNoNan(a!, b!),
  },
  'tf.divNoNan, by zeros among others': {
    inputs: () => [floats([4])],
    fn: (a) => tf.divNoNan(a!, tf.tensor1d([2, 0, -1, 0])),
  },
  'tf.logSumExp': { inputs: () => [matrix()], fn: (x) => tf.logSumExp(x!, 1) },
  'tf.logSigmoid': { inputs: () => [matrix()], fn: (x) => tf.logSigmoid(x!) },
  'tf.logSoftmax': { inputs: () => [matrix()], fn: (x) => tf.logSoftmax(x!) },
  'tf.norm': { inputs: () => [matrix()], fn: (x) => tf.norm(x!) },
  'tf.moments': {
    inputs: () => [matrix()],
    fn: (x) => {
      const { mean, variance } = tf.moments(x!, 0);
      return [mean, variance];
    },
  },
  'tf.conv2dTranspose': {
    inputs: () => [floats([1, 3, 3, 2]), floats([2, 2, 3, 2])],
    fn: (x, filter) => tf.conv2dTranspose(x as tf.Tensor4D, filter as tf.Tensor4D, [1, 6, 6, 3], 2, 'same'),
  },
  'tf.separableConv2d': {
    inputs: () => [floats([1, 4, 4, 2]), floats([2, 2, 2, 1]), floats([1, 1, 2, 3])],
    fn: (x, depth, point) =>
      tf.separableConv2d(x as tf.Tensor4D, depth as tf.Tensor4D, point as tf.Tensor4D, 1, 'same'),
  },
  'tf.conv1d': {
    inputs: () => [floats([2, 6, 2]), floats([3, 2, 3])],
    fn: (x, filter) => tf.conv1d(x as tf.Tensor3D, filter as tf.Tensor3D, 1, 'same'),
  },
  'tf.fused.matMul': {
    inputs: () => [floats([2, 3]), floats([3, 4]), floats([4])],
    fn: (a, b, bias) => tf.fused.matMul({ a: a!, b: b!, bias: bias! }),
  },
  'tf.fused.conv2d': {
    inputs: () => [image(), floats([2, 2, 2, 3]), floats([3])],
    fn: (x, filter, bias) =>
      tf.fused.conv2d({ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, strides: 1, pad: 'same', bias: bias! }),
  },
  'tf.fused.depthwiseConv2d': {
    inputs: () => [image(), floats([2, 2, 2, 2]), floats([4])],
    fn: (x, filter, bias) =>
      tf.fused.depthwiseConv2d({
        ...{ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, strides: 1, pad: 'same' as const, bias: bias! },
      }),
  },
  'tf.linalg.qr': { inputs: () => [square()], fn: (x) => tf.linalg.qr(x!) },
  'tf.linalg.gramSchmidt': { inputs: () => [square()], fn: (x) => tf.linalg.gramSchmidt(x as tf.Tensor2D) },
  'tf.spectral.rfft': { inputs: () => [matrix()], fn: (x) => tf.spectral.rfft(x!) },
  'tf.spectral.irfft': {
    inputs: () => [floats([1, 5]), floats([1, 5], 1, 0.5)],
    fn: (real, imag) => tf.spectral.irfft(tf.complex(real!, imag!)),
  },
  'tf.signal.stft': { inputs: () => [floats([12])], fn: (x) => tf.signal.stft(x as tf.Tensor1D, 4, 2, 4) },
  'tf.abs of a spectrum': { inputs: () => [matrix()], fn: (x) => tf.abs(tf.spectral.rfft(x!)) },
  'product of complex numbers': { inputs: fourParts, fn: (...at) => tf.mul(...complexPair(at)) },
  'quotient of complex numbers': { inputs: fourParts, fn: (...at) => tf.div(...complexPair(at)) },
  'sum and difference of complex numbers': {
    inputs: fourParts,
    fn: (...at) => [tf.add(...complexPair(at)), tf.sub(...complexPair(at))],
  },
  'complex numbers turned and joined': {
    inputs: fourParts,
    fn: (...at) => {
      const [z, w] = complexPair(at);
      return tf.concat([tf.transpose(tf.reshape(z, [4, 2])), w], 0);
    },
  },
  'tf.gather': {
    inputs: () => [matrix(), ints([1, 0, 1])],
    fn: (x, indices) => tf.gather(x!, indices as tf.Tensor1D),
  },
  'tf.gatherND': { inputs: () => [matrix(), ints([0, 1, 1, 3], [2, 2])], fn: (x, at) => tf.gatherND(x!, at!) },
  'tf.tensorScatterUpdate': {
    inputs: () => [floats([5]), ints([1, 3], [2, 1]), floats([2])],
    fn: (x, at, updates) => tf.tensorScatterUpdate(x!, at!, updates!),
  },
  'tf.logicalXor gate': {
    inputs: () => [matrix()],
    fn: (x) => tf.mul(x!, tf.cast(tf.logicalXor(tf.greater(x!, 0), tf.less(x!, 1)), 'float32')),
  },
  'tf.meshgrid': { inputs: () => [floats([2]), floats([3])], fn: (x, y) => tf.meshgrid(x!, y!) },
  'tf.basicLSTMCell': {
    inputs: () => [floats([5, 8], 0.5), floats([8], 0.5), floats([1, 3]), floats([1, 2]), floats([1, 2], 1, 0.2)],
    fn: (kernel, bias, x, c, h) =>
      tf.basicLSTMCell(
        tf.scalar(1),
        ...([kernel, bias, x, c, h] as [tf.Tensor2D, tf.Tensor1D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]),
      ),
  },
  'tf.losses.absoluteDifference': {
    inputs: pair,
    fn: (a, b) => tf.losses.absoluteDifference(a!, b!),
    kink: () => [...around(0)(), tf.zeros([3])],
  },
  'tf.losses.computeWeightedLoss': { inputs: pair, fn: (a, b) => tf.losses.computeWeightedLoss(a!, tf.abs(b!)) },
  'tf.losses.cosineDistance': { inputs: pair, fn: (a, b) => tf.losses.cosineDistance(a!, b!, 1) },
  'tf.losses.hingeLoss': {
    inputs: () => [shares(), matrix()],
    fn: (a, b) => tf.losses.hingeLoss(a!, b!),
    kink: () => [tf.ones([3]), ...around(1)()],
  },
  'tf.losses.huberLoss': {
    inputs: pair,
    fn: (a, b) => tf.losses.huberLoss(a!, b!),
    kink: () => [...around(1, -1)(), tf.zeros([6])],
  },
  'tf.losses.logLoss': {
    inputs: () => [shares(), floats([2, 4], 0.4, 0.5)],
    fn: (a, b) => tf.losses.logLoss(a!, b!),
  },
  'tf.losses.meanSquaredError': { inputs: pair, fn: (a, b) => tf.losses.meanSquaredError(a!, b!) },
  'tf.losses.sigmoidCrossEntropy': {
    inputs: () => [shares(), matrix()],
    fn: (a, b) => tf.losses.sigmoidCrossEntropy(a!, b!),
  },
  'tf.losses.softmaxCrossEntropy': {
    inputs: () => [shares(), matrix()],
    fn: (a, b) => tf.losses.softmaxCrossEntropy(a!, b!),
  },
  'swish inside a product': { inputs: () => [matrix()], fn: (x) => tf.mul(x!, tf.sigmoid(x!)) },
  'mish inside a product': { inputs: () => [matrix()], fn: (x) => tf.mul(x!, tf.tanh(tf.softplus(x!))) },
};

export function opCases(): GradientCase[] {
  return Object.entries({ ...OWN_OPS, ...TFJS_OPS }).flatMap(([name, { inputs, fn, plain, kink }]) => {
    const base = { kind: 'op' as const, name, fn, plain };
    const away: GradientCase = { ...base, point: 'away', inputs };
    return kink === undefined ? [away] : [away, { ...base, point: 'near a kink', inputs: kink }];
  });
}
