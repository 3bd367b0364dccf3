import { GradientMonitor, NonFiniteGuard, type CallbackContract, type Precision } from 'adjoint';
import { medianOf } from '../compare/statistics.js';
import { workloadOf } from '../compare/workloads.js';
import { adjointModel } from '../peers/adjoint-model.js';
import { trainingData } from './training-data.js';

const ROUNDS = 15;
const EPOCHS = 4;

interface Way {
  readonly name: string;
  readonly precision: Precision;
  readonly callbacks: () => CallbackContract[];
}

const WAYS: readonly Way[] = [
  { name: 'float32', precision: 'float32', callbacks: () => [] },
  { name: 'float32, once more', precision: 'float32', callbacks: () => [] },
  {
    name: 'float32, GradientMonitor every 10',
    precision: 'float32',
    callbacks: () => [new GradientMonitor({ every: 10 })],
  },
  { name: 'float32, NonFiniteGuard', precision: 'float32', callbacks: () => [new NonFiniteGuard()] },
  { name: 'bfloat16', precision: 'mixed_bfloat16', callbacks: () => [] },
  { name: 'bfloat16, NonFiniteGuard', precision: 'mixed_bfloat16', callbacks: () => [new NonFiniteGuard()] },
];

/** Every way in turns, so that what else the machine does falls on all alike. */
export async function probe(): Promise<Record<string, number>> {
  const workload = workloadOf('mnist-cnn');
  const { x, y } = trainingData(workload, workload.batch * workload.stepsPerEpoch);
  const runs = WAYS.map((way) => ({
    ...way,
    model: adjointModel(workload, { precision: way.precision }),
    times: [] as number[],
  }));
  for (let round = -2; round < ROUNDS; round++) {
    for (const { model, callbacks, times } of runs) {
      const start = performance.now();
      await model.fit(x, y, { epochs: EPOCHS, batchSize: workload.batch, verbose: 0, callbacks: callbacks() });
      const steps = EPOCHS * workload.stepsPerEpoch;
      // The first rounds record and try settings.
      if (round >= 0) times.push((performance.now() - start) / steps);
    }
  }
  const numbers: Record<string, number> = {};
  for (const { name, precision, times } of runs) {
    const plain = runs.find((run) => run.precision === precision)!;
    numbers[`${name}, ms`] = medianOf(times);
    // The median of the rounds' own ratios: a slow minute slows both.
    if (plain.name !== name) numbers[`${name}, %`] = 100 * (medianOf(times.map((ms, i) => ms / plain.times[i]!)) - 1);
  }
  return numbers;
}
