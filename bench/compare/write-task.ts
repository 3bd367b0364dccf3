import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { integers, rngKey, uniform } from 'adjoint';
import { describeNetwork, type WeightSpec } from './network.js';
import { bytesOf, sizeOf, type Task } from './task.js';
import type { Workload } from './workloads.js';

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
