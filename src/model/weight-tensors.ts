import { ShapeError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import type { Tensor } from '../engine/tfjs.js';
import type { Trainable } from '../training/trainable.js';

/** Copies of all weights; the caller owns them. */
export function copyWeights(model: Trainable): Tensor[] {
  return [...model.weightTree()].map(([, { handle }]) => handle.variable.read());
}

/** Writes all weights, after all of them were checked. */
export function overwriteWeights(model: Trainable, weights: readonly Tensor[]): void {
  const tree = [...model.weightTree()];
  if (weights.length !== tree.length) {
    throw new ShapeError('weight-count', {
      where: `setWeights of ${model.describe()}`,
      expected: `${tree.length} tensors: ${tree.map(([path]) => path).join(', ')}`,
      received: `${weights.length}`,
    });
  }
  for (const [i, [path, { handle }]] of tree.entries()) {
    if (formatShape(weights[i]!.shape) === formatShape(handle.shape)) continue;
    throw new ShapeError('weight-shape', {
      where: `weight "${path}" of ${model.describe()}`,
      expected: formatShape(handle.shape),
      received: formatShape(weights[i]!.shape),
    });
  }
  for (const [i, [, { handle }]] of tree.entries()) handle.variable.assign(weights[i]!);
}
