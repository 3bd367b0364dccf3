import assert from 'node:assert/strict';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { expectClose, floats, ints, type KernelCase, type KernelInputs } from './kernel-case.js';

const conv = { strides: [1, 2], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] };
const depthwise = { strides: [2, 2], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] };
const conv3d = { strides: [1, 1, 1], pad: 'same', dataFormat: 'NDHWC', dilations: [1, 1, 1] };
const pool = { filterSize: [2, 2], strides: [2, 2], pad: 'same' };
const pool3d = { filterSize: [2, 2, 2], strides: [2, 2, 2], pad: 'valid', dataFormat: 'NDHWC' };
const dilation = { strides: [1, 1], pad: 'same', dilations: [1, 1] };
const image = (): Tensor => floats([2, 5, 6, 3]);
const volume = (): Tensor => floats([1, 4, 4, 4, 2]);
const boxes = (): Tensor =>
  tf.tensor2d([
    [0, 0, 1, 1],
    [0, 0.05, 1, 1.05],
    [0, 2, 1, 3],
  ]);
const suppression = (more: object = {}): KernelCase => ({
  inputs: () => ({ boxes: boxes(), scores: tf.tensor1d([0.9, 0.8, 0.7]) }),
  attributes: { maxOutputSize: 3, iouThreshold: 0.5, scoreThreshold: 0.1, ...more },
});
const resize = (more: object): KernelCase => ({
  inputs: () => ({ images: floats([1, 3, 4, 2]) }),
  attributes: { alignCorners: false, halfPixelCenters: true, size: [5, 6], ...more },
});
const resizeGrad: KernelCase = {
  inputs: () => ({ images: floats([1, 3, 4, 2]), dy: floats([1, 6, 8, 2]) }),
  attributes: { alignCorners: false },
};
const normalization = { depthRadius: 2, bias: 1, alpha: 0.5, beta: 0.75 };

function poolGradient(kernel: string, input: () => Tensor, attributes: object, withOutput: boolean): KernelCase {
  return {
    inputs: (): KernelInputs => {
      const x = input();
      const output = tf.engine().runKernel(kernel, { x }, { ...attributes }) as Tensor;
      const dy = floats(output.shape, 1, 0.3);
      return withOutput ? { dy, input: x, output } : { dy, input: x };
    },
    attributes,
  };
}

/** Of a linear map: the product of its result with dy is that of its input with the gradient. */
function expectAdjoint(y: Tensor, dy: Tensor, x: Tensor, gradient: Tensor): void {
  assert.deepEqual([...gradient.shape], [...x.shape]);
  expectClose(x.mul(gradient).sum(), [y.mul(dy).sum().dataSync()[0]!]);
}

/** Convolutions, pooling, normalization and what else works on images and volumes, by name. */
export const IMAGE_KERNEL_CASES: Readonly<Record<string, KernelCase>> = {
  AvgPool: { inputs: () => ({ x: image() }), attributes: pool },
  AvgPool3D: { inputs: () => ({ x: volume() }), attributes: pool3d },
  AvgPool3DGrad: poolGradient('AvgPool3D', volume, pool3d, false),
  AvgPoolGrad: {
    ...poolGradient('AvgPool', image, pool, false),
    differs: {
      reason: 'at a padded border the JavaScript backend divides by the whole window, its own forward pass does not',
      check: ([gradient]) => {
        const x = image();
        const y = tf.engine().runKernel('AvgPool', { x }, { ...pool }) as Tensor;
        expectAdjoint(y, floats(y.shape, 1, 0.3), x, gradient!);
      },
    },
  },
  BatchToSpaceND: {
    inputs: () => ({ x: floats([4, 2, 2, 1]) }),
    attributes: {
      blockShape: [2, 2],
      crops: [
        [0, 1],
        [0, 0],
      ],
    },
  },
  Conv2D: { inputs: () => ({ x: image(), filter: floats([3, 2, 3, 4]) }), attributes: conv },
  Conv2DBackpropFilter: {
    inputs: () => ({ x: image(), dy: floats([2, 5, 3, 4]) }),
    attributes: { ...conv, filterShape: [3, 2, 3, 4] },
  },
  Conv2DBackpropInput: {
    inputs: () => ({ dy: floats([2, 5, 3, 4]), filter: floats([3, 2, 3, 4]) }),
    attributes: { ...conv, inputShape: [2, 5, 6, 3] },
  },
  Conv3D: { inputs: () => ({ x: volume(), filter: floats([2, 2, 2, 2, 3]) }), attributes: conv3d },
  Conv3DBackpropFilterV2: {
    inputs: () => ({ x: volume(), dy: floats([1, 4, 4, 4, 3]) }),
    attributes: { strides: [1, 1, 1], pad: 'same', filterShape: [2, 2, 2, 2, 3] },
  },
  Conv3DBackpropInputV2: {
    inputs: () => ({ dy: floats([1, 4, 4, 4, 3]), filter: floats([2, 2, 2, 2, 3]) }),
    attributes: { strides: [1, 1, 1], pad: 'same', inputShape: [1, 4, 4, 4, 2] },
  },
  CropAndResize: {
    inputs: () => ({ image: image(), boxes: tf.tensor2d([[0.1, 0.2, 0.9, 0.8]]), boxInd: ints([1]) }),
    attributes: { cropSize: [3, 4], method: 'bilinear', extrapolationValue: 0 },
  },
  DepthToSpace: { inputs: () => ({ x: floats([1, 2, 3, 8]) }), attributes: { blockSize: 2, dataFormat: 'NHWC' } },
  DepthwiseConv2dNative: { inputs: () => ({ x: image(), filter: floats([3, 2, 3, 2]) }), attributes: depthwise },
  DepthwiseConv2dNativeBackpropFilter: {
    inputs: () => ({ x: image(), dy: floats([2, 3, 3, 6]) }),
    attributes: { ...depthwise, filterShape: [3, 2, 3, 2] },
  },
  DepthwiseConv2dNativeBackpropInput: {
    inputs: () => ({ dy: floats([2, 3, 3, 6]), filter: floats([3, 2, 3, 2]) }),
    attributes: { ...depthwise, inputShape: [2, 5, 6, 3] },
  },
  Dilation2D: { inputs: () => ({ x: image(), filter: floats([2, 2, 3]) }), attributes: dilation },
  Dilation2DBackpropFilter: {
    inputs: () => ({ x: image(), filter: floats([2, 2, 3]), dy: floats([2, 5, 6, 3], 1, 0.4) }),
    attributes: dilation,
  },
  Dilation2DBackpropInput: {
    inputs: () => ({ x: image(), filter: floats([2, 2, 3]), dy: floats([2, 5, 6, 3], 1, 0.4) }),
    attributes: dilation,
  },
  FlipLeftRight: { inputs: () => ({ image: image() }) },
  FusedBatchNorm: {
    inputs: () => ({
      ...{ x: image(), scale: floats([3], 1, 2), offset: floats([3]), mean: floats([3], 0.1) },
      variance: floats([3], 0.1, 1),
    }),
    attributes: { varianceEpsilon: 0.01 },
  },
  FusedConv2D: {
    inputs: () => ({ x: image(), filter: floats([3, 2, 3, 4]), bias: floats([4]) }),
    attributes: { ...conv, activation: 'relu' },
  },
  FusedDepthwiseConv2D: {
    inputs: () => ({ x: image(), filter: floats([3, 2, 3, 2]), bias: floats([6]) }),
    attributes: { ...depthwise, activation: 'relu6' },
  },
  LRN: { inputs: () => ({ x: image() }), attributes: normalization },
  LRNGrad: {
    inputs: () => {
      const x = image();
      const y = tf.engine().runKernel('LRN', { x }, { ...normalization }) as Tensor;
      return { x, y, dy: floats([2, 5, 6, 3], 1, 0.2) };
    },
    attributes: normalization,
  },
  MaxPool: { inputs: () => ({ x: image() }), attributes: pool },
  MaxPool3D: { inputs: () => ({ x: volume() }), attributes: pool3d },
  MaxPool3DGrad: poolGradient('MaxPool3D', volume, pool3d, true),
  MaxPoolGrad: poolGradient('MaxPool', image, pool, true),
  NonMaxSuppressionV3: suppression(),
  NonMaxSuppressionV4: suppression({ padToMaxOutputSize: true }),
  NonMaxSuppressionV5: {
    ...suppression({ softNmsSigma: 0.5 }),
    differs: {
      reason: 'since 2.4 TensorFlow keeps, under soft suppression, a box that overlaps more than iouThreshold',
      check: ([indices, scores]) => {
        const overlap = 0.95 / 1.05;
        expectClose(indices!, [0, 2, 1]);
        expectClose(scores!, [0.9, 0.7, 0.8 * Math.exp(-overlap * overlap)]);
      },
    },
  },
  ResizeBilinear: resize({}),
  ResizeBilinearGrad: {
    ...resizeGrad,
    differs: {
      reason: 'the JavaScript backend gives the shape with height and width exchanged',
      check: ([gradient]) => {
        const { images, dy } = resizeGrad.inputs!() as Record<string, Tensor>;
        const attributes = { alignCorners: false, halfPixelCenters: false, size: [6, 8] };
        const y = tf.engine().runKernel('ResizeBilinear', { images: images! }, attributes) as Tensor;
        expectAdjoint(y, dy!, images!, gradient!);
      },
    },
  },
  ResizeNearestNeighbor: resize({}),
  ResizeNearestNeighborGrad: resizeGrad,
  SpaceToBatchND: {
    inputs: () => ({ x: floats([1, 3, 4, 1]) }),
    attributes: {
      blockShape: [2, 2],
      paddings: [
        [1, 0],
        [0, 0],
      ],
    },
  },
};
