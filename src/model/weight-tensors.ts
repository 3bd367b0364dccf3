import { ShapeError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Trainable } from '../training/trainable.js';

/** Copies of all weights; the caller owns them. */
export function copyWeights(model: Trainable): Tensor[] {
  return [...model.weightTree()].map(([, { handle }]) => handle.variable.read());
}

/** Writes all weights, after all of them were checked. */
export function overwriteWeights(model: Trainable, weights: readonly Tensor[]): void {
  const tree = [...model.weightTree()];
  if (!Array.isArray(weights) || weights.length !== tree.length) {
    throw new ShapeError('weight-count', {
      where: `setWeights of ${model.describe()}`,
      expected: `${tree.length} tensors: ${tree.map(([path]) => path).join(', ')}`,
      received: Array.isArray(weights) ? `${weights.length}` : formatValue(weights),
    });
  }
  for (const [i, [path, { handle }]] of tree.entries()) {
    const weight: unknown = weights[i];
    const received =
      weight instanceof tf.Tensor
        ? `${weight.dtype} ${formatShape(weight.shape)}`
        : `${formatValue(weight)}, not a tensor`;
    const expected = `float32 ${formatShape(handle.shape)}`;
    if (received === expected) continue;
    throw new ShapeError('weight-shape', { where: `weight "${path}" of ${model.describe()}`, expected, received });
  }
  for (const [i, [, { handle }]] of tree.entries()) handle.variable.assign(weights[i]!);
}
