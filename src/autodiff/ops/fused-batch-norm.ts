import { ShapeError } from '../../core/errors.js';
import { formatShape } from '../../core/shape.js';
import { attribute, executeOp } from '../../engine/execute-op.js';
import { isFloat64 } from '../../engine/float64.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernels } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import { withTapeAside } from '../tape.js';

const FORWARD = 'FusedBatchNormV3';
const BACKWARD = 'FusedBatchNormGradV3';

/** Arguments of {@link fusedBatchNorm}. */
export interface FusedBatchNormArguments {
  /** `[..., channels]`, rank 2 or more. */
  readonly x: Tensor;
  /** `[channels]`. */
  readonly scale: Tensor;
  /** `[channels]`. */
  readonly offset: Tensor;
  /** Added to the variance; at least 1e-5, the least that TensorFlow's GPU kernel takes. */
  readonly epsilon: number;
}

/** Result of {@link fusedBatchNorm}. */
export interface FusedBatchNormResult {
  /** Normalised, shape of `x`. */
  readonly y: Tensor;
  /** Mean of the batch, `[channels]`. */
  readonly mean: Tensor;
  /** Unbiased variance of the batch (divided by n - 1), as TensorFlow reports it, `[channels]`. */
  readonly variance: Tensor;
  /** Variance of the batch as a population (divided by n): what `y` was made with and Keras averages, `[channels]`. */
  readonly populationVariance: Tensor;
}

/**
 * Batch normalisation in training, `y = (x - mean) / sqrt(populationVariance + epsilon) * scale + offset`, by
 * TensorFlow's fused kernels; mean and variance are taken over all axes but the last.
 *
 * Inside the float64 scope the same is composed of smaller operations, as there is no double kernel.
 *
 * @throws ShapeError [batch-norm-shape]
 */
export function fusedBatchNorm({ x, scale, offset, epsilon }: FusedBatchNormArguments): FusedBatchNormResult {
  const channels = x.shape.at(-1);
  if (x.rank < 2 || [scale, offset].some(({ shape }) => shape.length !== 1 || shape[0] !== channels)) {
    throw new ShapeError('batch-norm-shape', {
      where: 'fusedBatchNorm',
      expected: 'x of rank 2 or more  [..., channels], scale and offset  [channels]',
      received: `x ${formatShape(x.shape)}, scale ${formatShape(scale.shape)}, offset ${formatShape(offset.shape)}`,
    });
  }
  return tf.tidy(() => {
    const shape = x.shape;
    const count = x.size / channels!;
    const rank4 = x.rank === 4 ? x : tf.reshape(x, [-1, 1, 1, channels!]);
    const [y, mean, variance] = isFloat64()
      ? composedForward(rank4, scale, offset, epsilon)
      : (runKernels(FORWARD, { x: rank4, scale, offset }, { epsilon }) as [Tensor, Tensor, Tensor]);
    return {
      y: x.rank === 4 ? y : tf.reshape(y, shape),
      mean,
      variance,
      populationVariance: tf.div(tf.mul(variance, Math.max(count - 1, 1)), count),
    };
  });
}

function composedForward(x: Tensor, scale: Tensor, offset: Tensor, epsilon: number): [Tensor, Tensor, Tensor] {
  const count = x.size / x.shape[3]!;
  const mean = tf.mean(x, [0, 1, 2]);
  const centred = tf.sub(x, mean);
  const sumOfSquares = tf.sum(tf.square(centred), [0, 1, 2]);
  const deviation = tf.sqrt(tf.add(tf.div(sumOfSquares, count), epsilon));
  const y = tf.add(tf.mul(tf.div(centred, deviation), scale), offset);
  return [y, mean, tf.div(sumOfSquares, Math.max(count - 1, 1))];
}

/** What the native gradient kernel computes, in differentiable operations: its own gradient is taken from here. */
function composedBackward(cotangent: Tensor, x: Tensor, scale: Tensor, epsilon: number): [Tensor, Tensor, Tensor] {
  const axes = [0, 1, 2];
  const centred = tf.sub(x, tf.mean(x, axes));
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), axes), epsilon));
  const normalised = tf.mul(centred, inverse);
  const withNormalised = tf.mul(cotangent, normalised);
  const share = tf.add(tf.mean(cotangent, axes), tf.mul(normalised, tf.mean(withNormalised, axes)));
  const byX = tf.mul(tf.mul(scale, inverse), tf.sub(cotangent, share));
  return [byX, tf.sum(withNormalised, axes), tf.sum(cotangent, axes)];
}

const shared = (epsilon: number) => [
  attribute.type('T', 'float32'),
  attribute.type('U', 'float32'),
  attribute.float('epsilon', epsilon),
  attribute.string('data_format', 'NHWC'),
  attribute.bool('is_training', true),
];

export function installFusedBatchNorm(): void {
  registerNativeKernel(FORWARD, ({ x, scale, offset }, { epsilon }) => {
    const none = tf.tensor1d([], 'float32');
    const attributes = [...shared(epsilon as number), attribute.float('exponential_avg_factor', 1)];
    const outputs = executeOp(FORWARD, attributes, [x!, scale!, offset!, none, none], 6);
    none.dispose();
    return outputs;
  });
  registerNativeKernel(BACKWARD, (inputs, { epsilon }) => {
    const { cotangent, x, scale, reserve1, reserve2, reserve3 } = inputs;
    const ordered = [cotangent!, x!, scale!, reserve1!, reserve2!, reserve3!];
    const outputs = executeOp(BACKWARD, shared(epsilon as number), ordered, 5);
    for (const unused of outputs.splice(3)) unused.dispose();
    return outputs;
  });
  registerKernelVjp(FORWARD, {
    keepInputs: ['x', 'scale'],
    keepOutputs: [false, true, false, true, true, true],
    backward: (cotangent, kept, { epsilon }, cotangents) => {
      const x = kept.input('x');
      const scale = kept.input('scale');
      const reserves = { reserve1: kept.output(3), reserve2: kept.output(4), reserve3: kept.output(5) };
      // Not inside a result's function: what one of those makes is gone when the next is called.
      const inputs = { cotangent, x, scale, ...reserves };
      const [byX, byScale, byOffset] = runKernels(BACKWARD, inputs, { epsilon: epsilon as number });
      return {
        x: () => addStatistics(byX!, x, kept.output(1), cotangents[1], cotangents[2]),
        scale: () => byScale!,
        offset: () => byOffset!,
      };
    },
  });
  registerKernelVjp(BACKWARD, {
    keepInputs: ['cotangent', 'x', 'scale', 'reserve1', 'reserve2', 'reserve3'],
    backward: (_, kept, { epsilon }, cotangents) => {
      const [cotangent, x, scale] = ['cotangent', 'x', 'scale'].map((name) => kept.input(name)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const weighted = (by: Tensor, x: Tensor, scale: Tensor): Tensor => {
        const results = composedBackward(by, x, scale, epsilon as number);
        const terms = results.flatMap((result, i) => (cotangents[i] ? [tf.sum(tf.mul(result, cotangents[i]))] : []));
        return tf.addN(terms);
      };
      const [byCotangent, byX, byScale] = withTapeAside(() => {
        const { value, grads } = tf
          .engine()
          .gradients(() => weighted(cotangent, x, scale), [cotangent, x, scale], undefined, true);
        value.dispose();
        return grads;
      });
      // The reserved outputs are functions of x, and their share is already in the gradient by x.
      const nothing = (name: string) => [name, () => tf.zerosLike(kept.input(name))] as const;
      return {
        cotangent: () => byCotangent!,
        x: () => byX!,
        scale: () => byScale ?? tf.zerosLike(scale),
        ...Object.fromEntries(['reserve1', 'reserve2', 'reserve3'].map(nothing)),
      };
    },
  });
}

/** The share of the gradient by x that flows through the batch's mean and unbiased variance. */
function addStatistics(
  gradient: Tensor,
  x: Tensor,
  mean: Tensor,
  byMean: Tensor | null | undefined,
  byVariance: Tensor | null | undefined,
): Tensor {
  const count = x.size / x.shape[3]!;
  let sum = gradient;
  if (byMean) sum = tf.add(sum, tf.div(byMean, count));
  if (byVariance) {
    sum = tf.add(sum, tf.mul(tf.sub(x, mean), tf.mul(byVariance, 2 / Math.max(count - 1, 1))));
  }
  return sum;
}
