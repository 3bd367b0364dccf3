import 'reflect-metadata';
import * as A from '../../src/index.js';
const { tf, layers, sequential } = A;
let seed = Number(process.argv[2] ?? 1); const only = process.argv[3];
const rand = () => { seed = (seed * 1664525 + 1013904223) >>> 0; return seed / 2 ** 32; };
const pick = <T>(xs: readonly T[]) => xs[Math.floor(rand() * xs.length)]!;
const gauss = () => Math.sqrt(-2 * Math.log(1 - rand())) * Math.cos(2 * Math.PI * rand());
const rows = (n: number, d: number, f: () => number = gauss) => Array.from({ length: n }, () => Array.from({ length: d }, f));
const kinds: Record<string, () => Promise<string[]>> = {};
const run = async (model: any, compile: any, x: any, y: any, fit: any = {}) => {
  const doctor = new A.GradientDoctor({ print: false });
  model.compile(compile);
  const src = x instanceof A.Dataset || 'x' in x;
  const h = await (src ? (a: any) => model.fit(x, { ...a, ...y, callbacks: a.callbacks }) : (a: any) => model.fit(x, y, a))({ epochs: 6, batchSize: pick([8, 16, 32, 64]), verbose: 0, ...fit, callbacks: [doctor, ...(fit.callbacks ?? [])] }).catch((e: Error) => ({ history: { loss: [String(e).slice(0, 200)] } }));
  const l = h.history.loss; info = `loss ${String(l[0]).slice(0, 90)} -> ${l.at(-1)}`;
  model.dispose();
  return doctor.findings.map((f) => f.cause + ' {' + f.evidence + '}');
};
let info = '';
const opt = () => pick([() => new A.Adam({ learningRate: pick([1e-3, 3e-3, 1e-2]) }), () => new A.SGD({ learningRate: pick([0.01, 0.05, 0.1]) }), () => new A.SGD({ learningRate: 0.02, momentum: 0.9 }), () => new A.AdamW({ learningRate: 3e-3 })])();
const act = () => pick(['relu', 'tanh', 'gelu', 'elu', 'silu'] as const);
const blobs = (n: number, d: number, c: number, sep = 2) => { const m = rows(c, d).map((r) => r.map((v) => v * sep / Math.sqrt(d) * 2)); const y = Array.from({ length: n }, () => Math.floor(rand() * c)); return { x: y.map((k) => m[k]!.map((v) => v + gauss())), y }; };
const sce = () => new A.SparseCategoricalCrossentropy({ fromLogits: true });
const mlp = (d: number, out: number, extra: object = {}) => sequential([...Array.from({ length: d }, () => layers.dense({ units: pick([8, 16, 32, 64]), activation: act(), ...extra })), layers.dense({ units: out })]);
kinds['blobs'] = () => { const c = pick([2, 3, 5, 10]); const { x, y } = blobs(pick([120, 250, 400]), pick([2, 4, 10, 20]), c); return run(mlp(pick([1, 2, 3]), c), { optimizer: opt(), loss: sce(), metrics: ['accuracy'] }, x, y, { validationSplit: pick([0, 0.2]) }); };
kinds['deep'] = () => { const c = 3; const { x, y } = blobs(250, 10, c); return run(sequential([...Array.from({ length: pick([5, 7]) }, () => layers.dense({ units: 32, activation: 'relu', kernelInitializer: pick(['heNormal', 'glorotUniform']) as any })), layers.dense({ units: c })]), { optimizer: new A.Adam({ learningRate: 1e-3 }), loss: sce() }, x, y, { epochs: 8 }); };
kinds['noisy regression'] = () => { const x = rows(300, 5); const y = x.map((r) => [r[0]! - r[1]! * 0.5 + gauss() * pick([0.5, 1, 2, 3])]); return run(mlp(pick([1, 2]), 1), { optimizer: opt(), loss: 'meanSquaredError' }, x, y, { batchSize: pick([2, 4, 8]) }); };
kinds['linear'] = () => { const x = rows(200, 6); const y = x.map((r) => [r.reduce((a, b, i) => a + b * (i - 2), 0)]); return run(sequential([layers.dense({ units: 1 })]), { optimizer: new A.SGD({ learningRate: 0.05 }), loss: 'meanSquaredError' }, x, y); };
kinds['large targets'] = () => { const x = rows(200, 6); const y = x.map((r) => [100 + 20 * r[0]!]); return run(mlp(2, 1), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: 'meanSquaredError' }, x, y, { epochs: 10 }); };
kinds['sparse inputs'] = () => { const x = rows(300, 60, () => (rand() < 0.05 ? 1 : 0)); const y = x.map((r) => r.slice(0, 30).reduce((a, b) => a + b, 0) > r.slice(30).reduce((a, b) => a + b, 0) ? 1 : 0); return run(mlp(1, 2), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: sce() }, x, y, { epochs: 10 }); };
kinds['one-hot'] = () => { const y = Array.from({ length: 300 }, () => Math.floor(rand() * 20)); const x = y.map((k) => Array.from({ length: 20 }, (_, i) => (i === k ? 1 : 0))); return run(mlp(1, 4), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: sce() }, x, y.map((k) => k % 4), { epochs: 8 }); };
kinds['xor'] = () => { const x = rows(256, 2, () => (rand() < 0.5 ? -1 : 1)); const y = x.map(([a, b]) => [a! * b! > 0 ? 1 : 0]); return run(sequential([layers.dense({ units: 16, activation: 'tanh' }), layers.dense({ units: 1, activation: 'sigmoid' })]), { optimizer: new A.Adam({ learningRate: 0.02 }), loss: 'binaryCrossentropy' }, x, y, { epochs: 12 }); };
kinds['rings'] = () => { const x: number[][] = [], y: number[] = []; for (let i = 0; i < 300; i++) { const k = i % 2, a = rand() * 6.28, r = 1 + k + 0.1 * gauss(); x.push([r * Math.cos(a), r * Math.sin(a)]); y.push(k); } return run(mlp(2, 2), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: sce() }, x, y, { epochs: 10 }); };
kinds['autoencoder'] = () => { const z = rows(250, 3); const m = rows(3, 16); const x = z.map((r) => Array.from({ length: 16 }, (_, j) => r.reduce((a, v, i) => a + v * m[i]![j]!, 0))); return run(sequential([layers.dense({ units: 4, activation: 'tanh' }), layers.dense({ units: 16 })]), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: 'meanSquaredError' }, x, x, { epochs: 10 }); };
const digits = () => A.handwrittenDigits({ train: 384, test: 96 });
kinds['digits'] = () => { const d = digits(); return run(sequential([layers.flatten(), layers.dense({ units: 32, activation: 'relu' }), layers.dropout({ rate: 0.3 }), layers.dense({ units: 10, activation: 'softmax' })]), { optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] }, d.train, { epochs: 4, batchSize: 32, validationData: d.test }, {}); };
kinds['cnn'] = () => { const d = digits(); return run(sequential([layers.conv2d({ filters: 6, kernelSize: 3, activation: 'relu' }), layers.maxPooling2d(), layers.batchNormalization(), layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu' }), layers.globalAveragePooling2d(), layers.dense({ units: 10 })]), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: sce() }, d.train, { epochs: 2, batchSize: 32 }, {}); };
kinds['sparse relu'] = () => { const { x, y } = blobs(300, 12, 4); return run(sequential([layers.dense({ units: 64, activation: 'relu', biasInitializer: A.initializers.constant({ value: -pick([0.5, 1, 2]) }) }), layers.dense({ units: 4 })]), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: sce() }, x, y, { epochs: 8 }); };
kinds['l1'] = () => { const { x, y } = blobs(300, 12, 4); return run(sequential([layers.dense({ units: 32, activation: 'relu', activityRegularizer: A.regularizers.l1({ l1: 1e-3 }), kernelRegularizer: 'l2' } as any), layers.dense({ units: 4 })]), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: sce() }, x, y); };
kinds['frozen'] = () => { const { x, y } = blobs(200, 8, 3); return run(sequential([layers.dense({ units: 32, activation: 'relu', trainable: false }), layers.dense({ units: 16, activation: 'tanh' }), layers.dense({ units: 3 })]), { optimizer: opt(), loss: sce() }, x, y); };
kinds['imbalanced'] = () => { const x = rows(400, 6); const y = x.map((r) => [r[0]! + r[1]! > 2.2 ? 1 : 0]); return run(sequential([layers.dense({ units: 16, activation: 'relu' }), layers.dense({ units: 1, activation: 'sigmoid' })]), { optimizer: new A.Adam({ learningRate: 0.005 }), loss: 'binaryCrossentropy' }, x, y, { epochs: 5 }); };
kinds['residual bn'] = () => { const { x, y } = blobs(250, 10, 4); return run(sequential([layers.dense({ units: 24 }), ...Array.from({ length: 8 }, () => layers.residual({ body: [layers.batchNormalization(), layers.dense({ units: 24, activation: 'relu' })] })), layers.dense({ units: 4 })]), { optimizer: new A.Adam({ learningRate: 3e-3 }), loss: sce() }, x, y); };
kinds['residual zero'] = () => { const { x, y } = blobs(250, 10, 4); return run(sequential([layers.dense({ units: 24 }), ...Array.from({ length: 4 }, () => layers.residual({ body: [layers.dense({ units: 24, activation: 'relu' }), layers.dense({ units: 24, kernelInitializer: 'zeros' })] })), layers.dense({ units: 4 })]), { optimizer: new A.Adam({ learningRate: 3e-3 }), loss: sce() }, x, y); };
kinds['clip schedule'] = () => { const { x, y } = blobs(250, 10, 4); return run(mlp(2, 4), { optimizer: new A.Adam({ learningRate: new A.CosineDecay({ initialLearningRate: 0, warmupTarget: 0.01, warmupSteps: 10, decaySteps: 60 } as any) }), loss: sce(), clip: { globalNorm: 1 } }, x, y, { epochs: 6, batchSize: 32 }); };
kinds['bf16'] = () => { const { x, y } = blobs(250, 10, 4); return run(mlp(2, 4), { optimizer: opt(), loss: sce(), precision: 'mixed_bfloat16' }, x, y); };
kinds['fp16'] = () => { const { x, y } = blobs(250, 10, 4); return run(mlp(2, 4), { optimizer: opt(), loss: sce(), precision: 'mixed_float16' }, x, y); };
kinds['converged'] = () => { const { x, y } = blobs(200, 4, 2, 4); return run(mlp(1, 2), { optimizer: new A.Adam({ learningRate: 0.05 }), loss: sce() }, x, y, { epochs: 30, validationSplit: 0.2 }); };
kinds['short'] = () => { const { x, y } = blobs(200, 4, 3); return run(mlp(1, 3), { optimizer: opt(), loss: sce() }, x, y, { epochs: 1, batchSize: 32 }); };
kinds['tiny lr'] = () => { const { x, y } = blobs(200, 4, 3); return run(mlp(1, 3), { optimizer: new A.Adam({ learningRate: 3e-4 }), loss: sce() }, x, y, { epochs: 3, batchSize: 32 }); };
kinds['sigmoid hidden'] = () => { const { x, y } = blobs(300, 6, 3); return run(sequential([layers.dense({ units: 16, activation: 'sigmoid' }), layers.dense({ units: 16, activation: 'sigmoid' }), layers.dense({ units: 3 })]), { optimizer: new A.Adam({ learningRate: 0.03 }), loss: sce() }, x, y, { epochs: 10 }); };
kinds['smoothing'] = () => { const { x, y } = blobs(300, 6, 3); return run(mlp(1, 3), { optimizer: opt(), loss: new A.SparseCategoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.1 }) }, x, y); };
kinds['time series'] = () => { const s = [0, 0]; for (let i = 2; i < 320; i++) s.push(1.6 * s[i - 1]! - 0.9 * s[i - 2]! + 0.3 * gauss()); const x: number[][] = [], y: number[][] = []; for (let i = 4; i < 300; i++) { x.push(s.slice(i - 4, i)); y.push([s[i]!]); } return run(mlp(1, 1), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: 'meanSquaredError' }, x, y, { shuffle: pick([true, false]) }); };
kinds['overfit mild'] = () => { const { x, y } = blobs(150, 10, 3, 1); return run(mlp(1, 3), { optimizer: new A.Adam({ learningRate: 0.003 }), loss: sce() }, x, y, { epochs: 12, validationSplit: 0.3 }); };
kinds['accumulate'] = () => { const { x, y } = blobs(256, 10, 3); return run(mlp(1, 3), { optimizer: opt(), loss: sce(), accumulateSteps: 4 }, x, y, { epochs: 8, batchSize: 16 }); };
kinds['eager'] = () => { const { x, y } = blobs(200, 10, 3); return run(mlp(2, 3), { optimizer: opt(), loss: sce(), execution: 'eager' }, x, y, { epochs: 4 }); };
kinds['second fit'] = async () => { const { x, y } = blobs(200, 10, 3); const m = mlp(2, 3); m.compile({ optimizer: new A.Adam({ learningRate: 0.01 }), loss: sce() }); await m.fit(x, y, { epochs: 10, verbose: 0 }); const d = new A.GradientDoctor({ print: false }); const h = await m.fit(x, y, { epochs: 5, verbose: 0, callbacks: [d] }); info = 'loss ' + h.history.loss; m.dispose(); return d.findings.map((f) => f.cause + ' {' + f.evidence + '}'); };
kinds['dataset'] = () => { const { x, y } = blobs(256, 10, 3); return run(mlp(1, 3), { optimizer: opt(), loss: sce() }, A.Dataset.fromArrays({ x, y }).shuffle({ seed: 1 }).batch(16), { epochs: 5, batchSize: undefined }); };
kinds['inputs 0..10'] = () => { const x = rows(256, 5, () => rand() * 10); const y = x.map((r) => [(r[0]! + r[1]!) / 10]); return run(mlp(1, 1), { optimizer: new A.Adam({ learningRate: 0.01 }), loss: 'meanSquaredError' }, x, y, { epochs: 8 }); };
let bad = 0, all = 0;
for (const [name, make] of Object.entries(kinds)) {
  if (only && !name.includes(only)) continue;
  for (let r = 0; r < Number(process.argv[4] ?? 2); r++) {
    const t = performance.now(); let found: string[] = [];
    try { found = await make(); } catch (e) { info = 'THROWN ' + String(e).slice(0, 300); }
    all++; if (found.length) bad++;
    if (found.length || info.includes('Error') || info.includes('NaN') || info.includes('THROWN') || only) console.log(name, (performance.now() - t).toFixed(0), 'ms', info, found.join(' | '));
  }
}
console.log('healthy', all, 'false alarms', bad, 'tensors', tf.memory().numTensors);
