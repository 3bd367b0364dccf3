// Four ways to one gradient, with their errors and costs: `node scripts/run-example.mjs four-gradients`.
import {
  grad,
  inFloat64,
  normal,
  readFloat64,
  recorded,
  rngKey,
  startEngine,
  tf,
  valueAndGrad,
  type Tensor,
} from 'adjoint';
import { Command } from 'commander';
import { plain } from './arithmetic.js';
import { dual } from './dual.js';
import { loss, makeWeights, manualGradient, tensorLoss } from './perceptron.js';
import { Tape, TapeNumber } from './tape.js';

/** The step that balances what the formula of differences leaves out against the rounding of the values. */
const STEP = Math.cbrt(Number.EPSILON);
/** What the exact ways may differ by: roundings. */
const EXACT = 1e-12;
/** What differences leave, in float64. */
const NEAR = 1e-7;
/** At the largest size the reverse way must be so much cheaper than one pass for each weight. */
const LEAST_ADVANTAGE = 10;

const { smoke = false } = new Command('four-gradients')
  .description('Computes one gradient by hand, by differences, by dual numbers and by a tape.')
  .option('--smoke', 'small sizes and no verdict on the cost')
  .parse()
  .opts<{ smoke?: boolean }>();

type Gradient = (weights: readonly number[]) => number[];

/** By central differences: two losses for each weight. */
const numericalGradient =
  (step: number): Gradient =>
  (weights) =>
    weights.map((_, moved) => {
      const at = (shift: number): number =>
        loss(
          plain,
          weights.map((weight, i) => (i === moved ? weight + shift : weight)),
        );
      return (at(step) - at(-step)) / (2 * step);
    });

/** Forward: one pass for each weight, whose tangent is 1. */
const forwardGradient: Gradient = (weights) =>
  weights.map((_, chosen) => {
    const duals = weights.map((value, i) => ({ value, tangent: i === chosen ? 1 : 0 }));
    return loss(dual, duals).tangent;
  });

/** Reverse: one pass forth, one back, for all weights. */
const reverseGradient: Gradient = (weights) => {
  const tape = new Tape();
  const leaves = weights.map((weight) => new TapeNumber(weight));
  tape.backward(loss(tape, leaves));
  return leaves.map(({ adjoint }) => adjoint);
};

/** Adjoint's tape, over tensors. */
const tensorGradient: Gradient = (weights) =>
  inFloat64(() => tf.tidy(() => [...readFloat64(grad(tensorLoss)(tf.tensor1d([...weights])))]));

function relativeError(a: readonly number[], b: readonly number[]): number {
  const norm = (values: readonly number[]): number => Math.hypot(...values);
  return norm(a.map((value, i) => value - b[i]!)) / Math.max(norm(a), norm(b));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Median microseconds of a call, of as many as fit into some time, and of three at least. */
function timeOf(call: () => unknown): number {
  const times: number[] = [];
  const end = performance.now() + (smoke ? 1 : 300);
  while (times.length < 3 || performance.now() < end) {
    const started = performance.now();
    call();
    times.push(1000 * (performance.now() - started));
  }
  return median(times);
}

const methods: readonly { name: string; gradient: Gradient }[] = [
  { name: 'manual', gradient: manualGradient },
  { name: 'numerical', gradient: numericalGradient(STEP) },
  { name: 'forward, dual numbers', gradient: forwardGradient },
  { name: 'reverse, tape', gradient: reverseGradient },
  { name: "Adjoint's grad", gradient: tensorGradient },
];
const [NUMERICAL, FORWARD, REVERSE] = [1, 2, 3];

/** Prints a table for one size; gives the errors and the costs, which are in units of one loss. */
function compareMethods(hidden: number): { errors: number[]; costs: number[] } {
  const weights = makeWeights(hidden);
  const reference = manualGradient(weights);
  const lossTime = timeOf(() => loss(plain, weights));
  console.log(`\n${weights.length} weights; the loss alone takes ${lossTime.toFixed(1)} us`);
  console.log(`${''.padEnd(22)}     error    time, us   time / loss`);
  const errors = methods.map(({ gradient }) => relativeError(gradient(weights), reference));
  const costs = methods.map(({ name, gradient }, i) => {
    const time = timeOf(() => gradient(weights));
    const columns = [
      errors[i]!.toExponential(1).padStart(9),
      time.toFixed(1).padStart(11),
      (time / lossTime).toFixed(1).padStart(13),
    ];
    console.log(`${name.padEnd(22)} ${columns.join(' ')}`);
    return time / lossTime;
  });
  return { errors, costs };
}

/** The backward pass of the scalar tape against its forward pass. */
function printTapeRatio(hidden: number): void {
  const weights = makeWeights(hidden);
  const runs = Array.from({ length: smoke ? 3 : 200 }, () => {
    const started = performance.now();
    const tape = new Tape();
    const leaves = weights.map((weight) => new TapeNumber(weight));
    const result = loss(tape, leaves);
    const turned = performance.now();
    tape.backward(result);
    return (performance.now() - turned) / (turned - started);
  });
  console.log(`\nBackward pass / forward pass, tape of numbers: ${median(runs).toFixed(2)}`);
}

/** The same of Adjoint, for a perceptron of three layers on a batch of rows. */
async function printTensorRatio(): Promise<void> {
  const [batch, width] = smoke ? [8, 16] : [256, 512];
  const matrix = (name: string, rows: number): Tensor =>
    tf.tensor2d(
      Float32Array.from(normal(rngKey(1, name), rows * width), (draw) => draw / Math.sqrt(width)),
      [rows, width],
    );
  const rows = matrix('rows', batch);
  const kernels = ['first', 'second', 'third'].map((name) => matrix(name, width));
  const network = (weights: readonly Tensor[]): Tensor =>
    tf.mean(tf.square(weights.reduce((x, kernel) => tf.tanh(tf.matMul(x, kernel)), rows)));
  const forward = recorded((...weights: Tensor[]) => network(weights));
  const both = recorded((...weights: Tensor[]) => {
    const { value, gradient } = valueAndGrad(network)(weights);
    return [value, ...gradient];
  });

  const times: { forward: number; both: number }[] = [];
  // The first two calls record; the two functions take turns, so that a busy machine slows both.
  for (let run = 0; run < (smoke ? 3 : 40); run++) {
    const started = performance.now();
    tf.dispose(await forward(...kernels));
    const between = performance.now();
    tf.dispose(await both(...kernels));
    if (run >= 2) times.push({ forward: between - started, both: performance.now() - between });
  }
  const forwardTime = median(times.map((time) => time.forward));
  const bothTime = median(times.map((time) => time.both));
  const ratio = (bothTime - forwardTime) / forwardTime;
  console.log(
    `Backward pass / forward pass, Adjoint on ${3 * width * width} weights: ${ratio.toFixed(2)} ` +
      `(${forwardTime.toFixed(1)} ms forward, ${bothTime.toFixed(1)} ms both)`,
  );
  forward.dispose();
  both.dispose();
  tf.dispose([rows, kernels]);
}

async function main(): Promise<void> {
  startEngine();
  const weights = makeWeights(8);
  const exact = manualGradient(weights);
  console.log('Step of the differences, and what it makes of the numerical gradient:');
  for (const step of [1e-1, 1e-3, STEP, 1e-8, 1e-11]) {
    const error = relativeError(numericalGradient(step)(weights), exact);
    console.log(`  ${step.toExponential(0)}  ${error.toExponential(1)}`);
  }

  const results = (smoke ? [2, 8] : [8, 32, 128]).map(compareMethods);
  printTapeRatio(smoke ? 8 : 128);
  await printTensorRatio();

  const worst = (isNumerical: boolean): number =>
    Math.max(...results.flatMap(({ errors }) => errors.filter((_, i) => (i === NUMERICAL) === isNumerical)));
  const [exactError, numericalError] = [worst(false), worst(true)];
  const { costs } = results.at(-1)!;
  const advantage = Math.min(costs[NUMERICAL]!, costs[FORWARD]!) / costs[REVERSE]!;
  const works = exactError < EXACT && numericalError < NEAR && (smoke || advantage >= LEAST_ADVANTAGE);
  console.log(
    `\nVerdict: ${works ? 'ok' : 'FAILED'} (exact ways agree to ${exactError.toExponential(1)}, ${EXACT} wanted; differences to ` +
      `${numericalError.toExponential(1)}, ${NEAR} wanted` +
      `${smoke ? '' : `; reverse ${advantage.toFixed(0)} times cheaper than a pass for each weight, ${LEAST_ADVANTAGE} wanted`})`,
  );
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
