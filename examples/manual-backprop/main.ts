// Backpropagation by hand against autodiff: `node scripts/run-example.mjs manual-backprop`.
import {
  grad,
  handwrittenDigits,
  inFloat64,
  readFloat64,
  startEngine,
  tf,
  type LabelledImages,
  type Tensor,
} from 'adjoint';
import { Command } from 'commander';
import { backpropagate, forward, loss, makeWeights, type Weights } from './perceptron.js';

const PIXELS = 28 * 28;
const HIDDEN = 32;
const CLASSES = 10;
const SEED = 1;
const BATCH_SIZE = 50;
const LEARNING_RATE = 0.2;
/** Two orders of summation differ by a few roundings, each of 1e-16 in float64 and of 6e-8 in float32. */
const SAME_IN_FLOAT64 = 1e-13;
const SAME_IN_FLOAT32 = 1e-5;
/** A tenth is what guessing reaches. */
const LEAST_ACCURACY = 0.8;

const { smoke = false } = new Command('manual-backprop')
  .description('Trains a perceptron by the four equations of backpropagation, and compares them with autodiff.')
  .option('--smoke', 'few digits and no verdict on the accuracy')
  .parse()
  .opts<{ smoke?: boolean }>();

type Digits = {
  /** `[digits, pixels]` */
  readonly x: Tensor;
  /** `[digits]` */
  readonly labels: Tensor;
};

const names = ['kernel1', 'bias1', 'kernel2', 'bias2'] as const;

function onDevice({ x, y }: LabelledImages): Digits {
  return { x: tf.tensor(x.values, [x.shape[0]!, PIXELS]), labels: tf.tensor(y.values, [...y.shape], 'int32') };
}

/** `||a - b|| / max(||a||, ||b||)` */
function relativeError(a: Tensor, b: Tensor): number {
  return readFloat64(tf.div(tf.norm(tf.sub(a, b)), tf.maximum(tf.norm(a), tf.norm(b))))[0]!;
}

/** How far the two gradients are apart, for each weight. */
function errors(weights: Weights, { x, labels }: Digits): number[] {
  const byHand = backpropagate(weights, x, labels);
  const automatic = grad(loss)(weights, x, labels);
  return names.map((name) => relativeError(byHand[name], automatic[name]));
}

function compare(title: string, weights: Weights, batch: Digits): { float64: number; float32: number } {
  const [double, single] = tf.tidy(() => [inFloat64(() => errors(weights, batch)), errors(weights, batch)]);
  console.log(`${title}, relative error   float64   float32`);
  names.forEach((name, i) => {
    console.log(
      `  ${name.padEnd(title.length + 14)}   ${double![i]!.toExponential(1)}   ${single![i]!.toExponential(1)}`,
    );
  });
  return { float64: Math.max(...double!), float32: Math.max(...single!) };
}

/** One pass over the digits; gives the new weights and frees the old ones. */
function trainEpoch(weights: Weights, { x, labels }: Digits): Weights {
  for (let start = 0; start < x.shape[0]!; start += BATCH_SIZE) {
    const updated = tf.tidy(() => {
      const [rows, digits] = [tf.slice(x, start, BATCH_SIZE), tf.slice(labels, start, BATCH_SIZE)];
      const gradients = backpropagate(weights, rows, digits);
      const step = (name: keyof Weights): Tensor => tf.sub(weights[name], tf.mul(LEARNING_RATE, gradients[name]));
      return { kernel1: step('kernel1'), bias1: step('bias1'), kernel2: step('kernel2'), bias2: step('bias2') };
    });
    tf.dispose(weights);
    weights = updated;
  }
  return weights;
}

function accuracy(weights: Weights, { x, labels }: Digits): number {
  return tf.tidy(() => {
    const predicted = tf.cast(tf.argMax(forward(weights, x).logits, -1), 'int32');
    return tf.mean(tf.cast(tf.equal(predicted, labels), 'float32')).dataSync()[0]!;
  });
}

function main(): void {
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}; perceptron ${PIXELS}-${HIDDEN}-${CLASSES}.`);
  const digits = handwrittenDigits(
    smoke ? { train: 500, test: 100, seed: SEED } : { train: 4000, test: 1000, seed: SEED },
  );
  const [train, test] = [onDevice(digits.train), onDevice(digits.test)];
  const batch = { x: tf.slice(train.x, 0, BATCH_SIZE), labels: tf.slice(train.labels, 0, BATCH_SIZE) };

  let weights = makeWeights(PIXELS, HIDDEN, CLASSES, SEED);
  const before = compare('first weights', weights, batch);
  for (let epoch = 0; epoch < (smoke ? 1 : 10); epoch++) weights = trainEpoch(weights, train);
  const reached = accuracy(weights, test);
  console.log(`trained by hand: test accuracy ${reached.toFixed(3)}`);
  const after = compare('trained weights', weights, batch);

  const float64 = Math.max(before.float64, after.float64);
  const same = float64 < SAME_IN_FLOAT64 && Math.max(before.float32, after.float32) < SAME_IN_FLOAT32;
  const works = same && (smoke || reached >= LEAST_ACCURACY);
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (gradients agree to ${float64.toExponential(1)} in float64, ${SAME_IN_FLOAT64} wanted` +
      `${smoke ? '' : `; accuracy ${reached.toFixed(3)}, ${LEAST_ACCURACY} wanted`})`,
  );
  if (!works) process.exitCode = 1;
  tf.dispose([weights, train, test, batch]);
}

main();
