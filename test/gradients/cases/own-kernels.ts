import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { floats, ints } from '../../helpers/kernel-case.js';
import { KERNEL_CASES } from '../../helpers/kernel-cases.js';
import type { GradientCase, TensorFunction } from '../gradient-case.js';
import { cropAndResize, maxPool3d, pullBack } from '../references.js';
import { run } from './kernels.js';

interface Spec {
  readonly inputs: () => Tensor[];
  readonly fn: TensorFunction;
  readonly reference?: TensorFunction;
}

const matrix = (): Tensor => floats([2, 4], 1.5);
const shares = (): Tensor => tf.tensor2d([0, 1, 0, 0, 0.25, 0.25, 0.5, 0], [2, 4]);

const normInputs = (): Tensor[] => [floats([2, 3, 3, 2]), floats([2], 1, 1.5), floats([2])];
const EPSILON = { epsilon: 2 ** -10 };

const normalize: TensorFunction = (x, scale, offset) => {
  const count = x!.size / x!.shape[3]!;
  const mean = tf.mean(x!, [0, 1, 2]);
  const variance = tf.mean(tf.square(tf.sub(x!, mean)), [0, 1, 2]);
  const y = tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, EPSILON.epsilon)));
  return [tf.add(tf.mul(y, scale!), offset!), mean, tf.div(tf.mul(variance, count), count - 1)];
};

const crop = { cropSize: [3, 4], method: 'bilinear', extrapolationValue: 0, imageShape: [2, 5, 6, 1] };
const cropped = (): Tensor => floats([1, 3, 4, 1], 1, 0.2);
/** No sample falls on a pixel. */
const box = (): Tensor => tf.tensor2d([[0.1, 0.25, 0.85, 0.82]]);
const slices = {
  ...{ begin: [0, 4], end: [4, 0], strides: [2, -2], shape: [4, 5] },
  ...{ beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 },
};
const mirrored = {
  mode: 'reflect',
  paddings: [
    [1, 0],
    [2, 1],
  ],
};
const dilation = { strides: [1, 1], pad: 'same', dilations: [1, 1] };
const pool = { filterSize: [2, 2], strides: [2, 2], pad: 'same' };
const pool3d = { filterSize: [2, 2, 2], strides: [2, 2, 2], pad: 'valid', dataFormat: 'NDHWC' };

/** Takes from a tensor where the maxima of another's windows lie. */
const takeFromMaxima =
  (kernel: string, forward: string, attributes: object): TensorFunction =>
  (cotangent, input) => {
    const output = run(forward, { x: input! }, attributes) as Tensor;
    return run(kernel, { cotangent: cotangent!, input: input!, output }, attributes);
  };

/** Kernels that Adjoint adds to tfjs's registry. An input that is another kernel's result is computed from it. */
const SPECS: Readonly<Record<string, Spec>> = {
  BiasAdd: {
    inputs: () => [matrix(), floats([4])],
    fn: (value, bias) => run('BiasAdd', { value: value!, bias: bias! }),
  },
  BiasAddGrad: { inputs: () => [matrix()], fn: (cotangent) => run('BiasAddGrad', { cotangent: cotangent! }) },
  CropAndResizeGradBoxes: {
    inputs: () => [cropped(), floats([2, 5, 6, 1]), box(), ints([1])],
    fn: (cotangent, image, boxes, boxInd) =>
      run('CropAndResizeGradBoxes', { cotangent: cotangent!, image: image!, boxes: boxes!, boxInd: boxInd! }),
    reference: (cotangent, image, boxes, boxInd) =>
      tf.grad((at: Tensor) => cropAndResize(image!, at, boxInd!, [3, 4]))(boxes!, cotangent!),
  },
  CropAndResizeGradImage: {
    inputs: () => [cropped(), box(), ints([1])],
    fn: (cotangent, boxes, boxInd) =>
      run('CropAndResizeGradImage', { cotangent: cotangent!, boxes: boxes!, boxInd: boxInd! }, crop),
    reference: (cotangent, boxes, boxInd) =>
      tf.grad((at: Tensor) => cropAndResize(at, boxes!, boxInd!, [3, 4]))(tf.zeros(crop.imageShape), cotangent!),
  },
  DiagPart: { inputs: () => [floats([3, 3])], fn: (x) => run('DiagPart', { x: x! }) },
  Dilation2DTakeFilter: {
    inputs: () => [floats([1, 3, 3, 2]), floats([2, 2, 2]), floats([2, 2, 2], 1, 0.3)],
    fn: (x, filter, values) => run('Dilation2DTakeFilter', { x: x!, filter: filter!, values: values! }, dilation),
  },
  Dilation2DTakeInput: {
    inputs: () => [floats([1, 3, 3, 2]), floats([2, 2, 2]), floats([1, 3, 3, 2], 1, 0.3)],
    fn: (x, filter, values) => run('Dilation2DTakeInput', { x: x!, filter: filter!, values: values! }, dilation),
  },
  DivNoNan: {
    inputs: () => [floats([4]), tf.tensor1d([2, -1.5, -1, 0.5])],
    fn: (a, b) => run('DivNoNan', { a: a!, b: b! }),
  },
  SpaceToDepth: {
    inputs: () => [floats([1, 4, 2, 2])],
    fn: (x) => run('SpaceToDepth', { x: x! }, { blockSize: 2, dataFormat: 'NHWC' }),
  },
  StridedSliceGrad: {
    inputs: () => [floats([2, 2])],
    fn: (cotangent) => run('StridedSliceGrad', { cotangent: cotangent! }, slices),
  },
  Xdivy: { inputs: () => [floats([2, 3]), floats([3], 1, 2)], fn: (x, y) => run('Xdivy', { x: x!, y: y! }) },
  FusedBatchNormV3: {
    inputs: normInputs,
    fn: (x, scale, offset) =>
      (run('FusedBatchNormV3', { x: x!, scale: scale!, offset: offset! }, EPSILON) as Tensor[]).slice(0, 3),
    reference: normalize,
  },
  FusedBatchNormGradV3: {
    inputs: () => [floats([2, 3, 3, 2], 1, 0.2), floats([2, 3, 3, 2], 0.25), floats([2], 1, 1.5)],
    fn: (cotangent, x, scale) => {
      const forward = { x: x!, scale: scale!, offset: tf.zerosLike(scale!) };
      const [, , , reserve1, reserve2, reserve3] = run('FusedBatchNormV3', forward, EPSILON) as Tensor[];
      const reserves = { reserve1: reserve1!, reserve2: reserve2!, reserve3: reserve3! };
      return run('FusedBatchNormGradV3', { cotangent: cotangent!, x: x!, scale: scale!, ...reserves }, EPSILON);
    },
    reference: (cotangent, x, scale) =>
      tf.grads((...at: Tensor[]) => (normalize(...at) as Tensor[])[0]!)([x!, scale!, tf.zerosLike(scale!)], cotangent!),
  },
  LogSoftmax: { inputs: () => [matrix()], fn: (logits) => run('LogSoftmax', { logits: logits! }, { axis: 1 }) },
  MaxPool3DGradGrad: {
    inputs: () => [floats([1, 2, 4, 4, 1], 1, 0.3), floats([1, 2, 4, 4, 1])],
    fn: takeFromMaxima('MaxPool3DGradGrad', 'MaxPool3D', pool3d),
    reference: (cotangent, input) => {
      // The kernel is linear in the cotangent and the adjoint of MaxPool3DGrad.
      const [dy, x] = [tf.zeros([1, 1, 2, 2, 1]), input!];
      return tf.grad((at: Tensor) => tf.sum(tf.mul(pullBack(maxPool3d)(x, at), cotangent!)))(dy);
    },
  },
  MaxPoolGradGrad: {
    inputs: () => [floats([1, 4, 4, 2], 1, 0.3), floats([1, 4, 4, 2])],
    fn: takeFromMaxima('MaxPoolGradGrad', 'MaxPool', pool),
  },
  MirrorPadGrad: {
    inputs: () => [floats([3, 6])],
    fn: (cotangent) => run('MirrorPadGrad', { cotangent: cotangent! }, mirrored),
  },
  ProductOfOthers: { inputs: () => [matrix()], fn: (x) => run('ProductOfOthers', { x: x! }) },
  ReluGrad: {
    inputs: () => [matrix(), floats([2, 4], 1, 0.25)],
    fn: (cotangent, x) => run('ReluGrad', { cotangent: cotangent!, output: run('Relu', { x: x! }) as Tensor }),
  },
  SeluGrad: {
    inputs: () => [matrix(), floats([2, 4], 1, 0.25)],
    fn: (cotangent, x) => run('SeluGrad', { cotangent: cotangent!, output: run('Selu', { x: x! }) as Tensor }),
  },
  SigmoidGrad: {
    inputs: () => [matrix(), floats([2, 4], 1, 0.25)],
    fn: (cotangent, x) => run('SigmoidGrad', { cotangent: cotangent!, output: run('Sigmoid', { x: x! }) as Tensor }),
  },
  TanhGrad: {
    inputs: () => [matrix(), floats([2, 4], 1, 0.25)],
    fn: (cotangent, x) => run('TanhGrad', { cotangent: cotangent!, output: run('Tanh', { x: x! }) as Tensor }),
  },
  SoftmaxCrossEntropyWithLogits: {
    inputs: () => [matrix(), shares()],
    fn: (logits, labels) => run('SoftmaxCrossEntropyWithLogits', { logits: logits!, labels: labels! }),
  },
  SparseSoftmaxCrossEntropyWithLogits: {
    inputs: () => [matrix(), ints([1, 3])],
    fn: (logits, labels) => run('SparseSoftmaxCrossEntropyWithLogits', { logits: logits!, labels: labels! }),
  },
};

/** Names of the kernels that Adjoint added. */
export function ownKernelNames(): string[] {
  return tf
    .getKernelsForBackend('tensorflow')
    .map(({ kernelName }) => kernelName)
    .filter((name) => !(name in KERNEL_CASES));
}

export function ownKernelsWithoutCase(): string[] {
  return ownKernelNames().filter((name) => !(name in SPECS));
}

export function ownKernelCases(): GradientCase[] {
  return ownKernelNames()
    .filter((name) => name in SPECS)
    .map((name) => ({ kind: 'own kernel', name, point: 'away', plain: null, ...SPECS[name]! }));
}
