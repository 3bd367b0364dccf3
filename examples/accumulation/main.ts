// Trains on large batches with the memory of small ones: `node scripts/run-example.mjs accumulation`.
import {
  handwrittenDigits,
  layers,
  sequential,
  SGD,
  SparseCategoricalCrossentropy,
  startEngine,
  tf,
  type Sequential,
} from 'adjoint';
import { Command } from 'commander';

const SEED = 1;
/** Rounding of float32: the same sums in another order, over all steps. */
const MOST_APART = 1e-4;
/** What a group's micro-batch may hold of the large batch's memory; gradients of all weights are in both. */
const MOST_MEMORY = 0.6;

const { smoke = false, json = false } = new Command('accumulation')
  .description(
    'Trains on groups of micro-batches, and on batches as large as a group: the same updates in less memory.',
  )
  .option('--smoke', 'a small run')
  .option('--json', 'the result as one JSON object on the last line')
  .parse()
  .opts<{ smoke?: boolean; json?: boolean }>();

const size = smoke
  ? { train: 500, units: 64, batch: 128, epochs: 2 }
  : { train: 4000, units: 512, batch: 1024, epochs: 4 };
/** Micro-batches in a group. */
const GROUP = 8;
const digits = handwrittenDigits({ train: size.train, test: 1, seed: SEED }).train;

interface Way {
  readonly name: string;
  /** Examples that one step computes gradients of. */
  readonly batchSize: number;
  readonly accumulateSteps: number;
}

function digitNetwork(accumulateSteps: number): Sequential {
  const { units } = size;
  const model = sequential(
    [
      layers.flatten(),
      layers.dense({ units, activation: 'relu' }),
      layers.dense({ units, activation: 'relu' }),
      layers.dense({ units: 10 }),
    ],
    { inputShape: [28, 28, 1] },
  );
  // Clipping acts on the gradient of the whole group, as on that of the large batch.
  model.compile({
    optimizer: new SGD({ learningRate: 0.05, momentum: 0.9 }),
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ['accuracy'],
    clip: { globalNorm: 1 },
    seed: SEED,
    accumulateSteps,
  });
  return model;
}

async function train({ name, batchSize, accumulateSteps }: Way) {
  const model = digitNetwork(accumulateSteps);
  const { peak } = await model.memoryReport({ batchSize });
  // Unshuffled, so that groups and large batches hold the same examples.
  const { history } = await model.fit(digits, { epochs: size.epochs, batchSize, shuffle: false, verbose: 0 });
  const tensors = model.getWeights();
  const weights = tensors.map((tensor) => tensor.dataSync<'float32'>());
  tf.dispose(tensors);
  model.dispose();
  const [loss, accuracy] = [history['loss']!.at(-1)!, history['accuracy']!.at(-1)!];
  console.log(
    `${name.padEnd(28)} ${String(batchSize).padStart(10)} ${(peak / 1e6).toFixed(1).padStart(10)} ` +
      `${loss.toFixed(6).padStart(10)} ${accuracy.toFixed(4).padStart(10)}`,
  );
  return { loss, accuracy, weights, peak };
}

/** How far two trained networks are apart: the largest distance of a weight tensor, of its length. */
function distance(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  const length = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return Math.max(...a.map((values, i) => length(values.map((value, j) => value - b[i]![j]!)) / length(b[i]!)));
}

async function main(): Promise<void> {
  const { version, device } = startEngine();
  const group = size.batch;
  const micro = group / GROUP;
  console.log(
    `TensorFlow ${version} on ${device}; ${size.train} digits, an update for every ${group}, the last of an epoch for fewer.\n`,
  );
  console.log(
    `${''.padEnd(28)} ${['batch', 'step MB', 'loss', 'accuracy'].map((name) => name.padStart(10)).join(' ')}`,
  );
  const large = await train({ name: 'large batches', batchSize: group, accumulateSteps: 1 });
  const grouped = await train({ name: `groups of ${GROUP}`, batchSize: micro, accumulateSteps: GROUP });
  const small = await train({ name: 'small batches, for contrast', batchSize: micro, accumulateSteps: 1 });

  const apart = distance(grouped.weights, large.weights);
  const otherwise = distance(small.weights, large.weights);
  const memory = grouped.peak / large.peak;
  const works = apart <= MOST_APART && otherwise > 100 * MOST_APART && (smoke || memory <= MOST_MEMORY);
  console.log(
    `\nVerdict: ${works ? 'ok' : 'FAILED'} (weights of groups and large batches ${apart.toExponential(1)} apart, at most ` +
      `${MOST_APART} wanted, of small batches ${otherwise.toFixed(2)}; a step takes ${memory.toFixed(2)} of the memory` +
      `${smoke ? '' : `, at most ${MOST_MEMORY} wanted`})`,
  );
  if (json) console.log(JSON.stringify({ apart, otherwise, memory, accuracy: grouped.accuracy, ok: works }));
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
