// Training in half precision, and what loss scaling is for: `node scripts/run-example.mjs mixed-precision`.
import { handwrittenDigits, layers, sequential, SparseCategoricalCrossentropy, type Precision } from 'adjoint';
import { Command } from 'commander';
import { measureUnderflow, watchOverflow } from './underflow.js';

const SEED = 1;
/** What half precision may cost of the accuracy: five of the thousand test digits. */
const MOST_LOST = 0.005;
/** float16 keeps eleven bits of each factor. */
const FLOAT16_ERROR = 0.01;
const PRECISIONS: readonly Precision[] = ['float32', 'mixed_bfloat16', 'mixed_float16'];
/** The second step overflows: its scale is halved, and after two good steps it is doubled. */
const EXPECTED_SCALES = [1024, 1024, 512, 512, 1024, 1024];

const { smoke = false } = new Command('mixed-precision')
  .description('Trains a convolutional network in half precision, and shows what loss scaling is for.')
  .option('--smoke', 'few digits and no verdict on accuracies')
  .parse()
  .opts<{ smoke?: boolean }>();

const digits = handwrittenDigits(
  smoke ? { train: 256, test: 100, seed: SEED } : { train: 4000, test: 1000, seed: SEED },
);

interface Trained {
  readonly accuracy: number;
  readonly milliseconds: number;
}

async function train(precision: Precision): Promise<Trained> {
  const model = sequential([
    layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.conv2d({ filters: 64, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    layers.dense({ units: 128, activation: 'relu' }),
    layers.dense({ units: 10 }),
  ]);
  const loss = new SparseCategoricalCrossentropy({ fromLogits: true });
  model.compile({ optimizer: 'adam', loss, metrics: ['accuracy'], seed: SEED, precision });
  const options = { batchSize: 128, verbose: 0 } as const;
  // The first epoch records the step.
  await model.fit(digits.train, { ...options, epochs: 1 });
  const start = performance.now();
  const epochs = smoke ? 1 : 5;
  await model.fit(digits.train, { ...options, epochs });
  const steps = epochs * Math.ceil(digits.train.x.shape[0]! / options.batchSize);
  const milliseconds = (performance.now() - start) / steps;
  const { accuracy } = await model.evaluate(digits.test);
  model.dispose();
  return { accuracy: accuracy!, milliseconds };
}

async function main(): Promise<void> {
  console.log('precision        ms a step   accuracy');
  const results: Trained[] = [];
  for (const precision of PRECISIONS) {
    const result = await train(precision);
    results.push(result);
    const time = result.milliseconds.toFixed(1).padStart(9);
    console.log(`${precision.padEnd(16)} ${time}   ${result.accuracy.toFixed(3)}`);
  }

  const { unscaledShare, scaledError } = await measureUnderflow();
  console.log(
    `\nfloat16 and gradients below 6e-8, first layer: without loss scaling ${unscaledShare} of the gradient is left,`,
  );
  console.log(`with dynamic loss scaling it is right to ${scaledError.toExponential(1)}`);

  const { scales, unchanged } = await watchOverflow();
  console.log(`\nsix steps, the second of which overflows: loss scales ${scales.join(', ')}`);
  console.log(`left out to the bit: ${unchanged.map((same) => (same ? 'yes' : 'no')).join(', ')}`);

  const single = results[0]!.accuracy;
  const lost = Math.max(...results.map(({ accuracy }) => single - accuracy));
  const isRight =
    unscaledShare === 0 &&
    scaledError < FLOAT16_ERROR &&
    String(scales) === String(EXPECTED_SCALES) &&
    String(unchanged) === String([false, true, false, false, false, false]);
  const passed = isRight && (smoke || lost <= MOST_LOST);
  console.log(
    `Verdict: ${passed ? 'ok' : 'FAILED'} (${lost.toFixed(3)} of the accuracy lost, at most ${MOST_LOST} allowed${smoke ? ', not judged in a smoke run' : ''}; scaled gradients ${isRight ? 'as wanted' : 'not as wanted'})`,
  );
  if (!passed) process.exitCode = 1;
}

await main();
