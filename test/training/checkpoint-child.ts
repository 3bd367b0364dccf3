// A training in a process of its own, for tests: `checkpoint-child.ts DIRECTORY [UNITS] [EPOCHS] [CALLBACK]`.
import 'reflect-metadata';
import { Backup, Dataset, History, LambdaCallback, layers, ModelCheckpoint, sequential } from '../../src/index.js';

const [directory, units = '4', epochs = '100000', callback = 'Backup'] = process.argv.slice(2) as [
  string,
  string?,
  string?,
  string?,
];
const x = Array.from({ length: 32 }, (_, i) => Array.from({ length: 3 }, (_, j) => Math.sin(3 * i + j)));
const model = sequential([layers.dense({ units: Number(units) }), layers.dense({ units: 1 })]);
model.compile({ optimizer: 'adam', loss: 'meanSquaredError', seed: 1 });
const listening = (): number => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT');
const before = listening();
const telling = new LambdaCallback({
  onBatchEnd: (_batch, _logs, run) => {
    if (run.progress.totalSteps === 10) console.log('training', listening() - before);
  },
});
const history = new History();
const callbacks = {
  Backup: [new Backup({ directory, everyEpochs: 3 })],
  ModelCheckpoint: [new ModelCheckpoint({ directory })],
  none: [],
};
try {
  await model.fit(
    x,
    x.map(([a]) => [a!]),
    {
      epochs: Number(epochs),
      batchSize: 8,
      verbose: 0,
      resume: directory,
      callbacks: [telling, history, ...callbacks[callback as 'none']],
      // A validation that takes its time, for signals that come in its middle.
      ...(process.env['SLOW_VALIDATION'] && { validationData: Dataset.fromIterable(slow), validationSteps: 1e6 }),
    },
  );
  console.log(
    JSON.stringify({ stopReason: history.stopReason, epochs: history.epoch.length, listening: listening() - before }),
  );
} catch (error) {
  console.log((error as Error).message);
  process.exitCode = 3;
}

async function* slow() {
  for (;;) {
    console.log('validating');
    await new Promise((resolve) => setTimeout(resolve, 100));
    yield { x: x.slice(0, 8), y: x.slice(0, 8).map(([a]) => [a!]) };
  }
}
