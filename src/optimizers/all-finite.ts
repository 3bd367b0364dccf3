import { FINITE_PART, withPart } from '../core/path-scope.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/** A boolean scalar: true where every element of every tensor is finite. */
export function allFinite(tensors: readonly Tensor[]): Tensor {
  return withPart(FINITE_PART, () =>
    tf.tidy(() => {
      // A sum of squares could overflow on finite values; the count of bad elements cannot.
      const each = tensors.map((tensor) => tf.all(tf.isFinite(tensor)));
      return each.length === 1 ? each[0]! : tf.all(tf.stack(each));
    }),
  );
}
