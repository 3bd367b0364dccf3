import { attribute, executeOp } from '../execute-op.js';
import { DATA_TYPES } from '../ffi/data-types.js';
import { engine } from '../start-engine.js';
import type { Tensor } from '../tfjs.js';
import { inFloat32 } from './mixed-precision.js';

/** The tensor itself where it is float32 already, else a copy that is; off the tape. */
export function asFloat32(tensor: Tensor): Tensor {
  const { backend } = engine();
  const type = backend.binding.trueType(backend.nativeId(tensor));
  const isHalf = type === DATA_TYPES.bfloat16 || type === DATA_TYPES.float16;
  return isHalf ? inFloat32(() => executeOp('Identity', [attribute.type('T', 'float32')], [tensor])[0]!) : tensor;
}
