import type { HostArray, Tensor } from 'adjoint';
// Not from 'adjoint': that would put Adjoint's gradient rules in place of the ones that tf.layers has.
import { startEngine } from '../../dist/engine/start-engine.js';
import { tf } from '../../dist/engine/tfjs.js';
import type { NetworkLayer } from '../compare/network.js';
import { readTask, type Task } from '../compare/task.js';
import { ADAM } from '../compare/workloads.js';
import { HostBatches } from './host-batches.js';
import type { PeerFacts, Variant, Worker } from './worker.js';

/** `categoricalCrossentropy` on a softmax layer is what every example of tf.layers does; the other loss skips its detours. */
const VARIANTS: readonly Variant[] = [
  { name: 'fit' },
  { name: 'fit, yieldEvery never' },
  { name: 'fit, loss tf.losses.softmaxCrossEntropy' },
  { name: 'fitDataset' },
  { name: 'trainOnBatch' },
];
const ON_LOGITS = 'fit, loss tf.losses.softmaxCrossEntropy';

interface Built {
  readonly model: tf.LayersModel;
  /** Layers with weights, in the order of the task's weights. */
  readonly weighted: readonly tf.layers.Layer[];
}

/** `tf.layers` on Adjoint's engine: the same TensorFlow library through the same binding. */
export class TfLayersWorker implements Worker {
  private readonly built = new Map<string, Built>();
  private task: Task | undefined;
  private arrays: { x: HostArray; y: HostArray; weights: Float32Array[] } | undefined;
  private tensors: { x: Tensor; y: Tensor } | undefined;

  /** @param variants - the ways of training to offer */
  constructor(private readonly variants: readonly Variant[] = VARIANTS) {}

  facts(): PeerFacts {
    return { tfjs: tf.version.tfjs, libtensorflow: startEngine().version };
  }

  load(task: Task): Variant[] {
    for (const { model } of this.built.values()) model.dispose();
    this.built.clear();
    if (this.tensors !== undefined) tf.dispose([this.tensors.x, this.tensors.y]);
    const { x, y, weights } = readTask(task);
    this.task = task;
    this.arrays = {
      x: { values: x, shape: [task.examples, ...task.workload.input], dtype: 'float32' },
      y: { values: y, shape: [task.examples], dtype: 'int32' },
      weights,
    };
    this.tensors = { x: tf.tensor(x, [...this.arrays.x.shape]), y: this.oneHot(this.arrays.y) };
    return [...this.variants];
  }

  async prepare(variant: string): Promise<void> {
    const built = buildModel(this.task!, variant !== ON_LOGITS);
    let position = 0;
    for (const layer of built.weighted) {
      const values = layer.getWeights().map(({ shape }) => tf.tensor(this.arrays!.weights[position++]!, shape));
      layer.setWeights(values);
      tf.dispose(values);
    }
    const { learningRate, beta1, beta2, epsilon } = ADAM;
    built.model.compile({
      optimizer: tf.train.adam(learningRate, beta1, beta2, epsilon),
      loss:
        variant === ON_LOGITS
          ? (labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits)
          : 'categoricalCrossentropy',
    });
    this.built.set(variant, built);
  }

  async check(variant: string): Promise<{ loss: number; gradients: Float32Array }> {
    const { model, weighted } = this.built.get(variant)!;
    const variables = weighted.flatMap((layer) => layer.trainableWeights.map((weight) => innerVariable(weight)));
    const { checked } = this.task!.workload;
    const batch = this.deviceBatch(new HostBatches(this.arrays!.x, this.arrays!.y, checked).first());
    const { value, grads } = tf.variableGrads(() => {
      const output = model.apply(batch.xs, { training: true }) as Tensor;
      if (variant === ON_LOGITS) return tf.losses.softmaxCrossEntropy(batch.ys, output) as tf.Scalar;
      return tf.mean(tf.metrics.categoricalCrossentropy(batch.ys, output)) as tf.Scalar;
    }, variables);
    const gradients = variables.flatMap(({ name }) => [...grads[name]!.dataSync<'float32'>()]);
    const loss = value.dataSync()[0]!;
    tf.dispose([value, grads, batch]);
    return { loss, gradients: Float32Array.from(gradients) };
  }

  async run(variant: string, epochs: number): Promise<void> {
    const { model } = this.built.get(variant)!;
    const { batch } = this.task!.workload;
    if (variant === 'fitDataset') {
      await model.fitDataset(this.dataset(), { epochs, verbose: 0 });
    } else if (variant === 'trainOnBatch') {
      await this.trainOnBatches(model, epochs);
    } else {
      const yieldEvery = variant === 'fit, yieldEvery never' ? 'never' : 'auto';
      await model.fit(this.tensors!.x, this.tensors!.y, { epochs, batchSize: batch, verbose: 0, yieldEvery });
    }
  }

  private async trainOnBatches(model: tf.LayersModel, epochs: number): Promise<void> {
    const batches = new HostBatches(this.arrays!.x, this.arrays!.y, this.task!.workload.batch);
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const hostBatch of batches.shuffled()) {
        const { xs, ys } = this.deviceBatch(hostBatch);
        await model.trainOnBatch(xs, ys);
        tf.dispose([xs, ys]);
      }
    }
  }

  private dataset(): tf.data.Dataset<tf.TensorContainer> {
    const batches = new HostBatches(this.arrays!.x, this.arrays!.y, this.task!.workload.batch);
    const toDevice = (batch: { x: HostArray; y: HostArray }): tf.TensorContainer => this.deviceBatch(batch);
    return tf.data.generator(function* (): Generator<tf.TensorContainer> {
      for (const batch of batches.shuffled()) yield toDevice(batch);
    } as () => Generator<tf.TensorContainer>);
  }

  private deviceBatch(batch: { x: HostArray; y: HostArray }): { xs: Tensor; ys: Tensor } {
    return { xs: tf.tensor(batch.x.values, [...batch.x.shape]), ys: this.oneHot(batch.y) };
  }

  private oneHot(labels: HostArray): Tensor {
    const { classes } = this.task!.workload;
    const values = new Float32Array(labels.values.length * classes);
    labels.values.forEach((label, i) => (values[i * classes + label] = 1));
    return tf.tensor2d(values, [labels.values.length, classes]);
  }
}

/** tf.layers hides the variable that tf.variableGrads wants. */
function innerVariable(weight: object): tf.Variable {
  return (weight as { val: tf.Variable }).val;
}

function buildModel(task: Task, softmax: boolean): Built {
  const weighted: tf.layers.Layer[] = [];
  const apply = (layer: tf.layers.Layer, input: tf.SymbolicTensor, hasWeights = false): tf.SymbolicTensor => {
    if (hasWeights) weighted.push(layer);
    return layer.apply(input) as tf.SymbolicTensor;
  };
  const { network, input } = task.workload;
  const start = tf.input({ shape: [...input] });
  const logits = network.reduce((x, layer) => append(layer, x, apply), start);
  const output = softmax ? apply(tf.layers.activation({ activation: 'softmax' }), logits) : logits;
  return { model: tf.model({ inputs: start, outputs: output }), weighted };
}

type Apply = (layer: tf.layers.Layer, input: tf.SymbolicTensor, hasWeights?: boolean) => tf.SymbolicTensor;

function append(layer: NetworkLayer, x: tf.SymbolicTensor, apply: Apply): tf.SymbolicTensor {
  switch (layer.kind) {
    case 'conv': {
      const convolution = tf.layers.conv2d({
        filters: layer.filters,
        kernelSize: layer.size,
        strides: layer.stride,
        padding: 'same',
        useBias: layer.bias,
        activation: layer.relu ? 'relu' : 'linear',
      });
      return apply(convolution, x, true);
    }
    case 'dense':
      return apply(tf.layers.dense({ units: layer.units, activation: layer.relu ? 'relu' : 'linear' }), x, true);
    case 'norm':
      return apply(tf.layers.batchNormalization({ momentum: 0.99, epsilon: 1e-3 }), x, true);
    case 'relu':
      return apply(tf.layers.activation({ activation: 'relu' }), x);
    case 'maxPool':
      return apply(tf.layers.maxPooling2d({ poolSize: layer.size, strides: layer.size }), x);
    case 'flatten':
      return apply(tf.layers.flatten(), x);
    case 'globalPool':
      return apply(tf.layers.globalAveragePooling2d({}), x);
    case 'residual': {
      const body = layer.body.reduce((inner, part) => append(part, inner, apply), x);
      const shortcut = layer.project ? apply(projection(x, body), x, true) : x;
      return tf.layers.add().apply([shortcut, body]) as tf.SymbolicTensor;
    }
  }
}

function projection(from: tf.SymbolicTensor, to: tf.SymbolicTensor): tf.layers.Layer {
  return tf.layers.conv2d({
    filters: to.shape.at(-1)!,
    kernelSize: 1,
    strides: from.shape[1]! / to.shape[1]!,
    padding: 'same',
    useBias: false,
  });
}
