import { LambdaCallback, layers, sequential, SGD, tf, type BaseModel, type CompileOptions, type Tensor } from 'adjoint';

/** Gradients of this loss lie below 6e-8, the least that float16 holds. */
const TINY = 2 ** -26;
const EXAMPLES = 32;
const FEATURES = 8;
const UNITS = 16;

const x = Array.from({ length: EXAMPLES }, (_, i) =>
  Array.from({ length: FEATURES }, (_, j) => Math.sin(5 * i + 3 * j)),
);
const y = x.map((row) => [row[0]! * row[1]!]);

function tinyLoss(labels: Tensor, predictions: Tensor): Tensor {
  return tf.mul(TINY, tf.mean(tf.squaredDifference(predictions, labels), -1));
}

/** A label may be so large that the loss overflows. */
function labelTimesSquare(labels: Tensor, predictions: Tensor): Tensor {
  return tf.reshape(tf.mul(labels, tf.square(predictions)), [-1]);
}

function perceptron(options: Partial<CompileOptions>): BaseModel {
  const model = sequential([layers.dense({ units: UNITS, activation: 'relu' }), layers.dense({ units: 1 })]);
  model.compile({ seed: 3, optimizer: new SGD({ learningRate: 0.01 }), ...options });
  return model;
}

function valuesOf(tensors: readonly (Tensor | null)[]): number[] {
  const values = tensors.flatMap((tensor) => Array.from(tensor!.dataSync()));
  tf.dispose(tensors as Tensor[]);
  return values;
}

function firstKernel(model: BaseModel): number[] {
  return valuesOf(model.getWeights()).slice(0, FEATURES * UNITS);
}

/** How one step from a loss with tiny gradients changes the first layer's kernel, which cotangents in half precision reach. */
async function firstKernelChange(options: Partial<CompileOptions>): Promise<number[]> {
  const model = perceptron({ loss: tinyLoss, optimizer: new SGD({ learningRate: 1 / TINY }), ...options });
  model.build([null, FEATURES]);
  const before = firstKernel(model);
  await model.fit(x, y, { batchSize: EXAMPLES, verbose: 0 });
  const after = firstKernel(model);
  model.dispose();
  return before.map((value, i) => value - after[i]!);
}

const norm = (values: readonly number[]): number => Math.hypot(...values);

/** What float16 makes of gradients that are too small for it. */
export interface Underflow {
  /** Length of the first kernel's gradient without scaling, as a share of what it should be. */
  readonly unscaledShare: number;
  /** Relative error of the gradient with dynamic scaling. */
  readonly scaledError: number;
}

export async function measureUnderflow(): Promise<Underflow> {
  const exact = await firstKernelChange({});
  const unscaled = await firstKernelChange({ precision: 'mixed_float16', lossScale: 1 });
  const scaled = await firstKernelChange({ precision: 'mixed_float16' });
  const difference = norm(scaled.map((value, i) => value - exact[i]!));
  return { unscaledShare: norm(unscaled) / norm(exact), scaledError: difference / norm(exact) };
}

/** The loss scale of each step, and which steps left the weights as they were. */
export interface Overflow {
  readonly scales: readonly number[];
  readonly unchanged: readonly boolean[];
}

/** Six steps, in the second of which the gradients are not finite. */
export async function watchOverflow(): Promise<Overflow> {
  const model = perceptron({
    loss: labelTimesSquare,
    precision: 'mixed_float16',
    lossScale: { initial: 1024, growthInterval: 2 },
  });
  model.build([null, FEATURES]);
  const scales: number[] = [];
  const unchanged: boolean[] = [];
  let before = valuesOf(model.getWeights());
  const watch = new LambdaCallback({
    onBatchEnd: (_, logs) => {
      const after = valuesOf(model.getWeights());
      scales.push(logs['lossScale']!);
      unchanged.push(after.every((value, i) => value === before[i]));
      before = after;
    },
  });
  const batch = EXAMPLES / 4;
  const steps = 6;
  const rows = Array.from({ length: steps * batch }, (_, i) => x[i % EXAMPLES]!);
  const labels = rows.map((_, i) => [Math.floor(i / batch) === 1 ? 3e38 : 0.1]);
  await model.fit(rows, labels, { batchSize: batch, shuffle: false, verbose: 0, callbacks: [watch] });
  model.dispose();
  return { scales, unchanged };
}
