import { runningEngine } from '../start-engine.js';
import type { Tensor } from '../tfjs.js';

interface Delaying {
  runAfter<T>(ids: readonly number[], fn: () => T): T;
}

/** Native ids of tensors, by which a recording knows them also after their end; none outside of recordings. */
export function recordedIds(tensors: readonly Tensor[]): number[] {
  const backend = runningEngine()?.backend;
  return backend === undefined || !('runAfter' in backend.binding)
    ? []
    : tensors.map((tensor) => backend.nativeId(tensor));
}

/**
 * Runs `fn`. In a recording, what it does is not run before the tensors of these ids are there, and is not merged with
 * the same done earlier: without, TensorFlow would take a computation that is repeated to save memory for a needless one.
 */
export function runAfter<T>(ids: readonly number[], fn: () => T): T {
  const binding = runningEngine()?.backend.binding;
  return binding !== undefined && 'runAfter' in binding ? (binding as unknown as Delaying).runAfter(ids, fn) : fn();
}
