import assert from 'node:assert/strict';
import { tf, type Tensor } from '../../src/engine/tfjs.js';

export type KernelInputs = Record<string, Tensor> | Tensor[];

/** One call of a kernel on small inputs. */
export interface KernelCase {
  readonly inputs?: () => KernelInputs;
  readonly attributes?: object;
  /** Set where tfjs's JavaScript backend is no reference: why, and what must hold instead. */
  readonly differs?: { readonly reason: string; check(outputs: readonly Tensor[]): void };
}

/** Numbers in (-scale, scale) without a pattern, shifted by `offset`. */
export function floats(shape: number[], scale = 1, offset = 0): Tensor {
  const size = tf.util.sizeFromShape(shape);
  return tf.tensor(
    Array.from({ length: size }, (_, k) => offset + scale * Math.sin(1.7 * k + 0.3 + size)),
    shape,
  );
}
export const ints = (values: number[], shape = [values.length]): Tensor => tf.tensor(values, shape, 'int32');
export const bools = (values: boolean[]): Tensor => tf.tensor1d(values, 'bool');

/** Rounding of float32 sums of a hundred terms. */
const TOLERANCE = 1e-4;

export function expectClose(actual: Tensor, wanted: readonly number[]): void {
  const values = actual.dataSync();
  assert.equal(values.length, wanted.length);
  for (const [i, value] of wanted.entries()) {
    assert.ok(Math.abs(values[i]! - value) < TOLERANCE, `element ${i}: ${values[i]}, not ${value}`);
  }
}
