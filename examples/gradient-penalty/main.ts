// The gradient of a gradient penalty, right and wrong: `node scripts/run-example.mjs gradient-penalty`.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { grad, gradcheck, normal, rngKey, startEngine, tf, type Tensor } from 'adjoint';
import { Command } from 'commander';
import { Critic, PENALTY_WEIGHT } from './critic.js';
import { KERNEL, networkPenalty, penaltyGradients } from './penalty.js';

const SEED = 1;
const POINTS = 2048;
/** How far the two clouds of points are apart. */
const SHIFT = 2;
/** In float64, against differences. */
const TOLERANCE = 1e-7;
/** What float32 adds. */
const SAME = 1e-5;
/** How near the trained critic's slope has to come to the best one. */
const SLOPE_TOLERANCE = 0.05;
/** A straight critic of slope k costs `weight (k - 1)^2 - k shift`, which is least here. */
const BEST_SLOPE = 1 + SHIFT / (2 * PENALTY_WEIGHT);

const { smoke = false } = new Command('gradient-penalty')
  .description('Differentiates the gradient penalty of a Wasserstein critic with sigmoids, and trains such a critic.')
  .option('--smoke', 'a few steps of training and no verdict on it')
  .parse()
  .opts<{ smoke?: boolean }>();

interface PlainResult {
  version: string;
  smallest: number;
  network: number[];
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** What tfjs makes of the same code in a process without Adjoint. */
function plainTfjs(): PlainResult {
  const script = fileURLToPath(new URL('./plain-tfjs.ts', import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [...process.execArgv, script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`plain tfjs failed: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as PlainResult;
}

/** `d/dw (w s' - 1)^2` at w = 1, with s' the slope of sigmoid at 1 and s'' that slope's own. */
function truthOfSmallest(): number {
  const s = 1 / (1 + Math.exp(-1));
  const slope = s * (1 - s);
  const bend = slope * (1 - 2 * s);
  return 2 * (slope - 1) * (slope + bend);
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b);
}

/** The mean slope of a critic half-way between two clouds of points, and how far apart it holds the clouds. */
function measure(critic: Critic, real: Tensor, fake: Tensor): { slope: number; apart: number } {
  const [slope, apart] = tf.tidy(() => {
    const between = tf.div(tf.add(real, fake), 2);
    const slopes = grad((x: Tensor) => tf.sum(critic.call(x)))(between);
    const distance = tf.sub(tf.mean(critic.call(real)), tf.mean(critic.call(fake)));
    return [tf.mean(tf.norm(slopes, 'euclidean', 1)).dataSync()[0]!, distance.dataSync()[0]!];
  });
  return { slope: slope!, apart: apart! };
}

/** Trains a critic between a cloud of points and the same cloud moved, whose Wasserstein distance is the move. */
async function trainCritic(): Promise<{ slope: number; apart: number }> {
  const size = smoke ? 256 : POINTS;
  const cloud = (name: string): Tensor =>
    tf.tensor2d(Float32Array.from(normal(rngKey(SEED, name), 2 * size)), [size, 2]);
  const [real, centred] = [cloud('real'), cloud('fake')];
  const fake = tf.sub(centred, [SHIFT, 0]);
  const critic = new Critic();
  critic.compile({ seed: SEED });
  const { mode } = await critic.fit(real, fake, { epochs: smoke ? 1 : 40, batchSize: 128, verbose: 0 });
  const measured = measure(critic, real, fake);
  console.log(
    `\nCritic trained with it (${mode.at(-1)}): slope ${measured.slope.toFixed(3)}, best is ${BEST_SLOPE.toFixed(3)}; ` +
      `clouds held ${measured.apart.toFixed(3)} apart, best is ${(BEST_SLOPE * SHIFT).toFixed(3)}`,
  );
  critic.dispose();
  tf.dispose([real, centred, fake]);
  return measured;
}

async function main(): Promise<void> {
  const engine = startEngine();
  const plain = plainTfjs();
  const ours = penaltyGradients(tf);
  const truth = truthOfSmallest();
  console.log(`TensorFlow ${engine.version} on ${engine.device}; tfjs ${plain.version} alone in another process.\n`);
  console.log('Gradient of the penalty of sigmoid(w x) by w, at w = x = 1:');
  console.log(
    `  by formula ${truth.toFixed(6)}   Adjoint ${ours.smallest.toFixed(6)}   tfjs ${plain.smallest.toFixed(6)}`,
  );

  const kernel = tf.tensor2d(KERNEL);
  const check = gradcheck((at) => networkPenalty(tf, at), [kernel], { tolerance: TOLERANCE });
  kernel.dispose();
  const numbers = (values: readonly number[]): string => values.map((value) => value.toFixed(4).padStart(7)).join('  ');
  console.log('The same of a critic of three units, by their kernel:');
  console.log(`  Adjoint  ${numbers(ours.network)}   against differences in float64: ${check.error.toExponential(1)}`);
  console.log(`  tfjs     ${numbers(plain.network)}   off by ${percent(distance(plain.network, ours.network))}`);

  const { slope } = await trainCritic();
  const right = check.passed && Math.abs(ours.smallest - truth) < SAME;
  const works = right && (smoke || Math.abs(slope - BEST_SLOPE) < SLOPE_TOLERANCE);
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (Adjoint ${ours.smallest.toFixed(3)}, truth ${truth.toFixed(3)}, tfjs ${plain.smallest.toFixed(3)}; ` +
      `differences agree to ${check.error.toExponential(1)}, ${TOLERANCE} wanted${smoke ? '' : `; slope ${slope.toFixed(2)}, ${BEST_SLOPE.toFixed(2)} wanted`})`,
  );
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
