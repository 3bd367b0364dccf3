import './src/container.js';
import { consoleLogger } from './src/core/logger.js';
import { parseOptions } from './src/core/parse-options.js';
import { currentServices } from './src/core/services.js';
import { dataTypeName } from './src/engine/ffi/data-types.js';
import { tf } from './src/engine/tfjs.js';
import { engine } from './src/engine/start-engine.js';
import { encodeGraphDef } from './src/engine/record/graph-def.js';
import { traceGraph } from './src/engine/record/trace-graph.js';
import { layers } from './src/layers/layers.js';
import { CompileOptions } from './src/model/compile-options.js';
import { compilePlan } from './src/model/compile-plan.js';
import { sequential } from './src/model/sequential.js';
import { SparseCategoricalCrossentropy } from './src/losses/sparse-categorical-crossentropy.js';
import { Adam } from './src/optimizers/adam.js';
import { RecordedRunner } from './src/training/recorded-runner.js';
import { TrainState } from './src/training/train-state.js';
import { workloadOf } from './bench/compare/workloads.js';

function toLayer(layer: any): any {
  switch (layer.kind) {
    case 'conv': return layers.conv2d({ filters: layer.filters, kernelSize: layer.size, strides: layer.stride, padding: 'same', useBias: layer.bias, activation: layer.relu ? 'relu' : 'linear' });
    case 'dense': return layers.dense({ units: layer.units, activation: layer.relu ? 'relu' : 'linear' });
    case 'norm': return layers.batchNormalization();
    case 'relu': return layers.activation({ activation: 'relu' });
    case 'maxPool': return layers.maxPooling2d({ poolSize: layer.size });
    case 'flatten': return layers.flatten();
    case 'globalPool': return layers.globalAveragePooling2d();
    case 'residual': return layers.residual({ body: layer.body.map(toLayer) });
  }
}

const [key, rounds, ...configs] = process.argv.slice(2);
const workload = workloadOf(key!);
const x = tf.randomUniform([workload.batch, ...workload.input]);
const y = tf.zeros([workload.batch], 'int32');
const made = [] as any[];
for (const config of configs) {
  const [precision, big] = config.split('+') as any;
  (globalThis as any).MPBIG = big ? Infinity : undefined;
  (globalThis as any).MPOPT = big;
  const model = sequential(workload.network.map(toLayer));
  const plan = compilePlan(parseOptions(CompileOptions, { optimizer: new Adam({ learningRate: 1e-3 }), loss: new SparseCategoricalCrossentropy({ fromLogits: true }), precision } as never, 'x'), currentServices(), 'x');
  model.build([null, ...workload.input]);
  const state = new TrainState(model, plan);
  const runner = new RecordedRunner(model, plan, consoleLogger);
  const step = () => runner.train(state, [{ x, y, size: workload.batch } as never], { gated: false, fetchLogs: true });
  for (let i = 0; i < 5; i++) await step();
  made.push({ config, step, wall: [] as number[], cpu: [] as number[] });
}
const n = 3;
for (let r = 0; r < Number(rounds); r++) for (const m of made) {
  await m.step();
  const c = process.cpuUsage(); const t = performance.now();
  for (let i = 0; i < n; i++) await m.step();
  m.wall.push((performance.now() - t) / n); const d = process.cpuUsage(c); m.cpu.push((d.user + d.system) / 1000 / n);
}
const med = (a: number[]) => a.sort((p, q) => p - q)[a.length >> 1]!;
for (const m of made) console.log(key, m.config.padEnd(24), 'wall min', Math.min(...m.wall).toFixed(2), 'med', med(m.wall).toFixed(2), 'cpu min', Math.min(...m.cpu).toFixed(2), 'med', med(m.cpu).toFixed(2));
process.exit(0);
