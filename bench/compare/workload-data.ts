import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { integers, rngKey, uniform } from 'adjoint';
import { describeNetwork, type WeightSpec } from './network.js';
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

/** Draws data and initial weights, and writes them into `folder`. */
export function writeTask(workload: Workload, folder: string): Task {
  const examples = workload.batch * workload.stepsPerEpoch;
  const { weights } = describeNetwork(workload.network, workload.input);
  const task: Task = {
    workload,
    examples,
    weights,
    xFile: join(folder, 'x.bin'),
    yFile: join(folder, 'y.bin'),
    weightsFile: join(folder, 'weights.bin'),
  };
  const pixels = sizeOf(workload.input);
  writeFileSync(task.xFile, bytesOf(uniform(rngKey(1, 'bench', workload.key, 'x'), examples * pixels)));
  writeFileSync(task.yFile, bytesOf(integers(rngKey(1, 'bench', workload.key, 'y'), examples, 0, workload.classes)));
  writeFileSync(task.weightsFile, bytesOf(initialWeights(workload, weights)));
  return task;
}

/** He uniform kernels, zero biases and offsets, unit scales and variances. */
function initialWeights(workload: Workload, weights: readonly WeightSpec[]): Float32Array {
  const all = new Float32Array(weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
  let position = 0;
  for (const [i, { role, shape, fanIn }] of weights.entries()) {
    const values = all.subarray(position, (position += sizeOf(shape)));
    if (role === 'gamma' || role === 'variance') values.fill(1);
    if (role !== 'kernel') continue;
    const limit = Math.sqrt(6 / fanIn);
    values.set(uniform(rngKey(1, 'bench', workload.key, 'weight', i), values.length).map((u) => (2 * u - 1) * limit));
  }
  return all;
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
