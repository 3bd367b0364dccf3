import { LambdaCallback } from 'adjoint';
import { medianOf } from '../compare/statistics.js';
import { workloadOf } from '../compare/workloads.js';
import { adjointModel } from '../peers/adjoint-model.js';
import { trainingData } from './training-data.js';

const STEPS = 20_000;
const STEPS_PER_EPOCH = 250;
/** Share of the steps in which the heap finds its size and V8 compiles. */
const WARM_UP = 0.1;

/** Looks once an epoch: a callback after every step would have its loss fetched. */
export async function probe(): Promise<Record<string, number>> {
  const workload = workloadOf('mlp-small');
  const model = adjointModel(workload);
  const { x, y } = trainingData(workload, workload.batch * STEPS_PER_EPOCH);
  const times: number[] = [];
  const memory: number[] = [];
  let last = performance.now();
  const look = new LambdaCallback({
    onEpochBegin: () => {
      last = performance.now();
    },
    onEpochEnd: () => {
      times.push((performance.now() - last) / STEPS_PER_EPOCH);
      memory.push(process.memoryUsage.rss() / 2 ** 20);
    },
  });
  const options = {
    epochs: STEPS / STEPS_PER_EPOCH,
    batchSize: workload.batch,
    verbose: 0 as const,
    callbacks: [look],
  };
  await model.fit(x, y, options);
  const settled = Math.round(WARM_UP * times.length);
  const quarter = Math.floor((times.length - settled) / 4);
  const early = medianOf(times.slice(settled, settled + quarter));
  const late = medianOf(times.slice(-quarter));
  return {
    steps: STEPS,
    'step early, microseconds': 1000 * early,
    'step late, microseconds': 1000 * late,
    'step time drift, %': 100 * (late / early - 1),
    'RSS after the warm-up, MB': memory[settled]!,
    'RSS at the end, MB': memory.at(-1)!,
    'RSS growth, MB': memory.at(-1)! - memory[settled]!,
  };
}
