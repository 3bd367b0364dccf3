import { tf, type Tensor } from '../../engine/tfjs.js';
import type { KernelAttributes } from '../tape.js';

type Inputs = Record<string, Tensor>;

/** Where the samples of each box lie along one axis of the image; all `[boxes, samples]` but `slopes`. */
interface Samples {
  /** The nearest pixel before and after, kept inside of the image, int32. */
  readonly before: Tensor;
  readonly after: Tensor;
  /** Share of the pixel after, from 0 to 1. */
  readonly share: Tensor;
  /** 1 inside of the image, 0 outside. */
  readonly inside: Tensor;
  /** Derivatives of the position by the box's first and second edge, `[samples]`. */
  readonly slopes: readonly [Tensor, Tensor];
  readonly nearest: Tensor;
}

/** `tf.image.cropAndResize` of differentiable operations. */
export function composedCrop({ image, boxes, boxInd }: Inputs, attributes: KernelAttributes): Tensor {
  const { cropSize, method, extrapolationValue } = attributes as {
    cropSize: [number, number];
    method: string;
    extrapolationValue: number;
  };
  const [rows, columns] = samplesOf(boxes!, image!.shape, cropSize);
  const value =
    method === 'bilinear'
      ? bilinear(corners(image!, boxInd!, rows, columns), rows, columns)
      : pixels(image!, boxInd!, rows.nearest, columns.nearest);
  const inside = outer(rows.inside, columns.inside);
  return tf.add(tf.mul(value, inside), tf.mul(tf.sub(1, inside), extrapolationValue));
}

/** The gradient of {@link composedCrop} by the image, of differentiable operations. */
export function composedImageGradient({ cotangent, boxes, boxInd }: Inputs, attributes: KernelAttributes): Tensor {
  const { imageShape, method } = attributes as { imageShape: number[]; method: string };
  const [rows, columns] = samplesOf(boxes!, imageShape, [cotangent!.shape[1]!, cotangent!.shape[2]!]);
  const given = tf.mul(cotangent!, outer(rows.inside, columns.inside));
  const scatter = (row: Tensor, column: Tensor, weight: Tensor): Tensor =>
    tf.scatterND(places(boxInd!, row, column), tf.mul(given, weight), imageShape);
  if (method !== 'bilinear') return scatter(rows.nearest, columns.nearest, tf.scalar(1));
  const [down, right] = [rows.share, columns.share];
  const [up, left] = [tf.sub(1, down), tf.sub(1, right)];
  return tf.addN([
    scatter(rows.before, columns.before, outer(up, left)),
    scatter(rows.before, columns.after, outer(up, right)),
    scatter(rows.after, columns.before, outer(down, left)),
    scatter(rows.after, columns.after, outer(down, right)),
  ]);
}

/** The gradient of bilinear cropping by the boxes, `[boxes, 4]`, of differentiable operations. */
export function composedBoxGradient({ cotangent, image, boxes, boxInd }: Inputs): Tensor {
  const [rows, columns] = samplesOf(boxes!, image!.shape, [cotangent!.shape[1]!, cotangent!.shape[2]!]);
  const [topLeft, topRight, bottomLeft, bottomRight] = corners(image!, boxInd!, rows, columns);
  const given = tf.mul(cotangent!, outer(rows.inside, columns.inside));
  const mix = (a: Tensor, b: Tensor, share: Tensor): Tensor => tf.add(a, tf.mul(share, tf.sub(b, a)));
  const [down, right] = [tf.reshape(rows.share, [...rows.share.shape, 1, 1]), expanded(columns.share)];
  const byRow = mix(tf.sub(bottomLeft, topLeft), tf.sub(bottomRight, topRight), right);
  const byColumn = mix(tf.sub(topRight, topLeft), tf.sub(bottomRight, bottomLeft), down);
  const alongRows = tf.sum(tf.mul(given, byRow), [2, 3]);
  const alongColumns = tf.sum(tf.mul(given, byColumn), [1, 3]);
  const total = (along: Tensor, slope: Tensor): Tensor => tf.sum(tf.mul(along, slope), 1);
  return tf.stack(
    [
      total(alongRows, rows.slopes[0]),
      total(alongColumns, columns.slopes[0]),
      total(alongRows, rows.slopes[1]),
      total(alongColumns, columns.slopes[1]),
    ],
    1,
  );
}

function samplesOf(boxes: Tensor, imageShape: readonly number[], size: readonly number[]): [Samples, Samples] {
  const [y1, x1, y2, x2] = tf.split(boxes, 4, 1) as [Tensor, Tensor, Tensor, Tensor];
  return [alongAxis(y1, y2, imageShape[1]!, size[0]!), alongAxis(x1, x2, imageShape[2]!, size[1]!)];
}

function alongAxis(first: Tensor, second: Tensor, length: number, count: number): Samples {
  const last = length - 1;
  // From the first edge to the second; a single sample lies in the middle.
  const steps = Math.max(count - 1, 1);
  const progress = count > 1 ? tf.div(tf.range(0, count), steps) : tf.tensor1d([0.5]);
  const slopes: [Tensor, Tensor] = [tf.mul(tf.sub(1, progress), last), tf.mul(progress, last)];
  const position = tf.add(tf.mul(first, slopes[0]), tf.mul(second, slopes[1]));
  const whole = tf.floor(position);
  const index = (at: Tensor): Tensor => tf.cast(tf.clipByValue(at, 0, last), 'int32');
  return {
    before: index(whole),
    after: index(tf.ceil(position)),
    share: tf.sub(position, whole),
    inside: tf.cast(tf.logicalAnd(tf.greaterEqual(position, 0), tf.lessEqual(position, last)), 'float32'),
    slopes,
    nearest: index(tf.floor(tf.add(position, 0.5))),
  };
}

type Corners = [Tensor, Tensor, Tensor, Tensor];

function corners(image: Tensor, boxInd: Tensor, rows: Samples, columns: Samples): Corners {
  return [
    pixels(image, boxInd, rows.before, columns.before),
    pixels(image, boxInd, rows.before, columns.after),
    pixels(image, boxInd, rows.after, columns.before),
    pixels(image, boxInd, rows.after, columns.after),
  ];
}

function bilinear([topLeft, topRight, bottomLeft, bottomRight]: Corners, rows: Samples, columns: Samples): Tensor {
  const right = expanded(columns.share);
  const top = tf.add(topLeft, tf.mul(right, tf.sub(topRight, topLeft)));
  const bottom = tf.add(bottomLeft, tf.mul(right, tf.sub(bottomRight, bottomLeft)));
  return tf.add(top, tf.mul(tf.reshape(rows.share, [...rows.share.shape, 1, 1]), tf.sub(bottom, top)));
}

function pixels(image: Tensor, boxInd: Tensor, row: Tensor, column: Tensor): Tensor {
  return tf.gatherND(image, places(boxInd, row, column));
}

/** Image, row and column of each sample, `[boxes, rows, columns, 3]`. */
function places(boxInd: Tensor, row: Tensor, column: Tensor): Tensor {
  const [boxes, rows] = row.shape as [number, number];
  const columns = column.shape[1]!;
  const grid = [boxes, rows, columns];
  return tf.stack(
    [
      tf.broadcastTo(tf.reshape(boxInd, [boxes, 1, 1]), grid),
      tf.broadcastTo(tf.reshape(row, [boxes, rows, 1]), grid),
      tf.broadcastTo(tf.reshape(column, [boxes, 1, columns]), grid),
    ],
    3,
  );
}

/** The product of a number for each row and one for each column, `[boxes, rows, columns, 1]`. */
function outer(rows: Tensor, columns: Tensor): Tensor {
  return tf.mul(tf.reshape(rows, [...rows.shape, 1, 1]), expanded(columns));
}

/** `[boxes, columns]` as `[boxes, 1, columns, 1]`. */
function expanded(columns: Tensor): Tensor {
  return tf.reshape(columns, [columns.shape[0]!, 1, columns.shape[1]!, 1]);
}
