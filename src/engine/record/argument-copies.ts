import { typeAttribute } from '../attribute.js';
import { executeOp } from '../execute-op.js';
import type { Tensor } from '../tfjs.js';

/**
 * Copies with data of their own, to record with: tensors that share their data (clones, reshapes, one tensor given
 * twice) could not be told apart. The caller disposes them.
 */
export function argumentCopies(inputs: readonly Tensor[]): Tensor[] {
  return inputs.map((input) => executeOp('DeepCopy', [typeAttribute('T', input.dtype)], [input])[0]!);
}
