import { workloads } from '../compare/workloads.js';
import { adjointModel } from '../peers/adjoint-model.js';
import { medianOf } from '../compare/statistics.js';
import { trainingData } from './training-data.js';

export async function probe(): Promise<Record<string, number>> {
  const result: Record<string, number> = {};
  for (const workload of workloads) {
    const { x, y } = trainingData(workload, workload.batch);
    // The first model of a process also pays for what is done once, such as reading TensorFlow's op definitions.
    for (const kind of ['first model', 'second model']) {
      const model = adjointModel(workload);
      const times: number[] = [];
      for (let step = 0; step < 6; step++) {
        const start = performance.now();
        await model.trainOnBatch(x, y);
        times.push(performance.now() - start);
      }
      result[`${workload.key}, ${kind}, ms`] = times[0]! - medianOf(times.slice(1));
      model.dispose();
    }
  }
  return result;
}
