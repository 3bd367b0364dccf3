import { typeAttribute } from '../engine/attribute.js';
import { executeOp } from '../engine/execute-op.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';

/** Writes `value`, or leaves the variable as it is, to the bit, where the condition, a boolean scalar, is false; `null` always writes. */
export function assignWhere(condition: Tensor | null, variable: Variable, value: Tensor): void {
  if (condition === null) {
    variable.assign(value);
    return;
  }
  tf.tidy(() => assignOneOf(condition, variable, value, variable.read()));
}

/** Writes `value`, or `other` where the condition, a boolean scalar, is false. */
export function assignOneOf(condition: Tensor, variable: Variable, value: Tensor, other: Tensor): void {
  tf.tidy(() => {
    // With a scalar condition this op passes one of its inputs on and copies neither.
    const [chosen] = executeOp('Select', [typeAttribute('T', variable.dtype)], [condition, value, other]);
    variable.assign(chosen!);
  });
}
