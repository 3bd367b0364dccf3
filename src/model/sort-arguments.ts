import type { HostArrayInput } from '../data/host-array.js';
import { tf } from '../engine/tfjs.js';
import type { BatchSource } from '../training/batches.js';

/** `(x, y, options)` and `(dataset, options)` to one form. */
export function sortArguments(
  first: HostArrayInput | BatchSource,
  second: unknown,
  third: unknown,
): { source: BatchSource; options: unknown } {
  const isData =
    Array.isArray(second) ||
    ArrayBuffer.isView(second) ||
    second instanceof tf.Tensor ||
    (typeof second === 'object' && second !== null && 'values' in second && 'shape' in second);
  if (!isData && third === undefined) {
    if (isSource(first)) return { source: first, options: second };
    // Without labels: what trains without them, and the error that says that they are missing.
    if (second === undefined || (typeof second === 'object' && second !== null)) {
      return { source: { x: first as HostArrayInput }, options: second };
    }
  }
  return { source: { x: first as HostArrayInput, y: second as HostArrayInput }, options: third };
}

function isSource(value: unknown): value is BatchSource {
  return (
    typeof value === 'object' &&
    value !== null &&
    (!Array.isArray(value) || isBatch(value[0])) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof tf.Tensor) &&
    !('values' in value && 'shape' in value)
  );
}

/** An array of these is data for several steps, not an array of numbers. */
function isBatch(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'x' in value;
}
