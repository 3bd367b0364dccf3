import { attribute, executeOp } from '../execute-op.js';
import { DATA_TYPES } from '../ffi/data-types.js';
import { engine } from '../start-engine.js';
import type { Tensor } from '../tfjs.js';
import { inFloat32 } from './mixed-precision.js';

/** Whether a tensor's numbers are in half precision. */
export function isHalf(tensor: Tensor): boolean {
  const { backend } = engine();
  const type = backend.binding.trueType(backend.nativeId(tensor));
  return type === DATA_TYPES.bfloat16 || type === DATA_TYPES.float16;
}

/** The tensor itself where it is not in half precision, else a copy in float32; off the tape. */
export function asFloat32(tensor: Tensor): Tensor {
  if (!isHalf(tensor)) return tensor;
  return inFloat32(() => executeOp('Identity', [attribute.type('T', 'float32')], [tensor])[0]!);
}
