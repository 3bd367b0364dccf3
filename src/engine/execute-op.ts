import type { OpAttribute } from './ffi/op-attributes.js';
import { engine } from './start-engine.js';
import type { Tensor } from './tfjs.js';

export { attribute } from './attribute.js';

/** A resource that an op takes as input: a variable, an iterator, a table. */
export interface ResourceHandle {
  /** The id of its native handle in the binding. */
  readonly handleId: number;
}

/**
 * Runs a TensorFlow op for which tfjs has no kernel; its results are ordinary tensors, tracked by `tf.tidy`. Integers of
 * 8, 16 and 64 bits among them become int32.
 *
 * @param outputs - how many results the op has
 * @throws `EngineError` of kind `op-failed` with TensorFlow's message
 */
export function executeOp(
  name: string,
  attributes: readonly OpAttribute[],
  inputs: readonly (Tensor | ResourceHandle)[],
  outputs = 1,
): Tensor[] {
  const { backend } = engine();
  const ids = inputs.map((input) => ('handleId' in input ? input.handleId : backend.nativeId(input)));
  return backend.binding.executeOp(name, attributes, ids, outputs).map((made) => backend.createOutputTensor(made));
}
