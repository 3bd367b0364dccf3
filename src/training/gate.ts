import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';

/** Whether a state write happens: a boolean scalar, or `null` where nobody asked and it always does. */
export type Gate = Tensor | null;

/** Writes `value`, or leaves the variable as it is, to the bit, where the gate is false. */
export function gatedAssign(variable: Variable, value: Tensor, gate: Gate): void {
  variable.assign(gate === null ? value : tf.where(gate, value, variable.read()));
}

/** Adds `amount`, or exactly nothing where the gate is false. */
export function gatedAdd(variable: Variable, amount: Tensor, gate: Gate): void {
  variable.assignAdd(gate === null ? amount : tf.where(gate, amount, tf.zerosLike(amount)));
}
