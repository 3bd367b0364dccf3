// Four ways to one gradient, with their errors and costs: `node scripts/run-example.mjs four-gradients`.
import { grad, inFloat64, normal, readFloat64, recorded, rngKey, startEngine, tf, valueAndGrad, type Tensor } from 'adjoint';
import { Command } from 'commander';
import { plain } from './arithmetic.js';
import { dual } from './dual.js';
import { loss, makeWeights, manualGradient, tensorLoss } from './perceptron.js';
import { Tape, TapeNumber } from './tape.js';

/** The step that balances what the formula of differences leaves out against the rounding of the values. */
const STEP = Math.cbrt(Number.EPSILON);
/** What exact methods may differ by: roundings. */
const EXACT = 1e-12;
const NEAR = 1e-7;
/** The reverse way must be so much cheaper than the other two at the largest size; it is by the number of weights. */
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
        loss(plain, weights.map((weight, i) => (i === moved ? weight + shift : weight)));
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

/** Median microseconds of a call. */
function timeOf(call: () => unknown, least = 30): number {
  const times: number[] = [];
  const end = performance.now() + (smoke ? 1 : 200);
  while (times.length < least || performance.now() < end) {
    const started = performance.now();
    call();
    times.push(1000 * (performance.now() - started));
    if (times.length >= 3 && performance.now() > end + 1000) break;
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

const methods: readonly { name: string; gradient: Gradient; wanted: number }[] = [
  { name: 'manual', gradient: manualGradient, wanted: EXACT },
  { name: 'numerical', gradient: numericalGradient(STEP), wanted: NEAR },
  { name: 'forward, dual numbers', gradient: forwardGradient, wanted: EXACT },
  { name: 'reverse, tape', gradient: reverseGradient, wanted: EXACT },
  { name: "Adjoint's grad", gradient: tensorGradient, wanted: EXACT },
];

/** Prints a table for one size; gives the errors' verdict and the costs in units of one loss. */
function compareMethods(hidden: number): { right: boolean; costs: number[] } {
  const weights = makeWeights(hidden);
  const reference = manualGradient(weights);
  const lossTime = timeOf(() => loss(plain, weights));
  console.log(`\n${weights.length} weights; the loss alone takes ${lossTime.toFixed(1)} us`);
  console.log(`${''.padEnd(22)}     error    time, us   time / loss`);
  let right = true;
  const costs = methods.map(({ name, gradient, wanted }) => {
    const error = relativeError(gradient(weights), reference);
    right &&= error <= wanted;
    const time = timeOf(() => gradient(weights));
    const columns = [error.toExponential(1).padStart(9), time.toFixed(1).padStart(11), (time / lossTime).toFixed(1).padStart(13)];
    console.log(`${name.padEnd(22)} ${columns.join(' ')}`);
    return time / lossTime;
  });
  return { right, costs };
}

/** The backward pass against the forward pass, of the scalar tape and of a network of tensors. */
async function compareDirections(hidden: number): Promise<void> {
  const weights = makeWeights(hidden);
  const forth: number[] = [];
  const back: number[] = [];
  for (let run = 0; run < (smoke ? 3 : 50); run++) {
    const started = performance.now();
    const tape = new Tape();
    const result = loss(tape, weights.map((weight) => new TapeNumber(weight)));
    const turned = performance.now();
    tape.backward(result);
    forth.push(turned - started);
    back.push(performance.now() - turned);
  }
  const ratio = (others: number[], ones: number[]): string => {
    const median = (times: number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
    return (median(others) / median(ones)).toFixed(2);
  };
  console.log(`\nbackward / forward pass of the tape, ${weights.length} weights: ${ratio(back, forth)}`);
}
