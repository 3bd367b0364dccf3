import { readFileSync } from 'node:fs';
import type { WeightSpec } from './network.js';
import type { Workload } from './workloads.js';

/** A workload with everything that a peer needs to run it: arrays are in files of plain little-endian numbers. */
export interface Task {
  readonly workload: Workload;
  readonly examples: number;
  readonly weights: readonly WeightSpec[];
  /** float32 `[examples, ...input]`. */
  readonly xFile: string;
  /** int32 `[examples]`. */
  readonly yFile: string;
  /** float32, all weights one after the other. */
  readonly weightsFile: string;
}

/** A task's arrays, read back. */
export function readTask(task: Task): { x: Float32Array; y: Int32Array; weights: Float32Array[] } {
  const all = new Float32Array(memoryOf(task.weightsFile));
  let position = 0;
  return {
    x: new Float32Array(memoryOf(task.xFile)),
    y: new Int32Array(memoryOf(task.yFile)),
    weights: task.weights.map(({ shape }) => all.slice(position, (position += sizeOf(shape)))),
  };
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}

export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

export function memoryOf(file: string): ArrayBuffer {
  const bytes = readFileSync(file);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}
