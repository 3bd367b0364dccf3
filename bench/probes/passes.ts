import { CallContext, tf } from 'adjoint';
import { workloadOf } from '../compare/workloads.js';
import { adjointModel } from '../peers/adjoint-model.js';
import { millisecondsOf, peakMegabytes } from './repeat.js';
import { probeInProcess } from './run-probes.js';
import { trainingData } from './training-data.js';

type Part = (batch: ReturnType<typeof trainingData>, model: ReturnType<typeof adjointModel>) => () => unknown;

const PARTS: Readonly<Record<string, Part>> = {
  'forward without gradients (predict)': ({ x }, model) => {
    return async () => (await model.predict(x, { batchSize: x.shape[0] })).dispose();
  },
  'forward, training mode, eager': ({ x }, model) => {
    const inputs = tf.tensor(x.values, [...x.shape]);
    return () => {
      const context = new CallContext({ training: true });
      const output = tf.tidy(() => model.call(inputs, context));
      output.dataSync();
      output.dispose();
      context.dispose();
    };
  },
  'forward and backward, eager (gradients)': ({ x, y }, model) => {
    return async () => {
      const gradients = Object.values(await model.gradients(x, y)).filter((gradient) => gradient !== null);
      gradients.at(0)!.dataSync();
      tf.dispose(gradients);
    };
  },
  'training step (trainOnBatch)': ({ x, y }, model) => {
    return () => model.trainOnBatch(x, y);
  },
};

/** Peak memory does not fall again: each pass has a process of its own. */
export async function probe(part: string): Promise<Record<string, number>> {
  const make = PARTS[part];
  if (make === undefined) return Object.assign({}, ...Object.keys(PARTS).map((name) => probeInProcess('passes', name)));
  const workload = workloadOf('mnist-cnn');
  const model = adjointModel(workload);
  const batch = trainingData(workload, workload.batch);
  const before = peakMegabytes();
  const milliseconds = await millisecondsOf(make(batch, model));
  return { [`${part}, ms`]: milliseconds, [`${part}, peak MB above idle`]: peakMegabytes() - before };
}
