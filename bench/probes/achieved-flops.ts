import { tf } from 'adjoint';
import { describeNetwork } from '../compare/network.js';
import { workloads } from '../compare/workloads.js';
import { adjointModel } from '../peers/adjoint-model.js';
import { millisecondsOf } from './repeat.js';
import { trainingData } from './training-data.js';

const SIZE = 1024;
/** In a row, so that reading the last one back does not count. */
const PRODUCTS = 10;
const MILLISECONDS_TO_GIGA = 1e6;

/** Counts matrix products and convolutions alone; pooling, normalisation and updates are time without counted work. */
export async function probe(): Promise<Record<string, number>> {
  const a = tf.randomUniform<tf.Rank.R2>([SIZE, SIZE], 0, 1 / SIZE);
  const products = await millisecondsOf(() => {
    const result = tf.tidy(() => Array.from({ length: PRODUCTS }).reduce<tf.Tensor2D>((b) => tf.matMul(a, b), a));
    result.dataSync();
    result.dispose();
  });
  const achieved: Record<string, number> = {
    [`matMul of ${SIZE}^3`]: (PRODUCTS * 2 * SIZE ** 3) / products / MILLISECONDS_TO_GIGA,
  };
  for (const workload of workloads) {
    const model = adjointModel(workload);
    const { x, y } = trainingData(workload, workload.batch * workload.stepsPerEpoch);
    const epoch = await millisecondsOf(() => model.fit(x, y, { batchSize: workload.batch, verbose: 0 }), 3, 1);
    const { trainingFlops } = describeNetwork(workload.network, workload.input);
    const flops = trainingFlops * workload.batch * workload.stepsPerEpoch;
    achieved[workload.key] = flops / epoch / MILLISECONDS_TO_GIGA;
    model.dispose();
  }
  return achieved;
}
