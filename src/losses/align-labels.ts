import { ShapeError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/**
 * Labels as float32 of the predictions' shape: a last axis of size 1 may be missing on one side. Anything else is
 * refused, because `[batch]` and `[batch, 1]` would otherwise broadcast to `[batch, batch]` in silence.
 *
 * @throws ShapeError [label-shape]
 */
export function alignLabels(labels: Tensor, predictions: Tensor, where: string): Tensor {
  if (!labelsFit(labels.shape, predictions.shape)) {
    throw new ShapeError('label-shape', {
      where,
      expected: `labels of the predictions' shape  ${formatShape(predictions.shape)}`,
      received: formatShape(labels.shape),
    });
  }
  return tf.reshape(tf.cast(labels, 'float32'), predictions.shape);
}

/** Whether labels have the predictions' shape, but for a last axis of size 1; `null` fits any size. */
export function labelsFit(labels: readonly (number | null)[], predictions: readonly (number | null)[]): boolean {
  const [short, long] = labels.length < predictions.length ? [labels, predictions] : [predictions, labels];
  const trimmed = long.length === short.length + 1 && long.at(-1) === 1 ? long.slice(0, -1) : long;
  return (
    trimmed.length === short.length &&
    trimmed.every((size, i) => size === null || short[i] === null || size === short[i])
  );
}
