import { describe, it } from '@jest/globals';
import { runKernel } from '../../../src/autodiff/native-kernel.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { useTestEngine } from '../../helpers/engine.js';
import { floats, ints } from '../../helpers/kernel-case.js';
import {
  checkBothOrders,
  checkRecorded,
  checkSinglePrecision,
  type DifferentiableCase,
} from '../../helpers/second-order.js';

type Image = tf.Tensor4D;
type Volume = tf.Tensor5D;

const of = (fn: (...inputs: never[]) => Tensor, ...inputs: (() => Tensor)[]): DifferentiableCase => ({
  fn: fn as (...inputs: Tensor[]) => Tensor,
  inputs: () => inputs.map((make) => make()),
});
const at =
  (shape: number[], scale = 1, offset = 0) =>
  () =>
    floats(shape, scale, offset);

const image = at([1, 4, 5, 2]);
const volume = at([1, 3, 4, 4, 2]);
const kernel = at([3, 2, 2, 3]);
const logits = at([3, 4], 2);
const labels = at([3, 4], 0.3, 0.5);
const hinges = () => tf.tensor2d([0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1], [3, 4]);

const PADS: [[number, number], [number, number], [number, number], [number, number]] = [
  [0, 0],
  [1, 0],
  [2, 1],
  [0, 0],
];

const CONVOLUTIONS: Record<string, DifferentiableCase> = {
  'conv2d, same': of((x: Image, w: Image) => tf.conv2d(x, w, 1, 'same'), image, kernel),
  'conv2d, valid, strides': of((x: Image, w: Image) => tf.conv2d(x, w, [1, 2], 'valid'), image, kernel),
  'conv2d, a padding for each side': of((x: Image, w: Image) => tf.conv2d(x, w, 1, PADS), image, kernel),
  'conv2d, dilation, same': of((x: Image, w: Image) => tf.conv2d(x, w, 1, 'same', 'NHWC', 2), image, kernel),
  'conv2d, dilation, valid': of(
    (x: Image, w: Image) => tf.conv2d(x, w, 1, 'valid', 'NHWC', [1, 3]),
    at([1, 3, 6, 2]),
    kernel,
  ),
  conv1d: of((x: tf.Tensor3D, w: tf.Tensor3D) => tf.conv1d(x, w, 1, 'same'), at([2, 5, 2]), at([3, 2, 2])),
  conv2dTranspose: of(
    (x: Image, w: Image) => tf.conv2dTranspose(x, w, [1, 7, 10, 3], 2, 'same'),
    at([1, 4, 5, 2]),
    at([3, 3, 3, 2]),
  ),
  depthwiseConv2d: of((x: Image, w: Image) => tf.depthwiseConv2d(x, w, 1, 'same'), image, at([3, 2, 2, 2])),
  'depthwiseConv2d, strides': of((x: Image, w: Image) => tf.depthwiseConv2d(x, w, 2, 'valid'), image, at([2, 2, 2, 2])),
  'depthwiseConv2d, a padding for each side': of(
    (x: Image, w: Image) => tf.depthwiseConv2d(x, w, 1, PADS),
    image,
    at([2, 2, 2, 2]),
  ),
  separableConv2d: of(
    (x: Image, depthwise: Image, pointwise: Image) => tf.separableConv2d(x, depthwise, pointwise, 1, 'same'),
    image,
    at([2, 2, 2, 2]),
    at([1, 1, 4, 3]),
  ),
  'conv3d, same': of((x: Volume, w: Volume) => tf.conv3d(x, w, 1, 'same'), volume, at([2, 2, 2, 2, 2])),
  'conv3d, valid, strides': of(
    (x: Volume, w: Volume) => tf.conv3d(x, w, [1, 2, 2], 'valid'),
    volume,
    at([2, 2, 2, 2, 2]),
  ),
  conv3dTranspose: of(
    (x: Volume, w: Volume) => tf.conv3dTranspose(x, w, [1, 4, 4, 4, 2], 2, 'same'),
    at([1, 2, 2, 2, 3]),
    at([2, 2, 2, 2, 3]),
  ),
  'fused.conv2d': of(
    (x: Image, filter: Image, bias: Tensor) => tf.fused.conv2d({ x, filter, strides: 1, pad: 'same', bias }),
    image,
    kernel,
    at([3]),
  ),
  'fused.depthwiseConv2d': of(
    (x: Image, filter: Image, bias: Tensor) => tf.fused.depthwiseConv2d({ x, filter, strides: 1, pad: 'same', bias }),
    image,
    at([2, 2, 2, 2]),
    at([4]),
  ),
  'fused.matMul': of(
    (a: tf.Tensor2D, b: tf.Tensor2D, bias: Tensor) =>
      tf.fused.matMul({ a, b, transposeB: true, bias, activation: 'relu' }),
    at([2, 3]),
    at([4, 3]),
    at([4]),
  ),
  dilation2d: of((x: Image, w: tf.Tensor3D) => tf.dilation2d(x, w, 1, 'same'), image, at([2, 3, 2])),
  'dilation2d, strides': of((x: Image, w: tf.Tensor3D) => tf.dilation2d(x, w, [2, 1], 'valid'), image, at([2, 3, 2])),
};

const POOLS: Record<string, DifferentiableCase> = {
  maxPool: of((x: Image) => tf.maxPool(x, [2, 3], [2, 1], 'same'), image),
  avgPool: of((x: Image) => tf.avgPool(x, [3, 2], [2, 1], 'same'), image),
  'maxPool, valid': of((x: Image) => tf.maxPool(x, 2, 2, 'valid'), image),
  'avgPool, valid': of((x: Image) => tf.avgPool(x, 2, 1, 'valid'), image),
  'pool, dilation': of((x: Image) => tf.pool(x, 2, 'avg', 'same', 2), image),
  maxPool3d: of((x: Volume) => tf.maxPool3d(x, [2, 2, 3], [1, 2, 2], 'same'), volume),
  avgPool3d: of((x: Volume) => tf.avgPool3d(x, [2, 2, 3], [1, 2, 2], 'same'), volume),
  'maxPool3d, valid': of((x: Volume) => tf.maxPool3d(x, 2, 2, 'valid'), volume),
  'avgPool3d, valid': of((x: Volume) => tf.avgPool3d(x, 2, 1, 'valid'), volume),
};

const RESIZES = Object.fromEntries(
  (['resizeBilinear', 'resizeNearestNeighbor'] as const).flatMap((name) =>
    [
      { align: false, half: false, size: [5, 7] },
      { align: true, half: false, size: [3, 9] },
      { align: false, half: true, size: [7, 3] },
      { align: false, half: true, size: [2, 8] },
    ].map(({ align, half, size }) => [
      `${name}, corners ${align}, half pixels ${half}, to ${size.join(' x ')}`,
      of((x: Image) => tf.image[name](x, size as [number, number], align, half), image),
    ]),
  ),
) as Record<string, DifferentiableCase>;

const NORMALISATIONS: Record<string, DifferentiableCase> = {
  localResponseNormalization: of((x: Image) => tf.localResponseNormalization(x, 1, 1.5, 0.7, 0.4), at([1, 2, 2, 5])),
  batchNorm: of(
    (x: Image, mean: tf.Tensor1D, variance: tf.Tensor1D, offset: tf.Tensor1D, scale: tf.Tensor1D) =>
      tf.batchNorm(x, mean, variance, offset, scale, 0.01),
    image,
    at([2], 0.5),
    at([2], 0.3, 1),
    at([2]),
    at([2], 1, 2),
  ),
  'batchNorm without scale and offset': of(
    (x: Image, mean: tf.Tensor1D, variance: tf.Tensor1D) => tf.batchNorm(x, mean, variance),
    image,
    at([2], 0.5),
    at([2], 0.3, 1),
  ),
  moments: of((x: Tensor) => tf.moments(x, 1).variance, logits),
  logSumExp: of((x: Tensor) => tf.logSumExp(x, 1), logits),
  softmax: of((x: Tensor) => tf.softmax(x), logits),
  logSoftmax: of((x: Tensor) => tf.logSoftmax(x), logits),
  norm: of((x: Tensor) => tf.norm(x, 2, 1), logits),
};

const ELEMENTWISE: Record<string, DifferentiableCase> = {
  elu: of((x: Tensor) => tf.elu(x), logits),
  selu: of((x: Tensor) => tf.selu(x), logits),
  erf: of((x: Tensor) => tf.erf(x), logits),
  softplus: of((x: Tensor) => tf.softplus(x), logits),
  logSigmoid: of((x: Tensor) => tf.logSigmoid(x), logits),
  mish: of((x: Tensor) => tf.mul(x, tf.tanh(tf.softplus(x))), logits),
  relu6: of((x: Tensor) => tf.relu6(x), at([3, 4], 8)),
  leakyRelu: of((x: Tensor) => tf.leakyRelu(x, 0.3), logits),
  prelu: of((x: Tensor, slope: Tensor) => tf.prelu(x, slope), logits, at([4], 0.3, 0.4)),
  'prelu, one slope': of((x: Tensor, slope: Tensor) => tf.prelu(x, slope), logits, at([], 0.3, 0.4)),
  clipByValue: of((x: Tensor) => tf.clipByValue(x, -0.8, 1.1), logits),
  maximum: of((x: Tensor, y: Tensor) => tf.maximum(x, y), logits, at([3, 4], 2, 0.1)),
  'maximum, broadcast': of((x: Tensor, y: Tensor) => tf.maximum(x, y), at([4], 1), at([3, 1], 1, 0.1)),
  'minimum, broadcast': of((x: Tensor, y: Tensor) => tf.minimum(x, y), logits, at([], 0.5)),
  'squaredDifference, broadcast': of((x: Tensor, y: Tensor) => tf.squaredDifference(x, y), at([4]), at([3, 1])),
  'atan2, broadcast': of((x: Tensor, y: Tensor) => tf.atan2(x, y), logits, at([4], 0.5, 1.5)),
  'pow, broadcast': of((x: Tensor, y: Tensor) => tf.pow(x, y), at([3, 4], 1, 2), at([4], 1, 1)),
  'mod, broadcast': of((x: Tensor, y: Tensor) => tf.mod(x, y), at([3, 4], 1, 5.3), at([4], 0.2, 2)),
  'floorDiv, constant between its jumps': of(
    (x: Tensor, y: Tensor) => tf.mul(tf.floorDiv(x, y), x),
    at([4], 3),
    at([4], 0.2, 1.3),
  ),
  where: of((x: Tensor, y: Tensor) => tf.where(tf.greater(x, 0), tf.square(x), tf.mul(x, y)), logits, labels),
};

const REDUCTIONS: Record<string, DifferentiableCase> = {
  prod: of((x: Tensor) => tf.prod(x, 1), logits),
  'prod of all': of((x: Tensor) => tf.prod(x), at([2, 3])),
  'prod along the first and last axis': of((x: Tensor) => tf.prod(x, [0, 2]), at([2, 3, 2])),
  'prod with its axes kept': of((x: Tensor) => tf.prod(x, [0], true), at([3, 2])),
  'prod with a factor of zero': of(
    (x: Tensor) => tf.prod(x, 1),
    () => tf.tensor2d([0, 2, 3, 1, 0, 0, 0, 0, 5], [3, 3]),
  ),
  max: of((x: Tensor) => tf.max(x, 1), logits),
  'min of all': of((x: Tensor) => tf.min(x), logits),
  cumsum: of((x: Tensor) => tf.cumsum(x, 1), logits),
  'cumsum, first axis, exclusive and reverse': of((x: Tensor) => tf.cumsum(x, 0, true, true), logits),
  'cumsum, middle axis': of((x: Tensor) => tf.cumsum(x, 1, true), at([2, 3, 2])),
};

const PRODUCTS: Record<string, DifferentiableCase> = {
  'matMul, both transposed': of((a: Tensor, b: Tensor) => tf.matMul(a, b, true, true), at([3, 2]), at([4, 3])),
  'matMul, first transposed': of((a: Tensor, b: Tensor) => tf.matMul(a, b, true, false), at([3, 2]), at([3, 4])),
  'matMul, second transposed': of((a: Tensor, b: Tensor) => tf.matMul(a, b, false, true), at([2, 3]), at([4, 3])),
  'matMul of a stack and a matrix': of((a: Tensor, b: Tensor) => tf.matMul(a, b), at([2, 2, 3]), at([3, 4])),
  'matMul of stacks, one repeated': of(
    (a: Tensor, b: Tensor) => tf.matMul(a, b, true, true),
    at([1, 3, 2]),
    at([2, 4, 3]),
  ),
};

const LISTS: Record<string, DifferentiableCase> = {
  'unstack to one': of((x: Tensor) => tf.unstack(x)[0]!, at([1, 3])),
  'split to one': of((x: Tensor) => tf.split(x, 1)[0]!, at([2, 3])),
  'split to two, one of them used': of((x: Tensor) => tf.split(x, [1, 2], 1)[1]!, at([2, 3])),
  'linalg.bandPart': of((x: Tensor) => tf.linalg.bandPart(x, 1, 0), at([3, 3])),
};

const LOSSES: Record<string, DifferentiableCase> = {
  absoluteDifference: of((y: Tensor, p: Tensor) => tf.losses.absoluteDifference(y, p), labels, logits),
  'absoluteDifference, weighted': of(
    (y: Tensor, p: Tensor, w: Tensor) => tf.losses.absoluteDifference(y, p, w),
    labels,
    logits,
    at([3, 1], 0.5, 1),
  ),
  cosineDistance: of((y: Tensor, p: Tensor) => tf.losses.cosineDistance(y, p, 1), labels, logits),
  hingeLoss: of((p: Tensor) => tf.losses.hingeLoss(hinges(), p), logits),
  huberLoss: of((y: Tensor, p: Tensor) => tf.losses.huberLoss(y, p, undefined, 0.9), labels, logits),
  logLoss: of((y: Tensor, p: Tensor) => tf.losses.logLoss(y, p), labels, at([3, 4], 0.4, 0.5)),
  meanSquaredError: of((y: Tensor, p: Tensor) => tf.losses.meanSquaredError(y, p), labels, logits),
  'meanSquaredError, weighted': of(
    (y: Tensor, p: Tensor, w: Tensor) => tf.losses.meanSquaredError(y, p, w, tf.Reduction.MEAN),
    labels,
    logits,
    at([3, 1], 0.5, 1),
  ),
  sigmoidCrossEntropy: of((y: Tensor, x: Tensor) => tf.losses.sigmoidCrossEntropy(y, x), labels, logits),
  'sigmoidCrossEntropy, smooth': of(
    (y: Tensor, x: Tensor) => tf.losses.sigmoidCrossEntropy(y, x, undefined, 0.2),
    labels,
    logits,
  ),
  'sigmoidCrossEntropy at logit zero': of(
    (x: Tensor) => tf.losses.sigmoidCrossEntropy(hinges(), x),
    () => tf.zeros([3, 4]),
  ),
  softmaxCrossEntropy: of((y: Tensor, x: Tensor) => tf.losses.softmaxCrossEntropy(y, x), labels, logits),
  'softmaxCrossEntropy, smooth and weighted': of(
    (y: Tensor, x: Tensor, w: Tensor) => tf.losses.softmaxCrossEntropy(y, x, w, 0.2),
    labels,
    logits,
    at([3], 0.5, 1),
  ),
};

const fused = (name: string, activation: string, attributes: object) => (x: Tensor, filter: Tensor, bias: Tensor) =>
  runKernel(
    name,
    { [name === '_FusedMatMul' ? 'a' : 'x']: x, [name === '_FusedMatMul' ? 'b' : 'filter']: filter, bias },
    {
      ...attributes,
      activation,
    },
  );
const window = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] };

const KERNELS: Record<string, DifferentiableCase> = {
  FusedConv2D: of(fused('FusedConv2D', 'elu', window), image, kernel, at([3])),
  FusedDepthwiseConv2D: of(fused('FusedDepthwiseConv2D', 'relu6', window), image, at([2, 2, 2, 2]), at([4])),
  _FusedMatMul: of(
    fused('_FusedMatMul', 'sigmoid', { transposeA: false, transposeB: false }),
    at([2, 3]),
    at([3, 4]),
    at([4]),
  ),
  '_FusedMatMul with slopes': of(
    (a: Tensor, b: Tensor, preluActivationWeights: Tensor) =>
      runKernel(
        '_FusedMatMul',
        { a, b, preluActivationWeights },
        { transposeA: true, transposeB: false, activation: 'prelu' },
      ),
    at([3, 2]),
    at([3, 4]),
    at([4]),
  ),
  'a gather beside a convolution': of(
    (x: Image, w: Image, index: tf.Tensor1D) => tf.gather(tf.conv2d(x, w, 1, 'same'), index, 3),
    image,
    kernel,
    () => ints([2, 0]),
  ),
};

describe.each([
  ['convolutions', CONVOLUTIONS],
  ['pooling', POOLS],
  ['resizing', RESIZES],
  ['normalisation', NORMALISATIONS],
  ['elementwise', ELEMENTWISE],
  ['reductions and scans', REDUCTIONS],
  ['products', PRODUCTS],
  ['lists of one', LISTS],
  ['losses of tfjs', LOSSES],
  ['fused kernels', KERNELS],
])('second order: %s', (_, cases) => {
  useTestEngine();

  describe.each(Object.entries(cases))('%s', (_, entry) => {
    it('has the gradients of its central differences, and their gradients, in float64', () => checkBothOrders(entry));
    it('has the same in float32', () => checkSinglePrecision(entry));
    it('has the same once recorded', () => checkRecorded(entry));
  });
});

describe('third order', () => {
  useTestEngine();

  const gradientOf =
    ({ fn }: DifferentiableCase) =>
    (...inputs: Tensor[]): Tensor =>
      tf.addN(
        tf
          .grads((...x: Tensor[]) => tf.sum(tf.mul(fn(...x), tf.square(fn(...x)))))(inputs)
          .map((g) => tf.sum(tf.square(g))),
      );

  it.each([
    ['conv2d', CONVOLUTIONS['conv2d, valid, strides']!],
    ['conv2d, dilation', CONVOLUTIONS['conv2d, dilation, valid']!],
    ['dilation2d', CONVOLUTIONS['dilation2d, strides']!],
    ['maxPool', POOLS['maxPool']!],
    ['avgPool3d', POOLS['avgPool3d, valid']!],
    ['localResponseNormalization', NORMALISATIONS['localResponseNormalization']!],
    ['selu', ELEMENTWISE['selu']!],
    ['prod', REDUCTIONS['prod']!],
  ])('%s', (_, entry) => checkBothOrders({ ...entry, fn: gradientOf(entry) }));
});
