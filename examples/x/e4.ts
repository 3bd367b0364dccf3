import { layers, sequential, tf, startEngine, handwrittenDigits, Adam, SparseCategoricalCrossentropy } from '../../src/index.js';
startEngine();
const digits = handwrittenDigits({ train: 1024, test: 256, seed: 1 });
const model = sequential([
  layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
  layers.maxPooling2d({ poolSize: 2 }),
  layers.flatten(),
  layers.dense({ units: 64, activation: 'relu' }),
  layers.dense({ units: 10, activation: 'logSoftmax' }),
], { name: 'digits' });
model.compile({ optimizer: new Adam({ learningRate: 1e-3 }), loss: new SparseCategoricalCrossentropy({ fromLogits: true }), metrics: ['accuracy'], seed: 1 });
await model.fit(digits.train, { epochs: 4, batchSize: 64, verbose: 2, validationData: digits.test, debug: { report: '/tmp/e4/digits', every: 2, title: 'Digits <b>small</b>' } });
model.dispose();
