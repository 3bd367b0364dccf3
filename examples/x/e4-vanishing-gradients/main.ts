// Gradients that vanish on their way through thirty layers, and three cures: `npm run vanishing-gradients -- --help`.
import { GradientMonitor } from '../../../src/debug/gradient-monitor.js';
import { join } from 'node:path';
import {
  Adam,

  handwrittenDigits,
  LambdaCallback,
  SparseCategoricalCrossentropy,
  startEngine,
  type DigitDataset,
  type ProbeReading,
} from '../../../src/index.js';
import { Command } from 'commander';
import { drawNorms, kernelNorms, ordersOfMagnitude } from './gradient-profile.js';
import { DEPTH, networks } from './networks.js';

const SEED = 1;
const BATCH_SIZE = 64;
/** Powers of ten that the sigmoid network loses on the way. */
const VANISHED = 10;
/** Powers of ten between the layers of a network that learns. */
const HEALTHY = 4;
/** Accuracy: ten classes, so that guessing has 0.1. */
const GUESSING = 0.2;
const LEARNT = 0.5;

interface Flags {
  epochs: number;
  report?: string;
  json?: boolean;
  smoke?: boolean;
}

interface Result {
  readonly name: string;
  /** Powers of ten from the first layer's gradient norm to the last's, in the first step. */
  readonly orders: number;
  readonly firstNorm: number;
  readonly lastNorm: number;
  readonly accuracy: number;
  readonly mode: string;
}

const flags = new Command('vanishing-gradients')
  .description(`Trains a perceptron of ${DEPTH} sigmoid layers, and the same depth with ReLU, residuals, normalisation.`)
  .option('--epochs <n>', 'passes over the digits', Number, 8)
  .option('--report <dir>', 'folder for a report of each network')
  .option('--json', 'print the result as one JSON object on the last line')
  .option('--smoke', 'few steps and no verdict on the accuracy')
  .parse()
  .opts<Flags>();

async function train(name: string, digits: DigitDataset): Promise<Result> {
  const model = networks[name]!();
  model.compile({
    optimizer: new Adam({ learningRate: 1e-3 }),
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ['accuracy'],
    seed: SEED,
  });
  console.log(`\n${name}: gradient norms from the first layer to the last`);
  const steps = Math.ceil(digits.train.x.shape[0]! / BATCH_SIZE);
  const readings: ProbeReading[] = [];
  const live = new LambdaCallback({
    onProbe: (reading) => {
      readings.push(reading);
      // The report has more of them.
      if (reading.totalSteps % steps !== 0) return;
      const norms = kernelNorms(reading);
      const [first, last] = [norms[0]!, norms.at(-1)!];
      console.log(
        `  step ${String(reading.totalSteps).padStart(4)}  ${first.toExponential(1)} |${drawNorms(norms)}| ${last.toExponential(1)}` +
          `  loss ${reading.loss.toFixed(3)}`,
      );
    },
  });
  const { history, mode } = await model.fit(digits.train, {
    epochs: flags.smoke === true ? 1 : flags.epochs,
    batchSize: BATCH_SIZE,
    verbose: 0,
    callbacks: [new GradientMonitor({ every: steps, print: 'never' }), live],
    ...(flags.report !== undefined && {
      debug: { report: join(flags.report, name), every: 4, title: `${DEPTH} layers: ${name}` },
    }),
  });
  model.dispose();
  const norms = kernelNorms(readings[0]!);
  return {
    name,
    orders: ordersOfMagnitude(norms),
    firstNorm: norms[0]!,
    lastNorm: norms.at(-1)!,
    accuracy: history['accuracy']!.at(-1)!,
    mode: mode.at(-1)!,
  };
}

async function main(): Promise<void> {
  const engine = startEngine();
  const digits = handwrittenDigits({ train: flags.smoke === true ? 256 : 2048, test: 1, seed: SEED });
  console.log(`TensorFlow ${engine.version} on ${engine.device}; ${DEPTH} hidden layers, ${digits.train.x.shape[0]} digits.`);
  const results: Result[] = [];
  for (const name of Object.keys(networks)) results.push(await train(name, digits));

  console.log(`\n${'network'.padEnd(20)}  first layer   last layer   powers of ten   accuracy`);
  for (const { name, firstNorm, lastNorm, orders, accuracy, mode } of results) {
    const norms = [firstNorm, lastNorm].map((norm) => norm.toExponential(2).padStart(11));
    console.log(`${name.padEnd(20)}  ${norms.join('  ')}  ${orders.toFixed(1).padStart(14)}  ${accuracy.toFixed(3).padStart(9)}  (${mode})`);
  }
  const [plain, ...cured] = results as [Result, ...Result[]];
  const vanished = plain.orders > VANISHED && cured.every(({ orders }) => Math.abs(orders) < HEALTHY);
  const learnt = plain.accuracy < GUESSING && cured.every(({ accuracy }) => accuracy > LEARNT);
  const works = vanished && (flags.smoke === true || learnt);
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (sigmoid loses ${plain.orders.toFixed(1)} powers of ten, more than ${VANISHED} wanted; ` +
      `the others ${cured.map(({ orders }) => orders.toFixed(1)).join(', ')}, less than ${HEALTHY} wanted)`,
  );
  if (flags.json === true) console.log(JSON.stringify({ verdict: works ? 'ok' : 'FAILED', results }));
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
