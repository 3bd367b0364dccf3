import { workloadOf } from '../compare/workloads.js';
import { adjointModel } from '../peers/adjoint-model.js';
import { millisecondsOf } from './repeat.js';
import { trainingData } from './training-data.js';

export async function probe(): Promise<Record<string, number>> {
  const workload = workloadOf('mnist-cnn');
  const times: Record<string, number> = {};
  for (const [batchSize, examples] of [
    [128, 1280],
    [4, 400],
  ] as const) {
    const model = adjointModel(workload);
    const { x, y } = trainingData(workload, examples);
    const epoch = await millisecondsOf(() => model.fit(x, y, { batchSize, verbose: 0 }), 3, 1);
    times[`microseconds an example, batch ${batchSize}`] = (1000 * epoch) / examples;
    model.dispose();
  }
  const [large, small] = Object.values(times);
  return { ...times, 'batch of 4, times as much': small! / large! };
}
