import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { IMAGE_KERNEL_CASES } from './image-kernel-cases.js';
import { bools, expectClose, floats, ints, type KernelCase } from './kernel-case.js';

const complex = (): Tensor => tf.complex(floats([2, 4]), floats([2, 4], 1, 0.5));

const unary = (scale = 2, offset = 0, attributes?: object): KernelCase => ({
  inputs: () => ({ x: floats([2, 3], scale, offset) }),
  ...(attributes === undefined ? {} : { attributes }),
});
const binary = (offset = 0): KernelCase => ({
  inputs: () => ({ a: floats([2, 3], 2, offset), b: floats([3], 1, offset + 0.25) }),
});
const wholeNumbers: KernelCase = {
  inputs: () => ({ a: ints([1, 2, 3, -4]), b: ints([1, 3, 3, 3]) }),
};
const logical: KernelCase = {
  inputs: () => ({ a: bools([true, true, false, false]), b: bools([true, false, true, false]) }),
};
const reduction: KernelCase = { inputs: () => ({ x: floats([2, 3, 2]) }), attributes: { axis: [1], keepDims: false } };
const indexOf: KernelCase = { inputs: () => ({ x: floats([3, 4]) }), attributes: { axis: 1 } };
const scan = { axis: 1, exclusive: true, reverse: true };

/** Every kernel of the TensorFlow backend, by name. */
export const KERNEL_CASES: Readonly<Record<string, KernelCase>> = {
  ...IMAGE_KERNEL_CASES,
  Abs: unary(),
  Acos: unary(0.9),
  Acosh: unary(1, 2.5),
  Add: binary(),
  AddN: { inputs: () => [floats([2, 2]), floats([2, 2], 2), floats([2, 2], 3)] },
  All: { inputs: () => ({ x: bools([true, false, true]) }), attributes: { axis: [0], keepDims: true } },
  Any: { inputs: () => ({ x: bools([true, false, true]) }), attributes: { axis: [0], keepDims: false } },
  ArgMax: indexOf,
  ArgMin: indexOf,
  Asin: unary(0.9),
  Asinh: unary(),
  Atan: unary(),
  Atan2: { inputs: () => ({ a: floats([4], 2), b: floats([4], 1, 0.1) }) },
  Atanh: unary(0.9),
  BatchMatMul: {
    inputs: () => ({ a: floats([2, 3, 4]), b: floats([2, 5, 4]) }),
    attributes: { transposeA: false, transposeB: true },
  },
  Bincount: { inputs: () => ({ x: ints([1, 2, 1, 3]), weights: floats([4]) }), attributes: { size: 4 } },
  BroadcastArgs: { inputs: () => ({ s0: ints([2, 1]), s1: ints([3]) }) },
  Cast: { inputs: () => ({ x: floats([5], 3) }), attributes: { dtype: 'int32' } },
  Ceil: unary(),
  ClipByValue: unary(2, 0, { clipValueMin: -0.5, clipValueMax: 1 }),
  Complex: { inputs: () => ({ real: floats([3]), imag: floats([3], 2) }) },
  ComplexAbs: { inputs: () => ({ x: complex() }) },
  Concat: { inputs: () => [floats([2, 1]), floats([2, 3])], attributes: { axis: 1 } },
  Cos: unary(),
  Cosh: unary(),
  Cumprod: { inputs: () => ({ x: floats([2, 4]) }), attributes: scan },
  Cumsum: { inputs: () => ({ x: floats([2, 4]) }), attributes: scan },
  DenseBincount: {
    inputs: () => ({ x: ints([0, 1, 1, 1], [2, 2]), weights: floats([2, 2]) }),
    attributes: { size: 3, binaryOutput: false },
  },
  Diag: { inputs: () => ({ x: floats([3]) }) },
  Einsum: { inputs: () => [floats([2, 3]), floats([3, 4])], attributes: { equation: 'ij,jk->ik' } },
  Elu: unary(),
  EluGrad: { inputs: () => ({ dy: floats([6]), y: floats([6], 0.9, 0.1) }) },
  Equal: wholeNumbers,
  Erf: unary(),
  Exp: unary(),
  ExpandDims: { inputs: () => ({ input: floats([2, 3]) }), attributes: { dim: 1 } },
  Expm1: unary(),
  FFT: { inputs: () => ({ input: complex() }) },
  Fill: { attributes: { shape: [2, 2], value: 0.5, dtype: 'float32' } },
  Floor: unary(),
  FloorDiv: { inputs: () => ({ a: ints([7, -7, 8]), b: ints([2, 2, -3]) }) },
  GatherNd: { inputs: () => ({ params: floats([3, 4]), indices: ints([2, 1, 0, 3], [2, 2]) }) },
  GatherV2: {
    inputs: () => ({ x: floats([3, 4]), indices: ints([3, 0, 3]) }),
    attributes: { axis: 1, batchDims: 0 },
  },
  Greater: wholeNumbers,
  GreaterEqual: wholeNumbers,
  IFFT: { inputs: () => ({ input: complex() }) },
  Identity: unary(),
  Imag: { inputs: () => ({ input: complex() }) },
  IsFinite: { inputs: () => ({ x: tf.tensor1d([1, NaN, Infinity]) }) },
  IsInf: { inputs: () => ({ x: tf.tensor1d([1, NaN, -Infinity]) }) },
  IsNan: { inputs: () => ({ x: tf.tensor1d([1, NaN, Infinity]) }) },
  LeakyRelu: unary(2, 0, { alpha: 0.3 }),
  Less: wholeNumbers,
  LessEqual: wholeNumbers,
  LinSpace: { attributes: { start: -1, stop: 2, num: 7 } },
  Log: unary(1, 1.5),
  Log1p: unary(0.9),
  LogicalAnd: logical,
  LogicalNot: { inputs: () => ({ x: bools([true, false]) }) },
  LogicalOr: logical,
  Max: { inputs: () => ({ x: floats([2, 3, 2]) }), attributes: { reductionIndices: [1], axis: [1], keepDims: false } },
  Maximum: binary(),
  Mean: reduction,
  Min: reduction,
  Minimum: binary(),
  MirrorPad: {
    inputs: () => ({ x: floats([2, 3]) }),
    attributes: {
      paddings: [
        [1, 0],
        [2, 1],
      ],
      mode: 'reflect',
    },
  },
  Mod: { inputs: () => ({ a: floats([6], 5, 0.2), b: floats([6], 1, 2) }) },
  Multinomial: {
    inputs: () => ({ logits: tf.tensor2d([[-50, 50, -50]]) }),
    attributes: { numSamples: 5, seed: 3, normalized: false },
    differs: {
      reason: 'random numbers of another generator, and normalized logits mean probabilities to the JavaScript backend',
      check: ([draws]) => expectClose(draws!, [1, 1, 1, 1, 1]),
    },
  },
  Multiply: binary(),
  Neg: unary(),
  NotEqual: wholeNumbers,
  OneHot: {
    inputs: () => ({ indices: ints([0, 2, 1]) }),
    attributes: { depth: 3, onValue: 2, offValue: -1, dtype: 'float32' },
  },
  OnesLike: unary(),
  Pack: { inputs: () => [floats([2, 3]), floats([2, 3], 2)], attributes: { axis: 1 } },
  PadV2: {
    inputs: () => ({ x: floats([2, 3]) }),
    attributes: {
      paddings: [
        [1, 0],
        [0, 2],
      ],
      constantValue: 0.5,
    },
  },
  Pow: binary(3),
  Prelu: { inputs: () => ({ x: floats([2, 3]), alpha: floats([3], 0.2, 0.3) }) },
  Prod: reduction,
  Range: { attributes: { start: 1, stop: 6, step: 2, dtype: 'float32' } },
  Real: { inputs: () => ({ input: complex() }) },
  RealDiv: binary(3),
  Reciprocal: unary(1, 2),
  Relu: unary(),
  Relu6: unary(8),
  Reshape: unary(1, 0, { shape: [3, 2] }),
  Reverse: { inputs: () => ({ x: floats([2, 3]) }), attributes: { dims: [1] } },
  Round: unary(3),
  Rsqrt: unary(1, 2),
  ScatterNd: {
    inputs: () => ({ indices: ints([3, 1], [2, 1]), updates: floats([2, 2]) }),
    attributes: { shape: [4, 2] },
  },
  Select: {
    inputs: () => ({ condition: bools([true, false, true]), t: floats([3]), e: floats([3], 2) }),
  },
  Selu: unary(),
  Sigmoid: unary(),
  Sign: { inputs: () => ({ x: tf.tensor1d([-2, 0, 3]) }) },
  Sin: unary(),
  Sinh: unary(),
  Slice: { inputs: () => ({ x: floats([3, 4]) }), attributes: { begin: [1, 1], size: [2, -1] } },
  Softmax: { inputs: () => ({ logits: floats([2, 4], 3) }), attributes: { dim: 1 } },
  Softplus: unary(),
  SparseToDense: {
    inputs: () => ({ sparseIndices: ints([0, 3]), sparseValues: floats([2]), defaultValue: tf.scalar(0.5) }),
    attributes: { outputShape: [5] },
  },
  SplitV: { inputs: () => ({ x: floats([2, 6]) }), attributes: { numOrSizeSplits: [1, 2, 3], axis: 1 } },
  Sqrt: unary(1, 2),
  Square: unary(),
  SquaredDifference: binary(),
  StaticRegexReplace: {
    inputs: () => ({ x: tf.tensor1d(['abba', 'cab']) }),
    attributes: { pattern: 'b', rewrite: '-', replaceGlobal: true },
  },
  Step: unary(2, 0, { alpha: 0.25 }),
  StridedSlice: {
    inputs: () => ({ x: floats([4, 5]) }),
    attributes: {
      ...{ begin: [0, 4], end: [4, 0], strides: [2, -2] },
      ...{ beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 },
    },
  },
  Sub: binary(),
  Sum: reduction,
  Tan: unary(1),
  Tanh: unary(),
  TensorScatterUpdate: {
    inputs: () => ({ tensor: floats([4]), indices: ints([2, 0], [2, 1]), updates: floats([2], 2) }),
  },
  Tile: { inputs: () => ({ x: floats([2, 2]) }), attributes: { reps: [1, 3] } },
  TopK: { inputs: () => ({ x: floats([2, 5]) }), attributes: { k: 3, sorted: true } },
  Transpose: { inputs: () => ({ x: floats([2, 3, 4]) }), attributes: { perm: [2, 0, 1] } },
  Unique: { inputs: () => ({ x: ints([3, 1, 3, 2]) }), attributes: { axis: 0 } },
  Unpack: { inputs: () => ({ value: floats([3, 2]) }), attributes: { axis: 0 } },
  UnsortedSegmentSum: {
    inputs: () => ({ x: floats([4, 2]), segmentIds: ints([2, 0, 2, 1]) }),
    attributes: { numSegments: 4 },
  },
  ZerosLike: unary(),
  _FusedMatMul: {
    inputs: () => ({ a: floats([2, 3]), b: floats([4, 3]), bias: floats([4]) }),
    attributes: { transposeA: false, transposeB: true, activation: 'relu' },
  },
};
