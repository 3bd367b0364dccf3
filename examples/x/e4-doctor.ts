import { layers, sequential, startEngine, Adam, SparseCategoricalCrossentropy, loadMnist } from '../../src/index.js';
import { GradientDoctor } from '../../src/debug/gradient-doctor.js';
import { DIAGNOSES } from '../../src/debug/diagnoses/diagnosis-table.js';
startEngine();
for (const d of DIAGNOSES as any[]) {
  const old = d.examine.bind(d);
  d.examine = (e: unknown) => { const t = performance.now(); const r = old(e); const ms = performance.now() - t; if (ms > 300) console.log('   ', d.cause, ms.toFixed(0), 'ms', r === null ? '' : 'FOUND'); return r; };
}
const digits = await loadMnist({ directory: '../shared/data/mnist-10k' });
const model = sequential([
  layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }), layers.maxPooling2d({ poolSize: 2 }),
  layers.conv2d({ filters: 64, kernelSize: 3, padding: 'same', activation: 'relu' }), layers.maxPooling2d({ poolSize: 2 }),
  layers.flatten(), layers.dense({ units: 128, activation: 'relu' }), layers.dense({ units: 10, activation: 'logSoftmax' })]);
model.compile({ optimizer: new Adam({ learningRate: 1e-3 }), loss: new SparseCategoricalCrossentropy({ fromLogits: true }), metrics: ['accuracy'], seed: 1 });
await model.fit(digits.train, { epochs: 4, batchSize: 128, verbose: 2, callbacks: [new GradientDoctor({ every: 10 })] });
model.dispose();
