import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { workloadOf } from '../compare/workloads.js';
import { adjointModel } from '../peers/adjoint-model.js';
import { trainingData } from './training-data.js';

const RESOLUTION_MILLISECONDS = 1;
const NANOSECONDS = 1e6;

/** What is measured is the time between two ticks of a timer, so that an idle loop shows the resolution itself. */
export async function probe(): Promise<Record<string, number>> {
  const workload = workloadOf('mnist-cnn');
  const model = adjointModel(workload);
  const { x, y } = trainingData(workload, workload.batch * workload.stepsPerEpoch);
  const train = (epochs: number): Promise<unknown> =>
    model.fit(x, y, { epochs, batchSize: workload.batch, verbose: 0 });
  await train(1);
  const idle = await delays(() => sleep(2000));
  const training = await delays(() => train(5));
  return { ...named('idle', idle), ...named('training', training) };
}

async function delays(run: () => Promise<unknown>): Promise<number[]> {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MILLISECONDS });
  histogram.enable();
  await run();
  histogram.disable();
  return [histogram.percentile(50), histogram.percentile(99), histogram.max].map((delay) => delay / NANOSECONDS);
}

function named(what: string, [p50, p99, max]: readonly number[]): Record<string, number> {
  return { [`${what} p50, ms`]: p50!, [`${what} p99, ms`]: p99!, [`${what} max, ms`]: max! };
}
