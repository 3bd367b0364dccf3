// Attacks the digits' network with the fast gradient sign method: `node scripts/run-example.mjs fgsm --help`.
import {
  grad,
  handwrittenDigits,
  loadMnist,
  recorded,
  rngKey,
  SparseCategoricalCrossentropy,
  startEngine,
  tf,
  uniform,
  type BaseModel,
  type DigitDataset,
  type Tensor,
} from 'adjoint';
import { Command } from 'commander';
import { Digits } from '../mnist/models.js';

const SEED = 1;
/** How far each pixel, from 0 to 1, may be moved. */
const STRENGTHS = [0.05, 0.1, 0.25];
const LEAST_CLEAN = 0.9;
/** At the greatest strength: of what is read rightly, at most this share is left by the attack, at least that by noise. */
const MOST_LEFT = 0.5;
const LEAST_LEFT_BY_NOISE = 0.8;

const flags = new Command('fgsm')
  .description("Trains the digits' network shortly and attacks it with the fast gradient sign method.")
  .option('--data <dir>', 'folder with the four MNIST files (IDX, plain or .gz); default the built-in digits')
  .option('--smoke', 'few digits, one short epoch and no verdict on accuracies')
  .parse()
  .opts<{ data?: string; smoke?: boolean }>();

const loss = new SparseCategoricalCrossentropy({ fromLogits: true });

async function loadDigits(): Promise<DigitDataset> {
  if (flags.data !== undefined) return loadMnist({ directory: flags.data });
  return handwrittenDigits(
    flags.smoke === true ? { train: 256, test: 64, seed: SEED } : { train: 6000, test: 1000, seed: SEED },
  );
}

/** `x + strength direction`, as an image again: with pixels from 0 to 1. */
function moved(x: Tensor, direction: Tensor, strength: number): Tensor {
  return tf.clipByValue(tf.add(x, tf.mul(strength, direction)), 0, 1);
}

async function main(): Promise<void> {
  const { smoke = false } = flags;
  const engine = startEngine();
  const digits = await loadDigits();
  console.log(`TensorFlow ${engine.version} on ${engine.device}; ${digits.train.x.shape[0]} digits to train on.`);

  const model: BaseModel = new Digits();
  model.compile({ optimizer: 'adam', loss, metrics: ['accuracy'], seed: SEED });
  await model.fit(digits.train, { epochs: smoke ? 1 : 2, batchSize: 64, verbose: 0 });

  // The gradient by the pixels; the weights are constants here.
  const lossOf = (x: Tensor, labels: Tensor): Tensor => loss.compute(labels, model.call(x));
  const worstDirection = recorded((x: Tensor, labels: Tensor) => tf.sign(grad(lossOf)(x, labels)));

  const { x: images, y: labels } = digits.test;
  const x = tf.tensor(images.values, [...images.shape]);
  const y = tf.tensor(labels.values, [...labels.shape], 'int32');
  const attack = await worstDirection(x, y);
  const coins = uniform(rngKey(SEED, 'noise'), images.values.length);
  const noise = tf.tensor(
    Float32Array.from(coins, (draw) => (draw < 0.5 ? -1 : 1)),
    [...images.shape],
  );

  const accuracyOf = async (direction: Tensor, strength: number): Promise<number> => {
    const changed = moved(x, direction, strength);
    const { accuracy } = await model.evaluate(changed, y, { batchSize: 500 });
    changed.dispose();
    return accuracy!;
  };
  const clean = await accuracyOf(noise, 0);
  console.log(`accuracy on ${images.shape[0]} test digits ${clean.toFixed(3)}\n\nstrength   attacked   random signs`);
  let [attacked, random] = [clean, clean];
  for (const strength of STRENGTHS) {
    [attacked, random] = [await accuracyOf(attack, strength), await accuracyOf(noise, strength)];
    console.log(
      `${strength.toFixed(2).padStart(8)}   ${attacked.toFixed(3).padStart(8)}   ${random.toFixed(3).padStart(12)}`,
    );
  }

  const hurts = attacked <= MOST_LEFT * clean && random >= LEAST_LEFT_BY_NOISE * clean;
  const works = smoke ? attacked < random : clean >= LEAST_CLEAN && hurts;
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (accuracy clean ${clean.toFixed(3)}, attacked ${attacked.toFixed(3)}, random signs ` +
      `${random.toFixed(3)}${smoke ? '' : `; ${LEAST_CLEAN}, at most ${MOST_LEFT} and at least ${LEAST_LEFT_BY_NOISE} of that wanted`})`,
  );
  if (!works) process.exitCode = 1;
  worstDirection.dispose();
  tf.dispose([x, y, attack, noise]);
  model.dispose();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
