import { tf, type Tensor } from '../engine/tfjs.js';

/** Results times fixed weights of both signs, so that errors in different elements do not cancel in their sum; a scalar as it is. */
export function weightedTerms(results: readonly Tensor[]): Tensor[] {
  return results.map((result) => (result.rank === 0 ? result : tf.mul(result, fixedCotangent(result))));
}

/** The sum of all terms, a scalar. */
export function totalOf(terms: readonly Tensor[]): Tensor {
  return tf.addN(terms.map((term) => tf.sum(term)));
}

/** Fixed numbers of both signs, of a tensor's shape. */
export function fixedCotangent({ size, shape }: Tensor): Tensor {
  let values = remembered?.get(size);
  if (values === undefined) {
    values = new Float32Array(size);
    for (let i = 0; i < size; i++) values[i] = Math.sin(1.3 * i + 0.7) + 0.25;
    remembered?.set(size, values);
  }
  return tf.tensor(values, shape);
}

let remembered: Map<number, Float32Array> | undefined;

/** Runs `fn`, in which the fixed numbers are made once for each size: they are asked for with every value of a function. */
export function withCotangentsKept<T>(fn: () => T): T {
  const outer = remembered;
  remembered ??= new Map();
  try {
    return fn();
  } finally {
    remembered = outer;
  }
}
