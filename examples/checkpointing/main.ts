// Trains a deep network in a part of the memory: `node scripts/run-example.mjs checkpointing`.
import { layers, sequential, startEngine, tf, type CheckpointPolicy, type Sequential } from 'adjoint';
import { Command } from 'commander';

const SEED = 1;
/** What `sqrt` may hold of the memory without checkpoints, and take of its processor time. */
const MOST_MEMORY = 0.5;
/** One more forward pass is a third more. */
const MOST_TIME = 1.6;
/** How far the losses may be apart: the second run of a layer may be fused otherwise. */
const MOST_APART = 1e-3;

const { smoke = false } = new Command('checkpointing')
  .description('Trains a perceptron of 32 layers with its activations kept, or computed again for the gradient.')
  .option('--smoke', 'a small network, and no verdict on times')
  .parse()
  .opts<{ smoke?: boolean }>();

const size = smoke
  ? { layers: 16, units: 64, batch: 1024, epochs: 2 }
  : { layers: 32, units: 512, batch: 1024, epochs: 3 };

function deepNetwork(checkpoint: CheckpointPolicy): Sequential {
  const hidden = Array.from({ length: size.layers }, () =>
    layers.dense({ units: size.units, activation: 'gelu', kernelInitializer: 'heNormal' }),
  );
  const model = sequential([...hidden, layers.dense({ units: 1 })], { inputShape: [size.units] });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', seed: SEED, checkpoint });
  return model;
}

/** Inputs `[examples, units]`, and the square of their first number as labels. */
function makeData(): { x: tf.Tensor; y: tf.Tensor } {
  const x = tf.randomNormal([2 * size.batch, size.units], 0, 1, 'float32', SEED);
  return { x, y: tf.tidy(() => tf.square(tf.slice(x, [0, 0], [-1, 1]))) };
}

async function measured(name: string, checkpoint: CheckpointPolicy, { x, y }: ReturnType<typeof makeData>) {
  const model = deepNetwork(checkpoint);
  const report = await model.memoryReport({ batchSize: size.batch, x, y });
  const options = { batchSize: size.batch, epochs: size.epochs, shuffle: false, verbose: 0 } as const;
  // Records the step, and lets the engine choose how to run it.
  await model.fit(x, y, options);
  const before = process.cpuUsage();
  const { history } = await model.fit(x, y, options);
  const milliseconds = process.cpuUsage(before).user / 1000 / (2 * size.epochs);
  model.dispose();
  const loss = history['loss']!.at(-1)!;
  const columns = [report.activations / 1e6, report.peak / 1e6, report.measured! / 1e6, milliseconds];
  console.log(
    `${name.padEnd(24)} ${columns.map((value) => value.toFixed(1).padStart(14)).join(' ')}   ${loss.toFixed(6)}`,
  );
  return { activations: report.activations, peak: report.measured!, milliseconds, loss };
}

async function main(): Promise<void> {
  const engine = startEngine();
  console.log(
    `TensorFlow ${engine.version} on ${engine.device}; ${size.layers} layers of ${size.units}, batch ${size.batch}.\n`,
  );
  console.log(
    `checkpoint               ${['kept MB', 'foretold MB', 'measured MB', 'CPU ms a step'].map((name) => name.padStart(14)).join(' ')}   loss`,
  );
  const data = makeData();
  const none = await measured('none', 'none', data);
  const all = await measured('all', 'all', data);
  const sqrt = await measured('sqrt', 'sqrt', data);
  const maxActivationMb = Math.round((none.activations / 1e6) * 5) / 10;
  const budget = await measured(`maxActivationMb: ${maxActivationMb}`, { maxActivationMb }, data);
  tf.dispose([data.x, data.y]);

  const apart = Math.max(...[all, sqrt, budget].map(({ loss }) => Math.abs(loss / none.loss - 1)));
  const [memory, time] = [sqrt.peak / none.peak, sqrt.milliseconds / none.milliseconds];
  const works = apart <= MOST_APART && memory <= MOST_MEMORY && budget.peak < none.peak && (smoke || time <= MOST_TIME);
  console.log(
    `\nVerdict: ${works ? 'ok' : 'FAILED'} (sqrt takes ${memory.toFixed(2)} of the memory, at most ${MOST_MEMORY} wanted` +
      `${smoke ? '' : `, in ${time.toFixed(2)} of the time, at most ${MOST_TIME} wanted`}; losses ${apart.toExponential(0)} apart)`,
  );
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
