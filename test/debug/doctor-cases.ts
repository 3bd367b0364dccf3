import '../../src/container.js';
import { CustomVjp } from '../../src/autodiff/custom-vjp.js';
import { defineVjp } from '../../src/autodiff/define-vjp.js';
import { stopGradient } from '../../src/autodiff/stop-gradient.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { BaseCallback } from '../../src/callbacks/callback.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import type { GradientDoctor } from '../../src/debug/gradient-doctor.js';
import type { CauseName } from '../../src/debug/diagnoses/diagnosis.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { Variable } from '../../src/engine/variable.js';
import { initializers } from '../../src/initializers/resolve-initializer.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child, Layer, Weight } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import type { WeightHandle } from '../../src/layers/weight-handle.js';
import { SparseCategoricalCrossentropy } from '../../src/losses/sparse-categorical-crossentropy.js';
import { BinaryCrossentropy } from '../../src/losses/binary-crossentropy.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { BaseOptimizer, type WeightUpdate } from '../../src/optimizers/base-optimizer.js';
import { Optimizer } from '../../src/optimizers/declarations.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { WeightSnapshot } from '../../src/training/weight-snapshot.js';
import type { StepBatch, StepContext } from './step-types.js';
import { normal, RngKey } from '../../src/core/rng-key.js';

/** A training, and what the doctor has to say of it. */
export interface DoctorCase {
  readonly name: string;
  /** `null`: nothing. */
  readonly cause: CauseName | null;
  readonly train: (doctor: GradientDoctor, execution?: 'auto' | 'eager') => Promise<void>;
}

const ROWS = 192;
const FEATURES = 8;
const CLASSES = 4;

/** Numbers of a normal distribution, the same every time. */
function draws(count: number, name = 'x'): Float32Array {
  return normal(RngKey.fromSeed(7, name), count);
}

function table(values: Float32Array, width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
}

/** Inputs `[rows, features]`, the class of the nearest of some directions, and a smooth number. */
function makeData(rows = ROWS, features = FEATURES): { x: number[][]; classes: number[]; y: number[][] } {
  const x = table(draws(rows * features), features);
  const directions = table(draws(CLASSES * features, 'directions'), features);
  const classes = x.map((row) => {
    const scores = directions.map((direction) => direction.reduce((sum, value, i) => sum + value * row[i]!, 0));
    return scores.indexOf(Math.max(...scores));
  });
  const y = x.map((row) => [0.6 * row[0]! - 0.4 * row[1]! + 0.5 * Math.tanh(row[2]! * row[3]!)]);
  return { x, classes, y };
}

const data = makeData();
const logitsLoss = () => new SparseCategoricalCrossentropy({ fromLogits: true });

interface Fit {
  readonly model: BaseModel;
  readonly compile?: Parameters<BaseModel['compile']>[0];
  readonly x?: number[][] | Tensor;
  readonly y?: number[] | number[][] | Tensor;
  readonly fit?: object;
}

/** A case of `fit`, on the classes above where nothing else is said. */
function fit(name: string, cause: CauseName | null, make: () => Fit): DoctorCase {
  return {
    name,
    cause,
    async train(doctor, execution = 'auto') {
      const { model, compile = {}, x = data.x, y = data.classes, fit: options = {} } = make();
      const { callbacks = [], ...rest } = options as { callbacks?: object[] };
      model.compile({
        optimizer: new Adam({ learningRate: 0.01 }),
        loss: logitsLoss(),
        execution,
        ...compile,
      } as never);
      try {
        await model.fit(
          x as never,
          y as never,
          {
            epochs: 6,
            batchSize: 32,
            verbose: 0,
            ...rest,
            callbacks: [doctor, ...callbacks],
          } as never,
        );
      } finally {
        model.dispose();
      }
    },
  };
}

function perceptron(activation: 'relu' | 'tanh' | 'sigmoid' = 'relu', hidden: object = {}, units = 16): BaseModel {
  return sequential([layers.dense({ units, activation, ...hidden }), layers.dense({ units: CLASSES })]);
}

// --- layers and models with faults ------------------------------------------------------------------------------------

const turned = defineVjp('test/turned-tanh', {
  inputs: ['x'],
  forward: (x) => ({ value: tf.tanh(x), keep: { x } }),
  backward: (dy, { x }) => ({ x: () => tf.neg(tf.mul(dy, tf.sub(1, tf.square(tf.tanh(x))))) }),
});
const right = defineVjp('test/right-tanh', {
  inputs: ['x'],
  forward: (x) => ({ value: tf.tanh(x), keep: { x } }),
  backward: (dy, { x }) => ({ x: () => tf.mul(dy, tf.sub(1, tf.square(tf.tanh(x)))) }),
});
const clipped = defineVjp('test/clipped-gradient', {
  inputs: ['x'],
  forward: (x) => tf.clone(x),
  backward: (dy) => ({ x: () => tf.clipByValue(dy, -0.1, 0.1) }),
});

@Layer('test/doctor-scale')
class Scale extends BaseLayer {
  @Weight<Scale>((_, input) => ({ shape: [input.at(-1)!], initializer: 'ones' })) factor!: WeightHandle;

  @CustomVjp('test/doctor-scale', {
    inputs: ['x'],
    weights: ['factor'],
    keep: ['x', 'factor'],
    backward: (dy, { x, factor }) => ({
      x: () => tf.mul(dy, factor),
      factor: () => tf.mul(-1, tf.sum(tf.mul(dy, x), 0)),
    }),
  })
  call(x: Tensor): Tensor {
    return tf.mul(x, this.factor.value);
  }
}

@Layer('test/doctor-fixed-dropout')
class FixedDropout extends BaseLayer {
  call(x: Tensor, context?: CallContext): Tensor {
    return context?.training === true ? tf.dropout(x, 0.5, undefined, 42) : tf.clone(x);
  }
}

@Layer('test/doctor-kept-mask')
class KeptMask extends BaseLayer {
  private mask: Tensor | undefined;

  call(x: Tensor, context?: CallContext): Tensor {
    if (context?.training !== true) return tf.clone(x);
    this.mask ??= tf.keep(tf.cast(tf.greater(tf.randomUniform([x.shape[1]!], 0, 1, 'float32', 3), 0.4), 'float32'));
    return tf.mul(tf.mul(x, this.mask), 1 / 0.6);
  }

  override dispose(): void {
    this.mask?.dispose();
    super.dispose();
  }
}

@Model('test/doctor-cut')
class Cut extends BaseModel {
  @Child() first = layers.dense({ units: 8, activation: 'tanh' });
  @Child() head = layers.dense({ units: CLASSES });
  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(stopGradient(this.first.call(x, context)), context);
  }
}

@Model('test/doctor-rounded')
class Rounded extends BaseModel {
  @Child() first = layers.dense({ units: 8, activation: 'tanh' });
  @Child() head = layers.dense({ units: CLASSES });
  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(tf.round(this.first.call(x, context)), context);
  }
}

@Model('test/doctor-copied')
class Copied extends BaseModel {
  @Child() first = layers.dense({ units: 8, activation: 'tanh' });
  @Child() head = layers.dense({ units: CLASSES });
  constructor(private readonly change: (value: number) => number) {
    super();
  }
  call(x: Tensor, context: CallContext): Tensor {
    const features = this.first.call(x, context);
    const values = Array.from(features.dataSync(), this.change);
    return this.head.call(tf.tensor(values, features.shape), context);
  }
}

/** A model whose own step computes by `loss`, and by `before` outside of what it minimises. */
@Model('test/doctor-own-loss')
class OwnLoss extends BaseModel {
  @Child() first: BaseLayer = layers.dense({ units: 16, activation: 'tanh' });
  @Child() between: BaseLayer;
  @Child() head = layers.dense({ units: CLASSES });
  private readonly crossentropy = logitsLoss();

  constructor(
    between: BaseLayer = layers.activation({ activation: 'tanh' }),
    private readonly form: 'plain' | 'outside' | 'softmax' | 'set back' | 'follows' = 'plain',
  ) {
    super();
    this.between = between;
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.between.call(this.first.call(x, context), context), context);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    const outside = this.form === 'outside' ? this.first.call(x, step.call) : null;
    const old = this.form === 'set back' && this.head.built ? this.head.kernel.variable.read() : null;
    const loss = step.minimize(() => {
      const features = outside ?? this.first.call(x, step.call);
      const logits = this.head.call(this.between.call(features, step.call), step.call);
      return this.crossentropy.compute(y!, this.form === 'softmax' ? tf.softmax(logits as tf.Tensor2D) : logits);
    });
    if (old !== null) this.head.kernel.variable.assign(old);
    return { loss };
  }
}

/** A second layer that follows the first one, and is trained by nothing else. */
@Model('test/doctor-teacher')
class Teacher extends BaseModel {
  @Child() first = layers.dense({ units: 8, activation: 'tanh', useBias: false });
  @Child() teacher = layers.dense({ units: 8, activation: 'tanh', useBias: false });
  @Child() head = layers.dense({ units: CLASSES });
  private readonly crossentropy = logitsLoss();

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.first.call(x, context), context);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    const loss = step.minimize(() => {
      const wanted = stopGradient(this.teacher.call(x));
      const apart = tf.mean(tf.squaredDifference(wanted, this.first.call(x, step.call)));
      return tf.add(this.crossentropy.compute(y!, this.call(x, step.call)), tf.mul(0.01, apart));
    });
    const { variable } = this.teacher.kernel;
    variable.assign(tf.add(tf.mul(0.9, variable.read()), tf.mul(0.1, this.first.kernel.variable.read())));
    return { loss };
  }
}

@Model('test/doctor-unused')
class Unused extends BaseModel {
  @Child() first = layers.dense({ units: 8, activation: 'tanh' });
  @Child() second = layers.dense({ units: 8, activation: 'tanh' });
  @Child() head = layers.dense({ units: CLASSES });
  call(x: Tensor, context: CallContext): Tensor {
    this.second.call(x, context);
    return this.head.call(this.first.call(x, context), context);
  }
}

@Optimizer('test/doctor-summing')
class Summing extends BaseOptimizer {
  override slots(): Record<string, number> {
    return { sum: 0 };
  }

  apply({ variable, gradient, slots, learningRate }: WeightUpdate): void {
    slots['sum']!.assignAdd(gradient);
    variable.assignAdd(tf.neg(tf.mul(learningRate, slots['sum']!.read())));
  }
}

@Optimizer('test/doctor-averaging')
class Averaging extends BaseOptimizer {
  override slots(): Record<string, number> {
    return { sum: 0, average: 0 };
  }

  constructor(
    options: { learningRate: number },
    private readonly sums: boolean,
  ) {
    super(options);
  }

  /** An average of sums of gradients; or, as it should be, of averages of them. */
  apply({ variable, gradient, slots, learningRate }: WeightUpdate): void {
    const { sum, average } = slots as Record<'sum' | 'average', Variable>;
    if (this.sums) sum.assignAdd(gradient);
    else sum.assign(tf.add(tf.mul(0.9, sum.read()), tf.mul(0.1, gradient)));
    average.assign(tf.add(tf.mul(0.9, average.read()), tf.mul(0.1, sum.read())));
    variable.assignAdd(tf.neg(tf.mul(learningRate, average.read())));
  }
}

@Model('test/doctor-own-sum')
class OwnSum extends BaseModel {
  @Child() head = layers.dense({ units: 1 });
  private sum: Variable | undefined;

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(x, context);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    const loss = step.minimize(() => tf.mean(tf.squaredDifference(y!, this.call(x, step.call))), {
      weights: 'head/bias',
    });
    const { kernel } = this.head;
    this.sum ??= Variable.create('sum', tf.zeros([...kernel.shape]));
    const weights = kernel.variable.read();
    const fn = () => tf.mean(tf.squaredDifference(y!, tf.matMul(x as tf.Tensor2D, weights as tf.Tensor2D)));
    this.sum.assignAdd(valueAndGradients(fn, [weights]).gradients[0]!);
    kernel.variable.assignAdd(tf.mul(-0.002, this.sum.read()));
    return { loss };
  }

  override dispose(): void {
    this.sum?.dispose();
    super.dispose();
  }
}

@Layer('test/doctor-sum-in-weight')
class SumInWeight extends BaseLayer {
  @Weight<SumInWeight>((_, input) => ({ shape: [input.at(-1)!, 1], initializer: 'glorotUniform' }))
  kernel!: WeightHandle;
  @Weight<SumInWeight>((_, input) => ({ shape: [input.at(-1)!, 1], initializer: 'zeros', trainable: false }))
  sum!: WeightHandle;

  call(x: Tensor): Tensor {
    return tf.matMul(x as tf.Tensor2D, this.kernel.value as tf.Tensor2D);
  }
}

@Model('test/doctor-own-sum-in-weight')
class OwnSumInWeight extends BaseModel {
  @Child() head = new SumInWeight();

  call(x: Tensor): Tensor {
    return this.head.call(x);
  }

  override trainStep({ x, y }: StepBatch, step: StepContext): Record<string, Tensor> {
    const loss = step.minimize(() => tf.mean(tf.squaredDifference(y!, this.call(x))));
    const { kernel, sum } = this.head;
    const weights = kernel.variable.read();
    const fn = () => tf.mean(tf.squaredDifference(y!, tf.matMul(x as tf.Tensor2D, weights as tf.Tensor2D)));
    sum.variable.assignAdd(valueAndGradients(fn, [weights]).gradients[0]!);
    kernel.variable.assignAdd(tf.mul(-0.002, sum.variable.read()));
    return { loss };
  }
}

@Layer('test/doctor-disposing')
class Disposing extends BaseLayer {
  private calls = 0;

  call(x: Tensor): Tensor {
    const doubled = tf.mul(x, 2);
    if (this.calls++ > 3) doubled.dispose();
    return tf.add(doubled, 1);
  }
}

@Layer('test/doctor-writing')
class Writing extends BaseLayer {
  @Weight<Writing>((_, input) => ({ shape: [input.at(-1)!, 8], initializer: 'glorotUniform' })) kernel!: WeightHandle;

  call(x: Tensor): Tensor {
    const { variable } = this.kernel;
    const value = variable.read();
    variable.assign(tf.div(value, tf.norm(value)));
    return tf.tanh(tf.matMul(x as tf.Tensor2D, this.kernel.value as tf.Tensor2D));
  }
}

@Layer('test/doctor-history')
class GrowingHistory extends BaseLayer {
  private readonly past: Tensor[] = [];

  call(x: Tensor, context?: CallContext): Tensor {
    if (context?.training === true) this.past.push(tf.keep(tf.mean(x, 0)));
    return this.past.reduce((sum, one) => tf.add(sum, tf.mul(0.001, one)), tf.mul(x, 1));
  }

  override dispose(): void {
    tf.dispose(this.past);
    super.dispose();
  }
}

@Layer('test/doctor-leak')
class Leaking extends BaseLayer {
  call(x: Tensor): Tensor {
    tf.keep(tf.sum(x));
    return tf.mul(x, 1);
  }
}

@Model('test/doctor-tied')
class Tied extends BaseModel {
  @Child() code = layers.dense({ units: FEATURES, activation: 'tanh' });
  @Child() head = layers.dense({ units: CLASSES });
  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.code.call(this.code.call(x, context), context), context);
  }
}

const rolled = <T>(list: readonly T[], by: number): T[] =>
  list.map((_, i) => list[(i + by + list.length) % list.length]!);
const deep = (count: number, options: object) =>
  sequential([
    ...Array.from({ length: count }, () => layers.dense({ units: 16, ...options })),
    layers.dense({ units: CLASSES }),
  ]);
const stddev = (value: number) => initializers.randomNormal({ standardDeviation: value });
const noiseLabels = [...draws(ROWS, 'labels')].map((value) => Math.floor(Math.abs(value) * 1000) % CLASSES);
const outliers = {
  x: data.x.map((row, i) => (i % 96 === 40 ? row.map((v) => v * 60) : row)),
  y: data.y.map((row, i) => (i % 96 === 40 ? [900] : row)),
};
const regression = { loss: 'meanSquaredError', optimizer: new SGD({ learningRate: 0.05 }) };
const validationData = (() => {
  const { x, classes } = makeData(320);
  return { x: x.slice(ROWS), y: classes.slice(ROWS) };
})();
const few = { x: table(draws(24 * 32), 32), y: [...draws(24, 'few')].map((v) => (v > 0 ? 1 : 0)) };
const fewMore = { x: table(draws(64 * 32, 'more'), 32), y: [...draws(64, 'few more')].map((v) => (v > 0 ? 1 : 0)) };

/** Sets the weights of the first step back at each step or epoch; or, sometimes, those of an epoch before. */
class SettingBack extends BaseCallback {
  private kept: WeightSnapshot | undefined;
  private loss = NaN;

  constructor(private readonly when: 'begin' | 'end' | 'head' | 'rounded' | 'epoch' | 'worst' | 'best' | 'twice') {
    super();
  }

  override onBatchBegin(): void {
    this.kept ??= this.run.readWeights();
    if (this.when === 'begin') this.run.writeWeights(this.kept);
  }

  override onBatchEnd(): void {
    if (this.when === 'end') this.run.writeWeights(this.kept!);
    if (this.when === 'head') this.run.writeWeights(new Map([...this.kept!].slice(-2)));
    if (this.when === 'rounded') {
      const rounded = [...this.kept!].map(([path, { shape, values }]) => {
        return [path, { shape, values: values.map((value) => Math.round(value * 1e4) / 1e4) }] as const;
      });
      this.run.writeWeights(new Map(rounded));
    }
  }

  override onEpochBegin(): void {
    if (this.when === 'epoch' && this.kept !== undefined) this.run.writeWeights(this.kept);
  }

  override onEpochEnd(epoch: number, { loss }: Readonly<Record<string, number>>): void {
    if (this.when === 'epoch') return;
    if (this.when === 'worst' || this.when === 'best') {
      const isKept = this.when === 'best' ? !(loss! >= this.loss) : !(loss! <= this.loss);
      if (!isKept) return this.run.writeWeights(this.kept!);
      this.loss = loss!;
    }
    if (this.when === 'twice' && (epoch === 1 || epoch === 2)) this.run.writeWeights(this.kept!);
    this.kept = this.run.readWeights();
  }
}

/** One for each symptom, and more where it has several forms. */
export const FAULTS: readonly DoctorCase[] = [
  fit('a rule of defineVjp with the wrong sign', 'wrong-sign-gradient', () => ({
    model: sequential([
      layers.dense({ units: 8 }),
      layers.activation({ activation: (x) => turned(x) }),
      layers.dense({ units: CLASSES }),
    ]),
  })),
  fit('a rule of @CustomVjp whose weight has the wrong sign', 'wrong-sign-gradient', () => ({
    model: sequential([layers.dense({ units: 8, activation: 'tanh' }), new Scale(), layers.dense({ units: CLASSES })]),
  })),
  fit('a wrong rule in a step of its own', 'wrong-sign-gradient', () => ({
    model: new OwnLoss(layers.activation({ activation: (x) => turned(x) })),
    compile: { loss: undefined },
  })),
  fit('tf.sigmoid with far too large inputs', 'saturation', () => ({
    model: sequential([
      layers.dense({ units: 16, kernelInitializer: stddev(15) }),
      layers.activation({ activation: (x) => tf.sigmoid(x) }),
      layers.dense({ units: CLASSES }),
    ]),
  })),
  fit('tanh with far too large inputs', 'saturation', () => ({
    model: perceptron('tanh', { kernelInitializer: stddev(40) }),
  })),
  fit('sigmoid driven into its end by a bias', 'saturation', () => ({
    model: perceptron('sigmoid', { biasInitializer: initializers.constant({ value: 12 }) }),
  })),
  fit('relu with a bias far below zero', 'dead-relu', () => ({
    model: perceptron('relu', { biasInitializer: initializers.constant({ value: -30 }) }),
  })),
  fit('a relu of its own with a bias far below zero', 'dead-relu', () => ({
    model: sequential([
      layers.dense({ units: 16, biasInitializer: initializers.constant({ value: -30 }) }),
      layers.activation({ activation: (x) => tf.maximum(x, 0) }),
      layers.dense({ units: CLASSES }),
    ]),
  })),
  fit('weights drawn with a standard deviation of 3', 'exploding-initialisation', () => ({
    model: deep(4, { activation: 'relu', kernelInitializer: stddev(3) }),
  })),
  fit('twenty layers of sigmoid', 'vanishing-depth', () => ({ model: deep(20, { activation: 'sigmoid' }) })),
  fit('deep relu drawn too small', 'vanishing-depth', () => ({
    model: deep(10, { activation: 'relu', kernelInitializer: stddev(0.02) }),
  })),
  fit('a large model on a few examples', 'overfit-high-rate', () => ({
    model: sequential([layers.dense({ units: 64, activation: 'relu' }), layers.dense({ units: 2 })]),
    compile: { optimizer: new Adam({ learningRate: 0.03 }) },
    x: few.x,
    y: few.y,
    fit: { epochs: 30, batchSize: 12, validationData: [fewMore.x, fewMore.y] },
  })),
  fit('random labels learnt by heart at once', 'overfit-high-rate', () => ({
    model: sequential([layers.dense({ units: 64, activation: 'relu' }), layers.dense({ units: 2 })]),
    compile: { optimizer: new Adam({ learningRate: 0.1 }) },
    x: few.x,
    y: few.y,
    fit: { epochs: 12, batchSize: 12, validationData: [fewMore.x, fewMore.y] },
  })),
  fit('an optimizer that sums gradients', 'unzeroed-gradients', () => ({
    model: perceptron('tanh'),
    compile: { optimizer: new Summing({ learningRate: 0.01 }) },
  })),
  fit('an optimizer that averages sums of gradients', 'unzeroed-gradients', () => ({
    model: perceptron('tanh'),
    compile: { optimizer: new Averaging({ learningRate: 0.01 }, true) },
  })),
  fit('a step of its own that sums gradients', 'unzeroed-gradients', () => ({
    model: new OwnSum(),
    compile: { optimizer: new SGD({ learningRate: 0.01 }), loss: undefined },
    y: data.y,
  })),
  fit('a step of its own that sums gradients in weights that are not trained', 'unzeroed-gradients', () => ({
    model: new OwnSumInWeight(),
    compile: { optimizer: new SGD({ learningRate: 0.01 }), loss: undefined },
    y: data.y,
  })),
  fit('a tensor disposed before its last use', 'overwritten-tensor', () => ({
    model: sequential([layers.dense({ units: 8 }), new Disposing(), layers.dense({ units: CLASSES })]),
    compile: { execution: 'eager' },
  })),
  fit('a callback that sets old weights back after a step', 'overwritten-tensor', () => ({
    model: perceptron(),
    fit: { callbacks: [new SettingBack('end')] },
  })),
  fit('a callback that sets old weights back before a step', 'overwritten-tensor', () => ({
    model: perceptron(),
    fit: { callbacks: [new SettingBack('begin')] },
  })),
  fit('a callback that sets the last layer back', 'overwritten-tensor', () => ({
    model: perceptron(),
    fit: { callbacks: [new SettingBack('head')] },
  })),
  fit('a callback that sets weights back and rounds them', 'overwritten-tensor', () => ({
    model: perceptron(),
    fit: { callbacks: [new SettingBack('rounded')] },
  })),
  fit('a callback that begins each epoch with the first weights', 'overwritten-tensor', () => ({
    model: perceptron(),
    fit: { callbacks: [new SettingBack('epoch')] },
  })),
  fit('a callback that goes back to the worst weights', 'overwritten-tensor', () => ({
    model: perceptron(),
    fit: { callbacks: [new SettingBack('worst')] },
  })),
  fit('a step of its own that sets a kernel back', 'overwritten-tensor', () => ({
    model: new OwnLoss(undefined, 'set back'),
    compile: { loss: undefined },
  })),
  fit('a weight that the forward pass writes to', 'overwritten-tensor', () => ({
    model: sequential([new Writing(), layers.dense({ units: CLASSES })]),
    compile: { execution: 'eager' },
  })),
  fit('stopGradient behind the first layer', 'too-much-detach', () => ({ model: new Cut() })),
  fit('features that are read and made a tensor again', 'too-much-detach', () => ({
    model: new Copied((value) => value),
    compile: { execution: 'eager' },
  })),
  fit('features computed outside of minimize', 'too-much-detach', () => ({
    model: new OwnLoss(undefined, 'outside'),
    compile: { loss: undefined },
  })),
  fit('features that JavaScript computes', 'non-differentiable-op', () => ({
    model: new Copied((value) => Math.max(0, value)),
    compile: { execution: 'eager' },
  })),
  fit('rounding behind the first layer', 'non-differentiable-op', () => ({ model: new Rounded() })),
  fit('a layer whose result nobody uses', 'unused-weight', () => ({ model: new Unused() })),
  fit('a layer that adds up its past', 'growing-graph', () => ({
    model: sequential([layers.dense({ units: 8 }), new GrowingHistory(), layers.dense({ units: CLASSES })]),
    compile: { execution: 'eager' },
  })),
  fit('a layer that keeps a tensor at each call', 'leaking-tensors', () => ({
    model: sequential([layers.dense({ units: 8 }), new Leaking(), layers.dense({ units: CLASSES })]),
    compile: { execution: 'eager' },
  })),
  fit('a callback that frees nothing', 'leaking-tensors', () => ({
    model: perceptron(),
    fit: { callbacks: [new LambdaCallback({ onBatchEnd: () => void tf.scalar(1) })] },
  })),
  fit('two outliers among the examples', 'norm-spikes', () => ({
    model: sequential([layers.dense({ units: 16, activation: 'tanh' }), layers.dense({ units: 1 })]),
    compile: { ...regression, optimizer: new Adam({ learningRate: 0.01 }) },
    ...outliers,
    fit: { batchSize: 8 },
  })),
  fit('float16 without a loss scale', 'float16-underflow', () => ({
    model: sequential([layers.dense({ units: 32, activation: 'relu' }), layers.dense({ units: 1 })]),
    compile: {
      loss: (labels: Tensor, predictions: Tensor) =>
        tf.mul(1e-8, tf.mean(tf.squaredDifference(labels, predictions), -1)),
      precision: 'mixed_float16',
      lossScale: 1,
    },
    y: data.y,
  })),
  fit('tf.dropout with a seed', 'frozen-dropout', () => ({
    model: sequential([
      layers.dense({ units: 32, activation: 'tanh' }),
      new FixedDropout(),
      layers.dense({ units: CLASSES }),
    ]),
  })),
  fit('tf.dropout with a seed in a step of its own', 'frozen-dropout', () => ({
    model: new OwnLoss(new FixedDropout()),
    compile: { loss: undefined },
  })),
  fit('a mask that is drawn once', 'frozen-dropout', () => ({
    model: sequential([
      layers.dense({ units: 32, activation: 'tanh' }),
      new KeptMask(),
      layers.dense({ units: CLASSES }),
    ]),
    compile: { execution: 'eager' },
  })),
  fit('labels one row off', 'shifted-labels', () => ({ model: perceptron(), y: rolled(data.classes, 1) })),
  fit('numbers one row off, the other way', 'shifted-labels', () => ({
    model: sequential([layers.dense({ units: 16, activation: 'tanh' }), layers.dense({ units: 1 })]),
    compile: { loss: 'meanSquaredError' },
    y: rolled(data.y, -1),
  })),
  fit('classes counted from 1', 'shifted-labels', () => ({
    model: sequential([layers.dense({ units: 16, activation: 'relu' }), layers.dense({ units: CLASSES + 1 })]),
    y: data.classes.map((label) => label + 1),
  })),
  fit('inputs in the thousands', 'unnormalised-inputs', () => ({
    model: perceptron(),
    x: data.x.map((row) => row.map((value) => 1000 + 300 * value)),
  })),
  fit('softmax and a loss of logits', 'softmax-twice', () => ({
    model: sequential([
      layers.dense({ units: 16, activation: 'relu' }),
      layers.dense({ units: CLASSES, activation: (x: Tensor) => tf.softmax(x as tf.Tensor2D) }),
    ]),
  })),
  fit('softmax and a loss of logits in a step of its own', 'softmax-twice', () => ({
    model: new OwnLoss(undefined, 'softmax'),
    compile: { loss: undefined },
  })),
  fit('two softmax activations in a row', 'softmax-twice', () => ({
    model: sequential([
      layers.dense({ units: CLASSES, activation: 'softmax' }),
      layers.activation({ activation: 'softmax' }),
    ]),
    compile: { loss: 'sparseCategoricalCrossentropy' },
  })),
  fit('log of a prediction of zero', 'log-of-zero', () => ({
    model: sequential([layers.dense({ units: 1, activation: 'relu' })]),
    compile: { loss: (labels: Tensor, p: Tensor) => tf.neg(tf.mean(tf.mul(labels, tf.log(p)), -1)) },
    y: data.y,
  })),
  fit('gradient descent with a rate of 30', 'learning-rate-too-high', () => ({
    model: perceptron('tanh'),
    compile: { optimizer: new SGD({ learningRate: 30 }) },
  })),
  fit('a rate at which the loss leaves all bounds', 'learning-rate-too-high', () => ({
    model: sequential([layers.dense({ units: 16, activation: 'tanh' }), layers.dense({ units: 1 })]),
    compile: { loss: 'meanSquaredError', optimizer: new SGD({ learningRate: 2 }) },
    y: data.y,
  })),
  fit('a rate of a ten-millionth', 'learning-rate-too-low', () => ({
    model: perceptron('tanh'),
    compile: { optimizer: new Adam({ learningRate: 1e-7 }) },
  })),
  fit('gradient descent with a rate of a hundred-millionth', 'learning-rate-too-low', () => ({
    model: perceptron('tanh'),
    compile: { optimizer: new SGD({ learningRate: 1e-8 }) },
  })),
  fit('labels drawn by lot', 'constant-labels-or-shuffled-labels', () => ({
    model: perceptron('relu', {}, 4),
    y: noiseLabels,
    fit: { epochs: 4 },
  })),
  fit('labels that are all the same', 'constant-labels-or-shuffled-labels', () => ({
    model: perceptron(),
    y: data.classes.map(() => 2),
  })),
  fit('all weights zero', 'zero-initialisation', () => ({
    model: sequential([
      layers.dense({ units: 8, activation: 'tanh', kernelInitializer: 'zeros' }),
      layers.dense({ units: CLASSES, kernelInitializer: 'zeros' }),
    ]),
  })),
  fit('all weights equal', 'zero-initialisation', () => ({
    model: sequential([
      layers.dense({ units: 8, activation: 'tanh', kernelInitializer: initializers.constant({ value: 0.1 }) }),
      layers.dense({ units: CLASSES, kernelInitializer: initializers.constant({ value: 0.1 }) }),
    ]),
  })),
];

const frozen = () => {
  const model = sequential([
    layers.dense({ units: 16, activation: 'tanh', trainable: false }),
    layers.dense({ units: CLASSES }),
  ]);
  return { model };
};
const images = () => ({
  model: sequential([
    layers.reshape({ targetShape: [4, 2, 1] }),
    layers.conv2d({ filters: 8, kernelSize: 2, padding: 'same', activation: 'relu' }),
    layers.batchNormalization(),
    layers.flatten(),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: CLASSES }),
  ]),
});

/** Trainings with nothing wrong, some of which look as if. */
export const HEALTHY: readonly DoctorCase[] = [
  fit('a run that goes back to its best weights twice', null, () => ({
    model: perceptron(),
    fit: { callbacks: [new SettingBack('twice')] },
  })),
  fit('a run that goes back to its best weights after each worse epoch', null, () => ({
    model: perceptron(),
    compile: { optimizer: new Adam({ learningRate: 0.08 }) },
    fit: { epochs: 16, callbacks: [new SettingBack('best')] },
  })),
  fit('a teacher that follows', null, () => ({ model: new Teacher(), compile: { loss: undefined } })),
  fit('dropout in a step of its own', null, () => ({
    model: new OwnLoss(layers.dropout({ rate: 0.4 })),
    compile: { loss: undefined },
  })),
  fit('an average of averages of gradients', null, () => ({
    model: perceptron('tanh'),
    compile: { optimizer: new Averaging({ learningRate: 0.3 }, false) },
  })),
  fit('numbers with a heavy tail', null, () => ({
    model: sequential([layers.dense({ units: 24, activation: 'relu' }), layers.dense({ units: 1 })]),
    compile: { loss: 'meanSquaredError', optimizer: new Adam({ learningRate: 0.01 }) },
    y: data.y.map(([value]) => [Math.exp(2 * value!)]),
  })),
  fit('a perceptron', null, () => ({ model: perceptron() })),
  fit('a perceptron with validation data', null, () => ({
    model: perceptron('tanh'),
    fit: { validationData: [validationData.x, validationData.y] },
  })),
  fit('numbers by gradient descent with momentum', null, () => ({
    model: sequential([layers.dense({ units: 16, activation: 'tanh' }), layers.dense({ units: 1 })]),
    compile: { loss: 'meanSquaredError', optimizer: new SGD({ learningRate: 0.02, momentum: 0.9 }) },
    y: data.y,
  })),
  fit('convolution, normalisation and dropout', null, images),
  fit('noisy numbers in small batches', null, () => ({
    model: sequential([layers.dense({ units: 16, activation: 'relu' }), layers.dense({ units: 1 })]),
    compile: { loss: 'meanSquaredError', optimizer: new Adam({ learningRate: 0.005 }) },
    y: data.y.map(([value], i) => [value! + 1.5 * draws(ROWS, 'noise')[i]!]),
    fit: { batchSize: 4, epochs: 4 },
  })),
  fit('a sparse relu', null, () => ({
    model: perceptron('relu', { biasInitializer: initializers.constant({ value: -1.5 }) }, 64),
    compile: { optimizer: new Adam({ learningRate: 0.02 }) },
  })),
  fit('a frozen layer', null, frozen),
  fit('one layer used twice', null, () => ({ model: new Tied() })),
  fit('sparse inputs', null, () => ({
    model: perceptron(),
    x: data.x.map((row) => row.map((value) => (value > 0.9 ? 1 : 0))),
  })),
  fit('a rule that is right', null, () => ({
    model: sequential([
      layers.dense({ units: 8 }),
      layers.activation({ activation: (x) => right(x) }),
      layers.dense({ units: CLASSES }),
    ]),
  })),
  fit('a rule that clips the gradient', null, () => ({
    model: sequential([
      layers.dense({ units: 8 }),
      layers.activation({ activation: (x) => clipped(x) }),
      layers.dense({ units: CLASSES }),
    ]),
  })),
  fit('a warm-up', null, () => ({
    model: perceptron('tanh'),
    compile: { optimizer: new Adam({ learningRate: 0.01 }), clip: { globalNorm: 1 } },
  })),
  fit('float16 with dynamic loss scaling', null, () => ({
    model: perceptron(),
    compile: { precision: 'mixed_float16' },
  })),
  fit('accumulated gradients', null, () => ({ model: perceptron(), compile: { accumulateSteps: 2 } })),
  fit('yes or no by a sigmoid', null, () => ({
    model: sequential([
      layers.dense({ units: 16, activation: 'relu' }),
      layers.dense({ units: 1, activation: 'sigmoid' }),
    ]),
    compile: { loss: new BinaryCrossentropy() },
    y: data.classes.map((label) => [label > 1 ? 1 : 0]),
  })),
  fit('residual blocks', null, () => ({
    model: sequential([
      layers.dense({ units: 16 }),
      ...Array.from({ length: 6 }, () => layers.residual({ body: layers.dense({ units: 16, activation: 'relu' }) })),
      layers.dense({ units: CLASSES }),
    ]),
    compile: { optimizer: new Adam({ learningRate: 0.003 }) },
  })),
  fit('a last layer of zeros', null, () => ({
    model: sequential([
      layers.dense({ units: 16, activation: 'tanh' }),
      layers.dense({ units: CLASSES, kernelInitializer: 'zeros' }),
    ]),
  })),
  fit('run op by op', null, () => ({ model: perceptron(), compile: { execution: 'eager' } })),
];
