// Gradients that explode on their way through time, with and without clipping: `npm run exploding-gradients -- --help`.
import { GradientMonitor } from '../../../src/debug/gradient-monitor.js';
import { join } from 'node:path';
import {

  LambdaCallback,
  layers,
  sequential,
  SGD,
  SparseCategoricalCrossentropy,
  startEngine,
  type ProbeReading,
} from '../../../src/index.js';
import { Command } from 'commander';
import { copyTask, SYMBOLS, type CopyData } from './copy-task.js';
import { SimpleRnn } from './simple-rnn.js';

const SEED = 1;
const UNITS = 32;
const BATCH_SIZE = 64;
/** Above 1, so that what the network keeps grows with every time step, and the gradient with it. */
const RECURRENT_SCALE = 1.06;
const CLIP_NORM = 1;
/** Steps that are shown one by one. */
const FIRST_STEPS = 6;
/** A gradient norm that no learning rate goes well with. */
const EXPLODED = 100;
/** Accuracy: four symbols, so that guessing has 0.25. */
const LEARNT = 0.95;
const LOST = 0.5;

interface Flags {
  delay: number;
  epochs: number;
  report?: string;
  json?: boolean;
  smoke?: boolean;
}

interface Result {
  readonly name: string;
  readonly largestNorm: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly mode: string;
}

const flags = new Command('exploding-gradients')
  .description('Trains a simple recurrent network to remember a symbol for a long time, with and without clipping.')
  .option('--delay <n>', 'time steps between a symbol and the question for it', Number, 60)
  .option('--epochs <n>', 'passes over the sequences', Number, 6)
  .option('--report <dir>', 'folder for a report of each training')
  .option('--json', 'print the result as one JSON object on the last line')
  .option('--smoke', 'few steps and no verdict on the accuracy')
  .parse()
  .opts<Flags>();

function globalNorm({ weights }: ProbeReading): number {
  return Math.hypot(...Object.values(weights).map(({ gradientNorm }) => gradientNorm!));
}

function describe(norm: number, loss: number): string {
  return `gradient norm ${norm.toExponential(1).padStart(8)}  loss ${loss.toExponential(2).padStart(9)}`;
}

async function train(name: string, clip: { globalNorm: number } | undefined, { x, y }: CopyData): Promise<Result> {
  const rnn = new SimpleRnn({ units: UNITS, recurrentScale: RECURRENT_SCALE });
  const model = sequential([rnn, layers.dense({ units: SYMBOLS, activation: 'logSoftmax' })], { name });
  model.compile({
    optimizer: new SGD({ learningRate: 0.02 }),
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ['accuracy'],
    clip,
    seed: SEED,
  });
  console.log(`\n${name}`);
  const norms: number[] = [];
  const live = new LambdaCallback({
    onProbe: (reading) => {
      norms.push(globalNorm(reading));
      if (norms.length > FIRST_STEPS) return;
      console.log(`  step ${reading.totalSteps}   ${describe(norms.at(-1)!, reading.loss)}`);
    },
    onEpochEnd: (epoch, { loss, accuracy }) =>
      console.log(`  epoch ${epoch + 1}  ${describe(norms.at(-1)!, loss!)}  accuracy ${accuracy!.toFixed(3)}`),
  });
  const { history, mode } = await model.fit(x, y, {
    epochs: flags.smoke === true ? 1 : flags.epochs,
    batchSize: BATCH_SIZE,
    verbose: 0,
    callbacks: [new GradientMonitor({ every: 1, print: 'never' }), live],
    ...(flags.report !== undefined && { debug: { report: join(flags.report, name), every: 2, title: name } }),
  });
  model.dispose();
  return {
    name,
    largestNorm: Math.max(...norms.filter(Number.isFinite)),
    loss: history['loss']!.at(-1)!,
    accuracy: history['accuracy']!.at(-1)!,
    mode: mode.at(-1)!,
  };
}

async function main(): Promise<void> {
  const engine = startEngine();
  const data = copyTask(flags.smoke === true ? 128 : 1024, flags.delay, SEED);
  console.log(`TensorFlow ${engine.version} on ${engine.device}; ${data.y.length} sequences of ${flags.delay} time steps.`);
  const plain = await train('unclipped', undefined, data);
  const clipped = await train('clipped', { globalNorm: CLIP_NORM }, data);

  console.log(`\n${'training'.padEnd(18)}  largest gradient norm        loss   accuracy`);
  for (const { name, largestNorm, loss, accuracy, mode } of [plain, clipped]) {
    const numbers = [largestNorm.toExponential(2).padStart(21), loss.toExponential(2).padStart(10)];
    console.log(`${name.padEnd(18)}  ${numbers.join('  ')}  ${accuracy.toFixed(3).padStart(9)}  (${mode})`);
  }
  const explodes = plain.largestNorm > EXPLODED;
  const learnt = clipped.accuracy >= LEARNT && !(plain.accuracy > LOST);
  const works = explodes && (flags.smoke === true || learnt);
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (gradient norm ${plain.largestNorm.toExponential(1)}, more than ${EXPLODED} wanted; ` +
      `accuracy clipped ${clipped.accuracy.toFixed(3)}, without ${plain.accuracy.toFixed(3)}; at least ${LEARNT} and at most ${LOST} wanted)`,
  );
  if (flags.json === true) console.log(JSON.stringify({ verdict: works ? 'ok' : 'FAILED', results: [plain, clipped] }));
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
