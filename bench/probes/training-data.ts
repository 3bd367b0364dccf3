import { integers, rngKey, toHostArray, uniform, type HostArray } from 'adjoint';
import { sizeOf } from '../compare/task.js';
import type { Workload } from '../compare/workloads.js';

/** Random examples for a workload. */
export function trainingData(workload: Workload, examples: number): { x: HostArray; y: HostArray } {
  const shape = [examples, ...workload.input];
  return {
    x: toHostArray(uniform(rngKey(1, 'probe', 'x'), sizeOf(shape)), 'x', { shape }),
    y: toHostArray(integers(rngKey(1, 'probe', 'y'), examples, 0, workload.classes), 'y'),
  };
}
