// The natural gradient against stochastic gradient descent, on features in one unit and in many. Run it with
// `node scripts/run-example.mjs natural-gradient`.
import { conjugateGradients, fisherVectorProduct, grad, recorded, startEngine, tf, type Tensor } from 'adjoint';
import { Command, InvalidArgumentError } from 'commander';
import { badlyScaled, drawProblem, FEATURES, logits, negativeLogLikelihood, type Problem } from './problem.js';

const NATURAL_STEPS = 6;
const DAMPING = 1e-6;
/** More than one for each unknown, as rounding costs conjugate gradients some. */
const SOLVER_ITERATIONS = 4 * FEATURES;
const RATES = [0.003, 0.01, 0.03, 0.1, 0.3, 1];
const BATCHES = 10;
/** What the natural gradient's losses may differ by between the two problems: the damping, and float32. */
const SAME = 1e-3;
/** By how much gradient descent must be behind after all its epochs. */
const LEAST_LEAD = 0.01;

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('expected a whole number of at least 0');
};

const { smoke = false, seed } = new Command('natural-gradient')
  .description('Fits a logistic regression by natural gradient and by SGD, with features of one size and of many.')
  .option('--seed <n>', 'seed of the data', wholeNumber, 1)
  .option('--smoke', 'few epochs of SGD')
  .parse()
  .opts<{ smoke?: boolean; seed: number }>();

/** Weights from zero, step after step, with the loss before the first and after each. */
async function losses(problem: Problem, steps: number, step: (weights: Tensor) => Promise<Tensor>): Promise<number[]> {
  const lossOf = (at: Tensor): number =>
    tf.tidy(() => negativeLogLikelihood(logits(at, problem.x), problem.y).dataSync()[0]!);
  let weights: Tensor = tf.zeros([FEATURES, 1]);
  const found = [lossOf(weights)];
  for (let i = 0; i < steps; i++) {
    const next = await step(weights);
    weights.dispose();
    weights = next;
    found.push(lossOf(weights));
  }
  weights.dispose();
  return found;
}

/** `w - F^-1 gradient`, with products of the Fisher matrix `F` alone. */
const naturalStep = recorded((weights: Tensor, x: Tensor, y: Tensor): Tensor => {
  const model = (at: Tensor): Tensor => logits(at, x);
  const loss = (outputs: Tensor): Tensor => negativeLogLikelihood(outputs, y);
  const fisher = (v: Tensor): Tensor => tf.add(fisherVectorProduct(model, loss, weights, v), tf.mul(DAMPING, v));
  const gradient = grad((at: Tensor) => loss(model(at)))(weights);
  return tf.sub(weights, conjugateGradients(fisher, gradient, { iterations: SOLVER_ITERATIONS }));
});

const sgdStep = recorded((weights: Tensor, x: Tensor, y: Tensor, rate: Tensor): Tensor => {
  const gradient = grad((at: Tensor) => negativeLogLikelihood(logits(at, x), y))(weights);
  return tf.sub(weights, tf.mul(rate, gradient));
});

/** The last loss of SGD at the best of several rates. */
async function bestOfSgd(problem: Problem, epochs: number): Promise<{ rate: number; loss: number }> {
  const [xs, ys] = [tf.split(problem.x, BATCHES), tf.split(problem.y, BATCHES)];
  let best = { rate: 0, loss: Infinity };
  for (const rate of RATES) {
    const rateTensor = tf.scalar(rate);
    const epoch = async (weights: Tensor): Promise<Tensor> => {
      let at = weights.clone();
      for (let batch = 0; batch < BATCHES; batch++) {
        const next = await sgdStep(at, xs[batch]!, ys[batch]!, rateTensor);
        at.dispose();
        at = next;
      }
      return at;
    };
    const loss = (await losses(problem, epochs, epoch)).at(-1)!;
    if (loss < best.loss) best = { rate, loss };
    rateTensor.dispose();
  }
  tf.dispose([xs, ys]);
  return best;
}

async function main(): Promise<void> {
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}`);
  const epochs = smoke ? 5 : 100;
  const even = drawProblem(500, seed);
  const problems = { 'features of one size': even, 'features from 0.1 to 10': badlyScaled(even) };
  const natural: number[][] = [];
  const sgd: number[] = [];
  for (const [name, problem] of Object.entries(problems)) {
    const path = await losses(problem, NATURAL_STEPS, (weights) => naturalStep(weights, problem.x, problem.y));
    const { rate, loss } = await bestOfSgd(problem, epochs);
    natural.push(path);
    sgd.push(loss);
    console.log(`${name}:`);
    console.log(`  natural gradient, step by step  ${path.map((value) => value.toFixed(4)).join('  ')}`);
    console.log(`  SGD after ${epochs} epochs  ${loss.toFixed(4)}, at ${rate}, the best of ${RATES.length} rates`);
  }
  const apart = Math.max(...natural[0]!.map((value, i) => Math.abs(value - natural[1]![i]!)));
  const behind = sgd[1]! - natural[1]!.at(-1)!;

  const works = apart < SAME && behind > LEAST_LEAD;
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (scales change the natural gradient's losses by ${apart.toExponential(1)}, at most ${SAME} wanted; ` +
      `badly scaled, ${epochs} epochs of SGD end ${behind.toFixed(3)} above ${NATURAL_STEPS} natural steps, at least ${LEAST_LEAD} wanted)`,
  );
  if (!works) process.exitCode = 1;

  for (const fn of [naturalStep, sgdStep]) fn.dispose();
  tf.dispose(Object.values(problems).map(({ x, y }) => [x, y]) as tf.TensorContainer);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
