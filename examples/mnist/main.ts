// Trains a small convolutional network on handwritten digits: `npm run mnist -- --help`.
import {
  Adam,
  downloadMnist,
  handwrittenDigits,
  loadMnist,
  SparseCategoricalCrossentropy,
  startEngine,
  type DigitDataset,
  type Precision,
} from 'adjoint';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Digits, sequentialDigits } from './models.js';

interface Flags {
  data?: string;
  download?: boolean;
  epochs: number;
  batchSize: number;
  seed: number;
  model: 'subclass' | 'sequential';
  execution: 'auto' | 'recorded' | 'eager';
  precision: Precision;
  report?: string;
  json?: boolean;
  smoke?: boolean;
}

const wholeNumber = (least: number) => (text: string) => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`expected a whole number of at least ${least}`);
};

const flags = new Command('mnist')
  .description('Trains a small convolutional network on handwritten digits.')
  .option('--data <dir>', 'folder with the four MNIST files (IDX, plain or .gz)')
  .option('--download', 'fetch MNIST from its public mirrors, once')
  .option('--epochs <n>', 'passes over the training digits', wholeNumber(1), 10)
  .option('--batch-size <n>', 'digits a step', wholeNumber(1), 128)
  .option('--seed <n>', 'seed of weights, order and draws', wholeNumber(0), 1)
  .addOption(new Option('--model <form>', 'form of the model').choices(['subclass', 'sequential']).default('subclass'))
  .addOption(
    new Option('--execution <mode>', 'how steps are run').choices(['auto', 'recorded', 'eager']).default('auto'),
  )
  .addOption(
    new Option('--precision <type>', 'what products and convolutions are computed in')
      .choices(['float32', 'mixed_bfloat16', 'mixed_float16'])
      .default('float32'),
  )
  .option('--report <dir>', 'folder for a report of the run, to look at while it goes on')
  .option('--json', 'print the result as one JSON object on the last line')
  .option('--smoke', 'one short epoch on few digits, to see that everything works')
  .parse()
  .opts<Flags>();

async function loadDigits(): Promise<DigitDataset> {
  if (flags.data !== undefined) return loadMnist({ directory: flags.data });
  if (flags.download === true) return loadMnist({ directory: await downloadMnist() });
  console.log('Training on the built-in handwritten digits; for MNIST itself pass --data DIR or --download.');
  return handwrittenDigits(flags.smoke === true ? { train: 512, test: 256, seed: flags.seed } : { seed: flags.seed });
}

async function main(): Promise<void> {
  const digits = await loadDigits();
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}; ${digits.train.x.shape[0]} digits to train on.`);

  const model = flags.model === 'subclass' ? new Digits() : sequentialDigits();
  model.compile({
    optimizer: new Adam({ learningRate: 1e-3 }),
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ['accuracy'],
    seed: flags.seed,
    execution: flags.execution,
    precision: flags.precision,
  });
  const epochs = flags.smoke === true ? 1 : flags.epochs;
  const history = await model.fit(digits.train, {
    epochs,
    batchSize: flags.batchSize,
    ...(flags.report !== undefined && { debug: { report: flags.report, title: 'Handwritten digits' } }),
  });
  const { accuracy } = await model.evaluate(digits.test, { batchSize: 500 });
  console.log(`Test accuracy: ${accuracy!.toFixed(4)}`);

  if (flags.json === true) {
    const times = history.millisecondsPerStep.toSorted((a, b) => a - b);
    console.log(
      JSON.stringify({
        engine: engine.name,
        tensorflow: engine.version,
        device: engine.device,
        mode: history.mode.at(-1),
        precision: flags.precision,
        params: model.countParams(),
        epochs,
        trainLoss: history.history['loss']!.at(-1),
        testAccuracy: accuracy,
        msPerStep: times[Math.floor(times.length / 2)],
        peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
      }),
    );
  }
  model.dispose();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
