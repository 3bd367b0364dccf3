import { attribute, executeOp } from '../execute-op.js';
import { DATA_TYPES, isFloat } from '../ffi/data-types.js';
import { engine } from '../start-engine.js';
import { tf, type Tensor } from '../tfjs.js';

/** The `TF_DataType` of a float tensor's numbers, whatever tfjs believes them to be; `undefined` of other tensors. */
export function floatTypeOf(tensor: Tensor): number | undefined {
  const { backend } = engine();
  const type = backend.binding.trueType(backend.nativeId(tensor));
  return isFloat(type) ? type : undefined;
}

/** Whether a tensor's numbers are in half precision. */
export function isHalf(tensor: Tensor): boolean {
  const type = floatTypeOf(tensor);
  return type === DATA_TYPES.bfloat16 || type === DATA_TYPES.float16;
}

/** A copy with numbers of another float type; off the tape. */
export function inFloatType(tensor: Tensor, type: number): Tensor {
  return inOneType(type, () => executeOp('Identity', [attribute.type('T', 'float32')], [tensor])[0]!);
}

/** The sum over axes, in the tensor's own float type: its terms are added up in float32, and the sum rounded once. */
export function sumInOwnType(tensor: Tensor, axes: Iterable<number>): Tensor {
  const attributes = [
    attribute.type('T', 'float32'),
    attribute.type('Tidx', 'int32'),
    attribute.bool('keep_dims', false),
  ];
  const indices = tf.tensor1d([...axes], 'int32');
  try {
    return inOneType(floatTypeOf(tensor)!, () => executeOp('Sum', attributes, [tensor, indices])[0]!);
  } finally {
    indices.dispose();
  }
}

function inOneType<T>(type: number, body: () => T): T {
  return engine().backend.binding.dtypes.run({ name: 'one type', floatType: () => type }, body);
}

/** The tensor itself where it is not in half precision, else a copy in float32; off the tape. */
export function asFloat32(tensor: Tensor): Tensor {
  return isHalf(tensor) ? inFloatType(tensor, DATA_TYPES.float32) : tensor;
}
