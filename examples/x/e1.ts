import { DeadUnits, GradientMonitor, initializers, layers, sequential, tf, GradientNoiseScale, RetraceGuard, Dataset, LeakGuard, LambdaCallback, type Tensor, overfitBatch, labelShuffleCheck, Adam, SaturationMonitor } from 'adjoint';
{
const x = tf.randomNormal([256, 8], 0, 1, 'float32', 1);
const y = tf.sum(x, 1, true);
const depth = Array.from({ length: 10 }, () => layers.dense({ units: 16, activation: 'sigmoid' }));
const model = sequential([...depth, layers.dense({ units: 1 })]);
model.compile({ optimizer: 'adam', loss: 'meanSquaredError', seed: 1 });
const gradients = new GradientMonitor({ every: 2 });
await model.fit(x, y, { epochs: 2, batchSize: 32, verbose: 0, callbacks: [gradients, new DeadUnits({ every: 2 })] });
console.log(gradients.table());
for (const { kind, where, evidence } of gradients.findings) console.log(kind, where, evidence);
model.dispose();
}
{
const biasInitializer = initializers.constant({ value: -100 });
const model = sequential([layers.dense({ units: 4, activation: 'relu', biasInitializer }), layers.dense({ units: 1 })]);
model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
const units = new DeadUnits({ every: 1 });
await model.fit(tf.ones([32, 3]), tf.ones([32, 1]), { epochs: 4, verbose: 0, callbacks: [units] });
console.log(units.findings[0]!.evidence);
}
{
const x = tf.randomNormal([512, 3], 0, 1, 'float32', 1);
const y = tf.add(tf.sum(x, 1, true), tf.randomNormal([512, 1], 0, 1, 'float32', 2));
const model = sequential([layers.dense({ units: 1 })]);
model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
const noise = new GradientNoiseScale({ every: 1 });
await model.fit(x, y, { batchSize: 32, verbose: 0, callbacks: [noise] });
console.log(noise.sentence);
}
{
const lengths = [2, 3, 4, 5, 6, 7, 8, 9];
const batches = Dataset.fromIterable(() => lengths.map((rows) => ({ x: tf.ones([rows, 2]), y: tf.ones([rows, 1]) })));
const model = sequential([layers.dense({ units: 1 })]);
model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'recorded' });
const guard = new RetraceGuard({ action: 'stop' });
const { stopReason } = await model.fitDataset(batches, { verbose: 0, callbacks: [guard] });
console.log(stopReason);
}
{
 const seen: Tensor[] = [];
const hoarding = new LambdaCallback({ onBatchEnd: (_, { loss }) => void seen.push(tf.square(loss!)) });
const model = sequential([layers.dense({ units: 1 })]);
model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
const guard = new LeakGuard();
await model.fit(tf.ones([64, 2]), tf.ones([64, 1]), { batchSize: 8, verbose: 0, callbacks: [hoarding, guard] });
console.log(guard.findings[0]?.op);
}
{
const model = sequential([layers.dense({ units: 8, activation: 'tanh' }), layers.dense({ units: 1 })]);
model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
const monitor = new SaturationMonitor({ every: 1 });
const x = tf.mul(1000, tf.ones([32, 3]));
await model.fit(x, tf.ones([32, 1]), { epochs: 4, verbose: 0, callbacks: [monitor] });
console.log(monitor.findings[0]?.where);
}
{
const x = tf.randomNormal([256, 4], 0, 1, 'float32', 1);
const y = tf.sum(x, 1, true);
const model = sequential([layers.dense({ units: 16, activation: 'relu' }), layers.dense({ units: 1 })]);
model.compile({ optimizer: new Adam({ learningRate: 0.02 }), loss: 'meanSquaredError' });
console.log((await overfitBatch(model, x, y)).verdict);
console.log((await labelShuffleCheck(model, x, y)).verdict);
const m2 = sequential([layers.dense({ units: 1 })]);
m2.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: 'meanSquaredError' });
console.log((await labelShuffleCheck(m2, x, y)).learns);
const m3 = sequential([layers.dense({ units: 16, activation: 'relu' }), layers.dense({ units: 1 })]);
m3.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: 'meanSquaredError' });
console.log((await overfitBatch(m3, tf.randomNormal([16, 4], 0, 1, 'float32', 1), tf.sum(tf.randomNormal([16, 4], 0, 1, 'float32', 1),1,true))).fits);
}
