import { adjointFlow, plainFlow } from './flow.js';
import { NeuralOde } from './models.js';
import { spiral, STRIDE } from './spiral.js';
import { Adam, startEngine, tf, type Tensor } from 'adjoint';
startEngine();
let t = performance.now();
const points = spiral();
console.log(points.length, points.at(-1), performance.now() - t);
for (const flow of [adjointFlow(STRIDE, 4), plainFlow(STRIDE, 4)]) {
  t = performance.now();
  const model = new NeuralOde(flow);
  model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: 'meanSquaredError', seed: 1 });
  const h = await model.fit(points.slice(0, -1), points.slice(1), { epochs: 400, batchSize: 25, verbose: 0 });
  console.log(h.mode.at(-1), h.history['loss']!.filter((_, i) => i % 40 === 39), performance.now() - t);
  let at = points.slice(0, 1);
  const way = [at[0]!];
  for (let i = 1; i < points.length; i++) { const y = await model.predict(at); at = y.arraySync() as number[][]; way.push(at[0]!); y.dispose(); }
  console.log(Math.sqrt(way.map((p, i) => (p[0]! - points[i]![0]!) ** 2 + (p[1]! - points[i]![1]!) ** 2).reduce((a, b) => a + b) / way.length), performance.now() - t);
}
