import { tf, type Tensor } from '../../../src/engine/tfjs.js';

/** Eight steps of the differences: near, and yet on one side in all of them. */
const NEAR = 2 ** -7;

/** Around each of these values, on both sides. */
export const around =
  (...kinks: number[]) =>
  (): Tensor[] => [tf.tensor1d(kinks.flatMap((kink) => [kink - NEAR, kink + NEAR, kink + 3 * NEAR]))];

/** Numbers that are all different and all but equal, in no order. */
function nearTies(shape: number[]): Tensor {
  const size = tf.util.sizeFromShape(shape);
  let stride = 7;
  while (size % stride === 0) stride += 2;
  return tf.tensor(
    Array.from({ length: size }, (_, i) => 1 + NEAR * ((i * stride) % size)),
    shape,
  );
}

const nearEqual = (): Tensor[] => {
  const a = tf.tensor1d([0.5, -1, 2, 0.25]);
  return [a, tf.add(a, tf.tensor1d([NEAR, -NEAR, 2 * NEAR, -3 * NEAR]))];
};

/** Points near the kinks and jumps of kernels that have some. */
export const KINKS: Readonly<Record<string, () => Tensor[]>> = {
  Abs: around(0),
  Ceil: around(1, -2),
  ClipByValue: around(-0.5, 1),
  Dilation2D: () => [nearTies([1, 3, 3, 2]), nearTies([2, 2, 2])],
  Elu: around(0),
  Floor: around(1, -2),
  FloorDiv: () => [tf.tensor1d([4 + NEAR, 4 - NEAR, -6 + NEAR]), tf.tensor1d([2, 2, 3])],
  LeakyRelu: around(0),
  Max: () => [nearTies([2, 3, 2])],
  MaxPool: () => [nearTies([1, 4, 4, 2])],
  MaxPool3D: () => [nearTies([1, 4, 4, 4, 2])],
  Maximum: nearEqual,
  Min: () => [nearTies([2, 3, 2])],
  Minimum: nearEqual,
  Mod: () => [tf.tensor1d([4 + 2 * NEAR, 6 - 2 * NEAR, 6 + 4 * NEAR]), tf.tensor1d([2, 2, 3])],
  Prelu: () => [tf.tensor2d([NEAR, -NEAR, 2 * NEAR, -2 * NEAR], [2, 2]), tf.tensor1d([0.25, 0.5])],
  Relu: around(0),
  Relu6: around(0, 6),
  Round: around(0.5, -1.5),
  Selu: around(0),
  Sign: around(0),
  Softplus: around(0, 14, -14),
  SquaredDifference: nearEqual,
  Step: around(0),
  TopK: () => [nearTies([2, 5])],
};

/** Points at zeros that a rule which divides by its input would not survive. */
export const ZEROS: Readonly<Record<string, () => Tensor[]>> = {
  Cumprod: () => [tf.tensor2d([0.5, 0, 2, -1, 0, 3, 0, 1.5], [2, 4])],
  Prod: () => [tf.tensor([0.5, 0, 2, -1, 3, 1.5, 0, 1, 0, 2, -2, 1], [2, 3, 2])],
};
