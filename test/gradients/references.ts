import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { TensorFunction } from './gradient-case.js';

/** Kernels without a double version, written anew in ops that have one; for the attributes of the kernel cases. */

/** Pairs of neighbours along depth, height and width, as axes of their own; columns are split later. */
function volumeWindows(x: Tensor): Tensor {
  const [batch, depth, height, width, channels] = x.shape as [number, number, number, number, number];
  return tf.reshape(x, [batch * (depth / 2), 2, height / 2, 2, width / 2, 2 * channels]);
}

function poolVolume(x: Tensor, reduce: (x: Tensor, axis: number) => Tensor): Tensor {
  const [batch, depth, height, width, channels] = x.shape as [number, number, number, number, number];
  const overDepth = reduce(volumeWindows(x), 1);
  const overHeight = reduce(overDepth, 2);
  const columns = tf.reshape(overHeight, [batch, depth / 2, height / 2, width / 2, 2, channels]);
  return reduce(columns, 4);
}

export const averagePool3d = (x: Tensor): Tensor => poolVolume(x, (part, axis) => tf.mean(part, axis));

/** The larger of two neighbours, by relu: its rules are right in every order. */
function largerOfTwo(x: Tensor, axis: number): Tensor {
  const [a, b] = tf.split(x, 2, axis) as [Tensor, Tensor];
  return tf.squeeze(tf.add(b, tf.relu(tf.sub(a, b))), [axis]);
}

export const maxPool3d = (x: Tensor): Tensor => poolVolume(x, largerOfTwo);

/** Pulls a cotangent back through a function: the kernel that is named after that function's gradient. */
export const pullBack =
  (fn: (x: Tensor) => Tensor) =>
  (x: Tensor, cotangent: Tensor): Tensor =>
    tf.grad((at: Tensor) => fn(at))(x, cotangent);

export function localResponseNormalization(x: Tensor): Tensor {
  const channels = x.shape.at(-1)!;
  const near = Array.from({ length: channels ** 2 }, (_, i) => {
    const distance = Math.abs(Math.floor(i / channels) - (i % channels));
    return distance <= 2 ? 1 : 0;
  });
  const squares = tf.reshape(tf.square(x), [-1, channels]);
  const sums = tf.reshape(tf.matMul(squares as tf.Tensor2D, tf.tensor2d(near, [channels, channels])), x.shape);
  return tf.mul(x, tf.pow(tf.add(1, tf.mul(0.5, sums)), -0.75));
}

/** `size` samples of an axis as rows of weights; each row has two that are not zero. */
function sampling(from: number, to: number, halfPixelCenters: boolean): Tensor {
  const weights = Array.from({ length: from * to }, (_, i) => {
    const [sample, pixel] = [Math.floor(i / from), i % from];
    const centre = halfPixelCenters ? ((sample + 0.5) * from) / to - 0.5 : (sample * from) / to;
    return Math.max(0, 1 - Math.abs(Math.min(Math.max(centre, 0), from - 1) - pixel));
  });
  return tf.tensor2d(weights, [to, from]);
}

/** Bilinear resizing as two products of matrices. */
export function resizeBilinear(images: Tensor, [height, width]: [number, number], halfPixelCenters: boolean): Tensor {
  const [, fromHeight, fromWidth, channels] = images.shape as [number, number, number, number];
  const byRows = tf.matMul(
    sampling(fromHeight, height, halfPixelCenters) as tf.Tensor2D,
    tf.reshape(images, [fromHeight, fromWidth * channels]) as tf.Tensor2D,
  );
  const turned = tf.reshape(tf.transpose(tf.reshape(byRows, [height, fromWidth, channels]), [1, 0, 2]), [
    fromWidth,
    -1,
  ]);
  const byColumns = tf.matMul(sampling(fromWidth, width, halfPixelCenters) as tf.Tensor2D, turned as tf.Tensor2D);
  const back = tf.transpose(tf.reshape(byColumns, [width, height, channels]), [1, 0, 2]);
  return tf.reshape(back, [1, height, width, channels]);
}

/** Bilinear samples at places that depend on the box, by hat functions around the pixels. */
export function cropAndResize(image: Tensor, boxes: Tensor, boxInd: Tensor, [rows, columns]: [number, number]): Tensor {
  const [, height, width, channels] = image.shape as [number, number, number, number];
  const [y1, x1, y2, x2] = tf.unstack(tf.reshape(boxes, [4])) as [Tensor, Tensor, Tensor, Tensor];
  const hats = (from: Tensor, to: Tensor, samples: number, size: number): Tensor => {
    const step = tf.div(tf.sub(to, from), samples - 1);
    const places = tf.mul(tf.add(from, tf.mul(step, tf.range(0, samples))), size - 1);
    const distance = tf.sub(tf.reshape(places, [samples, 1]), tf.reshape(tf.range(0, size), [1, size]));
    return tf.relu(tf.sub(1, tf.abs(distance)));
  };
  const chosen = tf.reshape(tf.gather(image, boxInd), [height, width * channels]);
  const byRows = tf.matMul(hats(y1, y2, rows, height) as tf.Tensor2D, chosen as tf.Tensor2D);
  const turned = tf.reshape(tf.transpose(tf.reshape(byRows, [rows, width, channels]), [1, 0, 2]), [width, -1]);
  const byColumns = tf.matMul(hats(x1, x2, columns, width) as tf.Tensor2D, turned as tf.Tensor2D);
  return tf.reshape(tf.transpose(tf.reshape(byColumns, [columns, rows, channels]), [1, 0, 2]), [
    1,
    rows,
    columns,
    channels,
  ]);
}

export const batchNorm: TensorFunction = (x, scale, offset, mean, variance) =>
  tf.add(tf.mul(tf.mul(tf.sub(x!, mean!), tf.rsqrt(tf.add(variance!, 0.01))), scale!), offset!);

export const fusedMatMul: TensorFunction = (a, b, bias) =>
  tf.relu(tf.add(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, false, true), bias!));
