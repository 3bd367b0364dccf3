// A training that bench/kill.ts kills: `child.ts MODE DIRECTORY`. Tells when training begins, and at the end what it has learnt.
import { createHash } from 'node:crypto';
import { Backup, CosineDecay, LambdaCallback, layers, sequential, SGD, useEngine, type Execution } from 'adjoint';

const [mode, directory] = process.argv.slice(2) as [Execution, string];
useEngine({ deterministic: true, intraOpThreads: 1, interOpThreads: 1 });

const ROWS = 96;
const x = Array.from({ length: ROWS }, (_, i) =>
  Array.from({ length: 6 }, (_, j) => Math.sin(12.9898 * (6 * i + j + 1))),
);
const y = x.map(([a, b, c]) => [0.5 * a! - b! + Math.tanh(3 * c!)]);

const model = sequential([
  layers.dense({ units: 32, activation: 'relu' }),
  layers.batchNormalization(),
  layers.dropout({ rate: 0.3 }),
  layers.dense({ units: 1 }),
]);
const learningRate = new CosineDecay({ initialLearningRate: 0.05, decaySteps: 24 });
model.compile({
  optimizer: new SGD({ learningRate, momentum: 0.9 }),
  loss: 'meanSquaredError',
  metrics: ['mean'],
  accumulateSteps: 2,
  seed: 7,
  execution: mode,
});
let began = 0;
const telling = new LambdaCallback({
  onTrainBegin: () => {
    began = performance.now();
    process.stdout.write('training\n');
  },
});
const history = await model.fit(x, y, {
  epochs: 4,
  batchSize: 8,
  verbose: 0,
  resume: directory,
  callbacks: [telling, new Backup({ directory, everySteps: 1 })],
});
const milliseconds = performance.now() - began;
const hash = createHash('sha256');
for (const weight of model.getWeights()) {
  const values = weight.dataSync();
  hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  weight.dispose();
}
hash.update(JSON.stringify([history.history, history.epoch, history.steps]));
model.dispose();
process.stdout.write(`${JSON.stringify({ learnt: hash.digest('hex'), milliseconds })}\n`);
