import { workloadOf } from '../compare/workloads.js';

/** Everything of Adjoint is imported here, so that its own loading is measured and the bench's is not. */
export async function probe(): Promise<Record<string, number>> {
  const workload = workloadOf('mnist-cnn');
  const start = performance.now();
  const { LambdaCallback, startEngine } = await import('adjoint');
  const imported = performance.now();
  startEngine();
  const running = performance.now();
  const { adjointModel } = await import('../peers/adjoint-model.js');
  const { x, y } = (await import('./training-data.js')).trainingData(workload, 3 * workload.batch);
  const prepared = performance.now();
  const model = adjointModel(workload);
  const compiled = performance.now();
  const steps: number[] = [];
  const onBatchEnd = (): void => void steps.push(performance.now());
  await model.fit(x, y, { batchSize: workload.batch, verbose: 0, callbacks: [new LambdaCallback({ onBatchEnd })] });
  return {
    'import of adjoint, ms': imported - start,
    'TensorFlow started, ms': running - imported,
    'model compiled and built, ms': compiled - prepared,
    'first step, ms': steps[0]! - compiled,
    'second step, ms': steps[1]! - steps[0]!,
    'from the import to the first step, ms': steps[0]! - start - (prepared - running),
  };
}
