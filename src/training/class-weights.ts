import { DataError, OptionsError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import type { Batch } from '../data/example.js';

/** What `classWeight` does to each batch: nothing where it is not given. */
export function classWeighting(
  input: Readonly<Record<number, number>> | undefined,
  where: string,
): <T extends Batch>(batch: T) => T {
  if (input === undefined) return (batch) => batch;
  const weights = parseClassWeights(input, where);
  return (batch) => applyClassWeights(batch, weights, where);
}

/** Multiplies each example's weight by the weight of its class; labels are class indices or one-hot rows. */
function applyClassWeights<T extends Batch>(batch: T, classWeight: ReadonlyMap<number, number>, where: string): T {
  const { y, size } = batch;
  if (y === undefined) return batch;
  if (y.shape.length > 2) {
    throw new DataError('class-weight', {
      where: `option "classWeight" of ${where}`,
      expected: 'one class an example: class indices [examples] or one-hot rows [examples, classes]',
      received: `labels ${formatShape(y.shape)}`,
      fix: 'pass sampleWeight instead',
    });
  }
  const width = y.values.length / size;
  const weights = batch.sampleWeight ? Float32Array.from(batch.sampleWeight.values) : new Float32Array(size).fill(1);
  for (let row = 0; row < size; row++) {
    const label = width === 1 ? y.values[row]! : argMax(y.values, row * width, width);
    const weight = classWeight.get(label);
    if (weight === undefined) {
      throw new DataError('class-weight', {
        where: `option "classWeight" of ${where}`,
        expected: 'a weight for every class that occurs',
        received: `no weight for class ${label}, only for ${[...classWeight.keys()].join(', ')}`,
        fix: `add ${label}: 1`,
      });
    }
    weights[row]! *= weight;
  }
  return { ...batch, sampleWeight: { values: weights, shape: [size], dtype: 'float32' } };
}

/** @throws OptionsError where a key is no class index or a weight is negative or not finite */
function parseClassWeights(input: Readonly<Record<number, number>>, where: string): ReadonlyMap<number, number> {
  return new Map(
    Object.entries(input).map(([key, weight]) => {
      const index = Number(key);
      if (
        Number.isInteger(index) &&
        index >= 0 &&
        typeof weight === 'number' &&
        Number.isFinite(weight) &&
        weight >= 0
      ) {
        return [index, weight];
      }
      throw new OptionsError('invalid-option', {
        where: `option "classWeight" of ${where}`,
        expected: 'class indices with finite weights of at least 0',
        received: `${key}: ${String(weight)}`,
      });
    }),
  );
}

function argMax(values: ArrayLike<number>, start: number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i++) if (values[start + i]! > values[start + best]!) best = i;
  return best;
}
