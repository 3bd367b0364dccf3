// Model-agnostic meta-learning of sines, second order against first order. Run it with
// `node scripts/run-example.mjs maml`.
import { Adam, gradcheck, recorded, startEngine, tf, type Tensor } from 'adjoint';
import { Command, InvalidArgumentError } from 'commander';
import { Maml, TASKS } from './models.js';
import { drawTasks, type Tasks } from './tasks.js';

/** Relative error of a gradient that is right, in float64. */
const RIGHT = 1e-6;
/** What one step of adaptation must leave of the error. */
const MOST_OF_BEFORE = 0.5;
/** Enough to tell right from wrong, in a second. */
const EFFORT = { maximumElements: 16, sampledElements: 2, directions: 2 };

const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`expected a whole number of at least ${least}`);
  };

const {
  smoke = false,
  seed,
  steps,
} = new Command('maml')
  .description('Trains a network to learn any sine from ten points by one gradient step.')
  .option('--steps <n>', 'training steps, of ten sines each', wholeNumber(1), 4000)
  .option('--seed <n>', 'seed of sines, weights and order', wholeNumber(0), 1)
  .option('--smoke', 'few steps of training; no verdict on what they reach')
  .parse()
  .opts<{ smoke?: boolean; seed: number; steps: number }>();

const onDevice = ({ x, y }: Tasks): [Tensor, Tensor] => [
  tf.tensor(x.values as Float32Array, [...x.shape]),
  tf.tensor(y.values as Float32Array, [...y.shape]),
];

/** How far the gradient that trains the model is from that of the error after the step, in float64. */
function gradientError(model: Maml): number {
  const [x, y] = onDevice(drawTasks(2, seed, 'gradient'));
  const weights = model.trainableWeightTensors();
  const { error } = gradcheck((at: typeof weights) => model.metaLoss(at, x, y), [weights], EFFORT);
  tf.dispose([weights, x, y]);
  return error;
}

/** Errors on new sines, with the trained weights and one step of adaptation later. */
interface Result {
  readonly before: number;
  readonly after: number;
}

async function errorsOn(model: Maml, tasks: Tasks): Promise<Result> {
  const measure = recorded((x: Tensor, y: Tensor) => {
    const weights = model.trainableWeightTensors();
    return { before: model.metaLoss(weights, x, y, false), after: model.metaLoss(weights, x, y, true) };
  });
  const [x, y] = onDevice(tasks);
  const batches = x.shape[0]! / TASKS;
  const [xs, ys] = [tf.split(x, batches), tf.split(y, batches)];
  const mean = { before: 0, after: 0 };
  for (const [i, batch] of xs.entries()) {
    const errors = await measure(batch, ys[i]!);
    mean.before += errors.before.dataSync()[0]! / batches;
    mean.after += errors.after.dataSync()[0]! / batches;
    tf.dispose(errors);
  }
  tf.dispose([x, y, xs, ys] as tf.TensorContainer);
  measure.dispose();
  return mean;
}

async function main(): Promise<void> {
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}`);
  const tasks = drawTasks((smoke ? 20 : steps) * TASKS, seed, 'training');
  const unseen = drawTasks((smoke ? 1 : 50) * TASKS, seed, 'test');

  const gradients: number[] = [];
  for (const training of ['second order', 'first order'] as const) {
    const model = new Maml(training);
    model.build([null, 1], seed);
    const error = gradientError(model);
    gradients.push(error);
    console.log(`gradient of ${training}: ${error.toExponential(1)} from differences of the error after the step`);
    model.dispose();
  }

  const results: Record<string, Result> = {};
  for (const training of ['second order', 'first order', 'no adaptation'] as const) {
    const model = new Maml(training);
    model.build([null, 1], seed);
    model.compile({ optimizer: new Adam({ learningRate: 1e-3 }), seed });
    const { mode, millisecondsPerStep } = await model.fit(tasks, { epochs: 1, batchSize: TASKS, verbose: 0 });
    const { before, after } = (results[training] = await errorsOn(model, unseen));
    console.log(
      `trained for ${`${training}:`.padEnd(14)} error on new sines ${before.toFixed(3)} before the step, ` +
        `${after.toFixed(3)} after it  (${mode.at(-1)}, ${millisecondsPerStep.at(-1)!.toFixed(2)} ms a training step)`,
    );
    model.dispose();
  }

  const [second, first, none] = Object.values(results) as [Result, Result, Result];
  const right = gradients[0]! < RIGHT && gradients[1]! > RIGHT;
  const learns = second.after < MOST_OF_BEFORE * second.before && second.after < none.before;
  const works = right && (smoke || (learns && second.after < first.after));
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (second order's gradient is right to ${gradients[0]!.toExponential(1)}` +
      `${smoke ? '' : `, one step takes its error from ${second.before.toFixed(2)} to ${second.after.toFixed(2)}, first order's to ${first.after.toFixed(2)}`})`,
  );
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
