// How strongly to regularise, found by a gradient that goes through the solution of ridge regression and not through its
// solver. Run it with `node scripts/run-example.mjs implicit-ridge`.
import { grad, gradcheck, gradgradcheck, hessian, recorded, startEngine, tf, valueAndGrad, type Tensor } from 'adjoint';
import { Command, InvalidArgumentError } from 'commander';
import { drawExamples, FEATURES } from './data.js';
import { error, Ridge } from './ridge.js';

/** Relative error of a gradient that is right, in float64. */
const RIGHT = 1e-7;
/** The most by which the validation error found by derivatives may lie above the best of a grid. */
const NO_WORSE = 1e-4;
/** What forty penalties must leave of the error that one leaves on new examples. */
const MOST_OF_ONE = 0.8;
const UNROLLED = [10, 30, 100, 300];
const NEWTON_STEPS = 6;
const LONGEST_NEWTON_STEP = 2;
const RATE = 20;

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('expected a whole number of at least 0');
};

const { smoke = false, seed } = new Command('implicit-ridge')
  .description('Finds the penalties of ridge regression by implicit differentiation.')
  .option('--seed <n>', 'seed of the data', wholeNumber, 1)
  .option('--smoke', 'few steps with forty penalties; no verdict on what they reach')
  .parse()
  .opts<{ smoke?: boolean; seed: number }>();

const numberIn = (tensor: Tensor): number => tensor.dataSync()[0]!;
/** The number that a computation gives, with all its tensors freed. */
const numberOf = (compute: () => Tensor): number => tf.tidy(() => numberIn(compute()));

async function main(): Promise<void> {
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}`);
  const ridge = new Ridge(drawExamples(50, seed, 'training'));
  const validation = drawExamples(200, seed, 'validation');
  const unseen = drawExamples(2000, seed, 'unseen');
  // The outer problem: the error of the fitted weights on other examples.
  const outer = (logPenalty: Tensor): Tensor => error(ridge.weights(logPenalty), validation);
  const onUnseen = (logPenalty: Tensor): number => numberOf(() => error(ridge.weights(logPenalty), unseen));

  const at = tf.scalar(-2);
  const [first, second] = [gradcheck(outer, [at]), gradgradcheck(outer, [at])];
  const worst = Math.max(first.error, second.error);
  console.log(
    `derivative against differences in float64: first order ${first.error.toExponential(1)}, second ${second.error.toExponential(1)}`,
  );

  // The derivative, and how many tensors wait for the backward pass.
  const derivativeThrough = (fit: (logPenalty: Tensor) => Tensor): [derivative: number, kept: number] => {
    let kept = 0;
    const loss = (logPenalty: Tensor): Tensor => {
      const before = tf.memory().numTensors;
      const weights = tf.tidy(() => fit(logPenalty));
      kept = tf.memory().numTensors - before;
      return error(weights, validation);
    };
    return [numberOf(() => grad(loss)(at)), kept];
  };
  const [implicit, keptByImplicit] = derivativeThrough(ridge.weights);
  console.log(
    `\nimplicit derivative ${implicit.toFixed(4)}, ${keptByImplicit} tensors kept; through steps of descent instead:`,
  );
  for (const steps of UNROLLED) {
    const [unrolled, kept] = derivativeThrough((logPenalty) => ridge.descend(logPenalty, steps));
    console.log(`${String(steps).padStart(5)} steps: ${unrolled.toFixed(4).padStart(8)}, ${kept} tensors kept`);
  }

  // One penalty: Newton's method, on the derivative of the derivative.
  let logPenalty: Tensor = tf.scalar(0);
  for (let i = 0; i < NEWTON_STEPS; i++) {
    const next = tf.tidy(() => {
      const step = tf.div(grad(outer)(logPenalty), tf.abs(hessian(outer)(logPenalty)));
      return tf.sub(logPenalty, tf.clipByValue(step, -LONGEST_NEWTON_STEP, LONGEST_NEWTON_STEP));
    });
    logPenalty.dispose();
    logPenalty = next;
  }
  const byNewton = numberOf(() => outer(logPenalty));
  const grid = Array.from({ length: 41 }, (_, i) => -6 + 0.2 * i);
  const byGrid = Math.min(...grid.map((value) => numberOf(() => outer(tf.scalar(value)))));
  const withOne = onUnseen(logPenalty);
  console.log(
    `\none penalty: ${Math.exp(numberIn(logPenalty)).toFixed(4)} after ${NEWTON_STEPS} Newton steps, validation error ` +
      `${byNewton.toFixed(5)}, the best of ${grid.length} on a grid ${byGrid.toFixed(5)}; on new examples ${withOne.toFixed(4)}`,
  );

  // A penalty for each feature, where a grid is out of the question and a gradient costs what it did before.
  const step = recorded((penalties: Tensor) => {
    const { value, gradient } = valueAndGrad(outer)(penalties);
    return { value, next: tf.sub(penalties, tf.mul(RATE, gradient)) };
  });
  const steps = smoke ? 3 : 200;
  let penalties: Tensor = tf.tidy(() => tf.fill([FEATURES, 1], numberIn(logPenalty)));
  for (let i = 0; i < steps; i++) {
    const { value, next } = await step(penalties);
    tf.dispose([value, penalties]);
    penalties = next;
  }
  const withMany = onUnseen(penalties);
  console.log(`${FEATURES} penalties, ${steps} gradient steps: on new examples ${withMany.toFixed(4)}`);

  const smooth = first.kinks.length + second.kinks.length === 0;
  const right = smooth && worst < RIGHT && byNewton < byGrid + NO_WORSE;
  const works = right && (smoke || withMany < MOST_OF_ONE * withOne);
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (implicit gradient right to ${worst.toExponential(1)}, Newton no worse than the grid` +
      `${smoke ? '' : `, ${FEATURES} penalties leave ${((100 * withMany) / withOne).toFixed(0)} % of the error of one, at most ${100 * MOST_OF_ONE} % wanted`})`,
  );
  if (!works) process.exitCode = 1;
  step.dispose();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
