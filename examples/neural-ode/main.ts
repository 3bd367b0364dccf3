// A neural ODE: the adjoint method against backpropagation through the solver. Run it with
// `node scripts/run-example.mjs neural-ode`.
import { Adam, grad, startEngine, tf, type Tensor } from 'adjoint';
import { Command, InvalidArgumentError } from 'commander';
import { adjointFlow, plainFlow, WEIGHTS, type Flow, type WeightTensors } from './flow.js';
import { NeuralOde } from './models.js';
import { spiral, STRIDE } from './spiral.js';

/** How far apart the two gradients may be at the finest step, as a part of their length: float32 over many steps. */
const AGREE = 1e-5;
const SOLVER_STEPS = [2, 4, 8, 16, 32, 64];
const TRAINING_STEPS = 4;
/** What training must leave of the squared error of standing still. */
const MOST_OF_STANDING_STILL = 0.01;

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('expected a whole number of at least 0');
};

const { smoke = false, seed } = new Command('neural-ode')
  .description('Learns how points on a spiral move, with the gradient of a differential equation found two ways.')
  .option('--seed <n>', 'seed of weights and order', wholeNumber, 1)
  .option('--smoke', 'few steps of training; no verdict on what they reach')
  .parse()
  .opts<{ smoke?: boolean; seed: number }>();

interface Measured {
  readonly gradients: Tensor[];
  /** Bytes that the forward pass leaves for the backward pass. */
  readonly kept: number;
}

/** The gradient of the mean squared distance between where points get in a second and where they shall be. */
function gradientThrough(flow: Flow, from: Tensor, wanted: Tensor, weights: WeightTensors): Measured {
  let kept = 0;
  const loss = (at: WeightTensors): Tensor => {
    const before = tf.memory().numBytes;
    const reached = flow(from, ...at);
    kept = tf.memory().numBytes - before - 4 * reached.size;
    return tf.mean(tf.square(tf.sub(reached, wanted)));
  };
  return { gradients: grad(loss)(weights), kept };
}

/** `||a - b|| / ||b||` over all weights. */
function distance(a: Tensor[], b: Tensor[]): number {
  return tf.tidy(() => {
    const flat = (tensors: Tensor[]): Tensor => tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])));
    return tf.div(tf.norm(tf.sub(flat(a), flat(b))), tf.norm(flat(b))).dataSync()[0]!;
  });
}

/** Trains on one stride, then follows the flow from the first point, as far as the spiral goes. */
async function train(flow: Flow, points: number[][]) {
  const [from, to] = [points.slice(0, -1), points.slice(1)];
  const model = new NeuralOde(flow);
  const optimizer = new Adam({ learningRate: 0.01 });
  model.compile({ optimizer, loss: 'meanSquaredError', seed });
  const options = { batchSize: 25, verbose: 0 } as const;
  await model.fit(from, to, { ...options, epochs: smoke ? 5 : 300 });
  optimizer.learningRate = 0.001;
  const history = await model.fit(from, to, { ...options, epochs: smoke ? 5 : 300 });
  const { loss } = await model.evaluate(from, to);
  model.dispose();
  return { loss: loss!, milliseconds: history.millisecondsPerStep.at(-1)!, mode: history.mode.at(-1)! };
}

async function main(): Promise<void> {
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}`);
  const points = spiral();

  // One second from four points of the spiral, with the weights that training starts from.
  const model = new NeuralOde(plainFlow(1, 1));
  model.build([null, 2], seed);
  const initial = model.trainableWeightTensors();
  const weights = WEIGHTS.map((name) => initial[name]!) as WeightTensors;
  const from = tf.tensor2d([0, 20, 40, 60].map((i) => points[i]!));
  const wanted = tf.tensor2d([4, 24, 44, 64].map((i) => points[i]!));

  console.log('\nsolver steps  difference of the gradients  kept by backpropagation  kept by the adjoint method');
  let difference = Infinity;
  for (const steps of SOLVER_STEPS) {
    const adjoint = adjointFlow(1, steps);
    const through = gradientThrough(plainFlow(1, steps), from, wanted, weights);
    const back = gradientThrough(adjoint, from, wanted, weights);
    difference = distance(back.gradients, through.gradients);
    console.log(
      `${String(steps).padStart(12)}  ${difference.toExponential(1).padStart(27)}  ` +
        `${`${(through.kept / 1024).toFixed(1)} KiB`.padStart(23)}  ${`${(back.kept / 1024).toFixed(1)} KiB`.padStart(26)}`,
    );
    tf.dispose([through.gradients, back.gradients]);
    adjoint.remove();
  }
  tf.dispose([initial, from, wanted]);
  model.dispose();

  const standingStill =
    points.slice(1).reduce((sum, [x, y], i) => sum + (x! - points[i]![0]!) ** 2 + (y! - points[i]![1]!) ** 2, 0) /
    (2 * (points.length - 1));
  console.log(`\nsquared error of a stride: standing still ${standingStill.toExponential(1)}`);
  const adjoint = adjointFlow(STRIDE, TRAINING_STEPS);
  const losses: number[] = [];
  for (const [name, flow] of [
    ['the adjoint method', adjoint],
    ['backpropagation', plainFlow(STRIDE, TRAINING_STEPS)],
  ] as const) {
    const { loss, milliseconds, mode } = await train(flow, points);
    losses.push(loss);
    console.log(`trained by ${name}: ${loss.toExponential(1)} (${mode}, ${milliseconds.toFixed(2)} ms a step)`);
  }
  adjoint.remove();

  const learnt = losses.every((loss) => loss < MOST_OF_STANDING_STILL * standingStill);
  const works = difference < AGREE && (smoke || learnt);
  const ofTraining = `both trained to ${Math.max(...losses).toExponential(1)}`;
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (adjoint method and backpropagation agree to ${difference.toExponential(1)}, ${AGREE.toExponential()} wanted` +
      `${smoke ? '' : `; ${ofTraining}, ${(MOST_OF_STANDING_STILL * standingStill).toExponential(1)} wanted`})`,
  );
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
