import { ShapeError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Trainable } from './trainable.js';
import type { WeightSnapshot } from './weight-snapshot.js';

/** A copy of all weights in host memory. */
export function readWeights(model: Trainable): WeightSnapshot {
  return new Map(
    [...model.weightTree()].map(([path, { handle }]) => {
      const value = handle.variable.read();
      const entry = { shape: [...value.shape], values: Float32Array.from(value.dataSync()) };
      value.dispose();
      return [path, entry] as const;
    }),
  );
}

/** Writes weights back by path; all are checked before the first is written. */
export function writeWeights(model: Trainable, snapshot: WeightSnapshot): void {
  const tree = model.weightTree();
  const writes = [...snapshot].map(([path, { shape, values }]) => {
    const weight = tree.get(path);
    if (weight === undefined || formatShape(weight.handle.shape) !== formatShape(shape)) {
      throw new ShapeError('weight-shape', {
        where: `weight "${path}" of ${model.describe()}`,
        expected: weight === undefined ? `a weight among ${tree.paths().join(', ')}` : formatShape(weight.handle.shape),
        received: weight === undefined ? `"${path}"` : formatShape(shape),
      });
    }
    return { handle: weight.handle, shape, values };
  });
  for (const { handle, shape, values } of writes) {
    const tensor: Tensor = tf.tensor(values, [...shape], 'float32');
    handle.variable.assign(tensor);
    tensor.dispose();
  }
}
