import { describe, expect, it } from '@jest/globals';
import { EarlyStopping } from '../../src/callbacks/early-stopping.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { TerminateOnNaN } from '../../src/callbacks/terminate-on-nan.js';
import { createAdjoint } from '../../src/container.js';
import { GradientError, OptionsError, SetupError, StateError, TraceError } from '../../src/core/errors.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Child, Layer } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { regularizers } from '../../src/layers/regularizers.js';
import { MeanSquaredError } from '../../src/losses/mean-squared-error.js';
import { BaseModel } from '../../src/model/base-model.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { Model } from '../../src/model/declarations.js';
import { Adam } from '../../src/optimizers/adam.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { StepContext } from '../../src/training/step-context.js';
import type { Execution } from '../../src/training/training-plan.js';
import { useTestEngine } from '../helpers/engine.js';
import { markedLine } from '../helpers/footgun.js';
import { linearData, liveObjects, MODES, rejectionOf, smallModel, taken, weightsOf } from '../helpers/models.js';

type StepResult = Readonly<Record<string, Tensor>>;
type OwnStep = (model: Pair, batch: DeviceBatch, step: StepContext) => StepResult;

const squared = new MeanSquaredError();
const { x, y } = linearData(10);
/** Two whole batches and a short one. */
const BATCH = 4;
const QUIET = { batchSize: BATCH, verbose: 0 } as const;
/** One step in two modes that starts from equal weights: a few roundings of float32. */
const TOLERANCE = 2e-6;
/** Host arithmetic on float32 values against the same on the device. */
const ROUNDING = 1e-6;

/** Two layers beside each other, `first` and `second`, and a step that each test writes. */
@Model('test/pair')
class Pair extends BaseModel {
  @Child() first = layers.dense({ units: 1 });
  @Child() second = layers.dense({ units: 1 });
  /** How often the step's JavaScript was run. */
  runs = 0;
  readonly firstOptimizer = new SGD({ learningRate: 0.1 });
  readonly secondOptimizer = new Adam({ learningRate: 0.05 });

  constructor(private readonly own: OwnStep = twoObjectives) {
    super();
  }

  call(input: Tensor, context: CallContext): Tensor {
    return tf.add(this.first.call(input, context), this.second.call(input, context));
  }

  override trainStep(batch: DeviceBatch, step: StepContext): StepResult {
    this.runs++;
    return this.own(this, batch, step);
  }
}

/** `first` learns the labels, `second` learns what `first` says. */
const twoObjectives: OwnStep = (model, batch, step) => {
  const firstLoss = step.minimize(() => squared.compute(batch.y!, model.first.call(batch.x, step.call)), {
    weights: 'first',
    optimizer: model.firstOptimizer,
  });
  const wanted = model.first.call(batch.x, step.call);
  const secondLoss = step.minimize(() => squared.compute(wanted, model.second.call(batch.x, step.call)), {
    weights: 'second',
    optimizer: model.secondOptimizer,
  });
  return { firstLoss, secondLoss };
};

/** One loss over the whole model, with these options. */
const oneObjective =
  (options?: Parameters<StepContext['minimize']>[1]): OwnStep =>
  (model, batch, step) => ({
    loss: step.minimize(() => squared.compute(batch.y!, model.call(batch.x, step.call)), options),
  });

function compiled(own?: OwnStep, options: Partial<CompileOptions> = {}): Pair {
  const model = new Pair(own);
  model.compile({ optimizer: new SGD({ learningRate: 0.1 }), seed: 5, ...options });
  return model;
}

/** What one step without shuffling did to the weights. */
async function oneStep(
  model: BaseModel,
): Promise<{ before: Record<string, number[]>; after: Record<string, number[]> }> {
  model.build([null, 3], 5);
  const before = weightsOf(model);
  await model.trainOnBatch(x, y);
  return { before, after: weightsOf(model) };
}

const functionCalls = (): number => engine().backend.binding.counts.functionCalls;

/** The greatest distance between numbers of the same place. */
function distance(a: Record<string, number[]>, b: Record<string, number[]>): number {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  return Math.max(
    ...Object.entries(a).flatMap(([name, values]) => values.map((value, i) => Math.abs(value - b[name]![i]!))),
  );
}

describe.each(MODES)("a training step of one's own, %s", (execution) => {
  useTestEngine();
  const own = (step?: OwnStep, options: Partial<CompileOptions> = {}): Pair =>
    compiled(step, { execution, ...options });

  it('minimize updates the weights that the predicate chooses and no others', async () => {
    for (const weights of [
      'first',
      /^first\//,
      (path: string) => path.startsWith('first'),
      ['first/kernel', 'first/bias'],
    ]) {
      const model = own(oneObjective({ weights }));
      const { before, after } = await oneStep(model);
      expect(Object.keys(before)).toEqual(['first/kernel', 'first/bias', 'second/kernel', 'second/bias']);
      const changed = Object.keys(before).filter((path) => before[path]!.some((value, i) => value !== after[path]![i]));
      expect(changed).toEqual(['first/kernel', 'first/bias']);
      model.dispose();
    }
  });

  it('each optimizer updates by its own rule and keeps its own state', async () => {
    const model = own();
    const { before, after } = await oneStep(model);
    const { history } = await model.fit(x, y, { ...QUIET, epochs: 30 });
    // Adam's first step is the learning rate in every coordinate, whatever the gradient.
    for (const path of ['second/kernel', 'second/bias']) {
      for (const [i, value] of after[path]!.entries()) {
        expect(Math.abs(Math.abs(value - before[path]![i]!) - 0.05)).toBeLessThan(1e-4);
      }
    }
    expect(history['firstLoss']!.at(-1)).toBeLessThan(history['firstLoss']![0]! / 10);
    expect(history['secondLoss']!.at(-1)).toBeLessThan(history['secondLoss']![0]! / 10);
    model.dispose();
  });

  it('what follows minimize sees updated weights', async () => {
    const model = own(({ first }, batch, step) => {
      const loss = (): Tensor => squared.compute(batch.y!, first.call(batch.x, step.call));
      const before = tf.sum(first.kernel.value);
      const minimized = step.minimize(loss, { weights: 'first' });
      return { before, minimized, after: tf.sum(first.kernel.value), lossAfter: loss() };
    });
    model.build([null, 3], 5);
    const sum = (): number => weightsOf(model)['first/kernel']!.reduce((a, b) => a + b, 0);
    const before = sum();
    const logs = await model.trainOnBatch(x, y);
    expect(logs['before']).toBeCloseTo(before, 5);
    expect(logs['after']).toBeCloseTo(sum(), 5);
    expect(sum()).not.toBeCloseTo(before, 3);
    expect(logs['lossAfter']).toBeLessThan(logs['minimized']!);
    model.dispose();
  });

  it('what was computed outside of the loss is a constant to it', async () => {
    const model = own(({ first, second }, batch, step) => {
      const outside = first.call(batch.x, step.call);
      return { loss: step.minimize(() => squared.compute(batch.y!, tf.add(outside, second.call(batch.x, step.call)))) };
    });
    const { before, after } = await oneStep(model);
    expect(after['first/kernel']).toEqual(before['first/kernel']);
    expect(after['second/kernel']).not.toEqual(before['second/kernel']);
    model.dispose();
  });

  it('written as the usual step, it is the usual step to the bit: penalties, clipping, statistics, dropout', async () => {
    @Model('test/usual')
    class Usual extends BaseModel {
      @Child() hidden = layers.dense({ units: 6, kernelRegularizer: regularizers.l2({ l2: 0.1 }) });
      @Child() norm = layers.batchNormalization({ momentum: 0.5 });
      @Child() dropout = layers.dropout({ rate: 0.4 });
      @Child() head = layers.dense({ units: 1 });
      call(input: Tensor, context: CallContext): Tensor {
        const normed = this.norm.call(this.hidden.call(input, context), context);
        return this.head.call(this.dropout.call(normed, context), context);
      }
    }
    @Model('test/usual-by-hand')
    class ByHand extends Usual {
      override trainStep(batch: DeviceBatch, step: StepContext): StepResult {
        const loss = (): Tensor => squared.compute(batch.y!, this.call(batch.x, step.call), batch.sampleWeight);
        return { loss: step.minimize(loss) };
      }
    }
    const [usual, byHand] = [new Usual(), new ByHand()];
    const sampleWeight = x.map((_, i) => 1 + (i % 3));
    const options = { ...QUIET, epochs: 3, sampleWeight };
    for (const callbacks of [[], [new TerminateOnNaN()]]) {
      for (const model of [usual, byHand]) {
        const clip = { globalNorm: 0.5 };
        model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: squared, seed: 5, clip, execution });
      }
      const wanted = await usual.fit(x, y, { ...options, callbacks });
      const actual = await byHand.fit(x, y, { ...options, callbacks });
      expect(weightsOf(byHand)).toEqual(weightsOf(usual));
      // One sum is kept in float32 on the device, the other in float64 on the host.
      actual.history['loss']!.forEach((loss, i) => expect(loss).toBeCloseTo(wanted.history['loss']![i]!, 5));
      expect(await byHand.evaluate(x, y)).toEqual(await usual.evaluate(x, y));
    }
    usual.dispose();
    byHand.dispose();
  });

  it('adds what layers within the loss add, and not what others added before', async () => {
    @Layer('test/adding')
    class Adding extends BaseLayer {
      call(input: Tensor, context: CallContext): Tensor {
        context.addLoss(tf.mean(tf.square(input)));
        return tf.clone(input);
      }
    }
    @Model('test/activity')
    class Active extends BaseModel {
      @Child() adding = new Adding();
      @Child() head = layers.dense({ units: 1 });
      call(input: Tensor, context: CallContext): Tensor {
        return this.head.call(this.adding.call(input, context), context);
      }
      override trainStep(batch: DeviceBatch, step: StepContext): StepResult {
        const loss = (): Tensor => squared.compute(batch.y!, this.call(batch.x, step.call));
        return { bare: loss(), activity: tf.mean(tf.square(batch.x)), loss: step.minimize(loss) };
      }
    }
    const model = new Active();
    model.compile({ seed: 5, execution });
    const { bare, activity, loss } = await model.trainOnBatch(x, y);
    expect(activity).toBeGreaterThan(0.1);
    expect(Math.abs(loss! - bare! - activity!)).toBeLessThan(ROUNDING);
    model.dispose();
  });

  it('adds the penalties of the weights that it trains, and of no others', async () => {
    @Model('test/penalised')
    class Penalised extends BaseModel {
      @Child() first = layers.dense({ units: 1, kernelRegularizer: regularizers.l2({ l2: 0.5 }) });
      @Child() second = layers.dense({ units: 1, kernelRegularizer: regularizers.l2({ l2: 0.5 }) });
      call(input: Tensor, context: CallContext): Tensor {
        return tf.add(this.first.call(input, context), this.second.call(input, context));
      }
      override trainStep(batch: DeviceBatch, step: StepContext): StepResult {
        const loss = (): Tensor => squared.compute(batch.y!, this.call(batch.x, step.call));
        const bare = loss();
        const squares = tf.sum(tf.square(this.first.kernel.value));
        return { bare, squares, loss: step.minimize(loss, { weights: 'first' }) };
      }
    }
    const model = new Penalised();
    model.compile({ seed: 5, execution });
    const { bare, squares, loss } = await model.trainOnBatch(x, y);
    expect(squares).toBeGreaterThan(0.01);
    expect(Math.abs(loss! - bare! - 0.5 * squares!)).toBeLessThan(ROUNDING);
    model.dispose();
  });

  it('an epoch logs means weighted by the sizes of its batches, which every callback hears', async () => {
    const model = own((_, batch) => ({ mean: tf.mean(batch.x), rows: tf.scalar(batch.size, 'int32') }));
    const perBatch: number[] = [];
    const perEpoch: Readonly<Record<string, number>>[] = [];
    const listener = new LambdaCallback({
      onBatchEnd: (_, logs) => void perBatch.push(logs['rows']!),
      onEpochEnd: (_, logs) => void perEpoch.push(logs),
    });
    const history = await model.fit(x, y, { ...QUIET, epochs: 2, callbacks: [listener] });
    const all = x.flat();
    expect(perBatch).toEqual([4, 4, 2, 4, 4, 2]);
    for (const { mean, rows } of perEpoch) {
      expect(Math.abs(mean! - all.reduce((a, b) => a + b, 0) / all.length)).toBeLessThan(ROUNDING);
      expect(rows).toBe((4 * 4 + 4 * 4 + 2 * 2) / 10);
    }
    expect(history.history['mean']).toEqual(perEpoch.map(({ mean }) => mean));
    expect(history.mode).toEqual([execution, execution]);
    model.dispose();
  });

  it('logs of other names in another batch size keep their names', async () => {
    const model = own((_, { size }): StepResult => {
      const value = tf.scalar(size);
      return size === BATCH ? { whole: value, twice: tf.mul(value, 2) } : { short: value };
    });
    const { history } = await model.fit(x, y, { ...QUIET, epochs: 2, shuffle: false });
    expect(history).toEqual({ whole: [4, 4], twice: [8, 8], short: [2, 2] });
    model.dispose();
  });

  it('EarlyStopping watches a log of the step', async () => {
    const model = own((_, { y: labels }) => ({ distance: tf.mean(tf.abs(labels!)) }));
    const stopping = new EarlyStopping({ monitor: 'distance', mode: 'min', minDelta: 1e-3 });
    const history = await model.fit(x, y, { ...QUIET, epochs: 9, callbacks: [stopping] });
    expect(history.epoch).toEqual([0, 1]);
    expect(history.stopReason).toMatch(/distance/);
    model.dispose();
  });

  it('needs no labels, and trainOnBatch gives what the step logs', async () => {
    const model = own(({ first }, batch, step) => {
      expect(batch.y).toBeUndefined();
      const loss = (): Tensor => squared.compute(tf.zeros([batch.size, 1]), first.call(batch.x, step.call));
      return { toZero: step.minimize(loss, { weights: 'first' }) };
    });
    const { toZero } = await model.trainOnBatch(x);
    expect(toZero).toBeGreaterThan(0);
    const { history } = await model.fit({ x }, { ...QUIET, epochs: 20 });
    expect(history['toZero']!.at(-1)).toBeLessThan(toZero! / 4);
    model.dispose();
  });

  it('labels that are left out are not taken for weights of the same shape', async () => {
    const model = own((_, batch) => ({ labels: tf.scalar(batch.y === undefined ? 0 : 1) }));
    const column = x.map(() => 1);
    expect(await model.trainOnBatch(x, column)).toEqual({ labels: 1 });
    expect(await model.trainOnBatch(x, undefined, { sampleWeight: column })).toEqual({ labels: 0 });
    model.dispose();
  });

  it('a step that is not finite leaves all state as it was, updates of sound losses included', async () => {
    @Model('test/one-bad-of-two')
    class OneBad extends BaseModel {
      @Child() good = layers.dense({ units: 1 });
      @Child() norm = layers.batchNormalization();
      @Child() bad = layers.dense({ units: 1 });
      readonly optimizers = [new Adam({ learningRate: 0.1 }), new Adam({ learningRate: 0.1 })];
      call(input: Tensor, context: CallContext): Tensor {
        return this.bad.call(this.norm.call(input, context), context);
      }
      override trainStep(batch: DeviceBatch, step: StepContext): StepResult {
        const labels = batch.y!;
        const optimizer = (i: number) => ({ weights: ['good', 'bad'][i]!, optimizer: this.optimizers[i]! });
        const good = step.minimize(
          () => squared.compute(tf.zerosLike(labels), this.good.call(batch.x, step.call)),
          optimizer(0),
        );
        // A batch with a negative label has a loss that is not a number.
        const bad = step.minimize(
          () => tf.add(tf.mean(tf.sqrt(labels)), squared.compute(labels, this.call(batch.x, step.call))),
          optimizer(1),
        );
        return { good, bad };
      }
    }
    const model = new OneBad();
    model.compile({ seed: 5, execution });
    const sound = x.map(() => [1]);
    const spoilt = sound.map(([label], i) => [i < BATCH ? label! : -1]);
    const once = await model.fit(x.slice(0, BATCH), sound.slice(0, BATCH), {
      ...QUIET,
      shuffle: false,
      callbacks: [new TerminateOnNaN()],
    });
    expect(once.stopReason).toBeNull();
    const weights = weightsOf(model);
    const again = await model.fit(x.slice(BATCH), spoilt.slice(BATCH), {
      ...QUIET,
      shuffle: false,
      callbacks: [new TerminateOnNaN()],
    });
    expect(again.stopReason).toMatch(/epoch 1, batch 1 is not finite/);
    expect(weightsOf(model)).toEqual(weights);
    // Slots and counters, too: the same sound steps lead to the same weights as where the bad one was not made.
    await model.trainOnBatch(x, sound);
    const other = new OneBad();
    other.compile({ seed: 5, execution });
    await other.fit(x.slice(0, BATCH), sound.slice(0, BATCH), {
      ...QUIET,
      callbacks: [new TerminateOnNaN()],
      shuffle: false,
    });
    await other.trainOnBatch(x, sound);
    expect(weightsOf(model)).toEqual(weightsOf(other));
    model.dispose();
    other.dispose();
  });

  it('without a gate a step that is not finite is logged and counted as it is', async () => {
    const model = own((_, batch) => ({ root: tf.mean(tf.sqrt(batch.y!)) }));
    const { history } = await model.fit(
      x,
      x.map((_, i) => [i < BATCH ? -1 : 4]),
      { ...QUIET, shuffle: false },
    );
    expect(history['root']).toEqual([NaN]);
    model.dispose();
  });

  it('a gate does not count the bad step in the means of its epoch', async () => {
    const model = own((_, batch, step) => {
      const loss = (): Tensor => tf.add(tf.mean(tf.sqrt(batch.y!)), tf.mul(0, tf.sum(_.call(batch.x, step.call))));
      return { root: step.minimize(loss) };
    });
    const gate = new LambdaCallback({});
    Object.assign(gate, { gatesNonFinite: true });
    const labels = x.map((_, i) => [i < BATCH ? -1 : 4]);
    const { history } = await model.fit(x, labels, { ...QUIET, shuffle: false, callbacks: [gate] });
    expect(history['root']).toEqual([2]);
    model.dispose();
  });

  it('TerminateOnNaN leaves a sound run alone that logs no "loss"', async () => {
    const model = own();
    const history = await model.fit(x, y, { ...QUIET, epochs: 2, callbacks: [new TerminateOnNaN()] });
    expect([history.stopReason, history.epoch]).toEqual([null, [0, 1]]);
    model.dispose();
  });

  it('BatchNormalization moves its statistics once for each call in a step', async () => {
    @Model('test/normed')
    class Normed extends BaseModel {
      @Child() norm = layers.batchNormalization({ momentum: 0.5 });
      @Child() head = layers.dense({ units: 1 });
      call(input: Tensor, context: CallContext): Tensor {
        return this.head.call(this.norm.call(input, context), context);
      }
      override trainStep(batch: DeviceBatch, step: StepContext): StepResult {
        return { loss: step.minimize(() => squared.compute(batch.y!, this.call(batch.x, step.call))) };
      }
    }
    const model = new Normed();
    model.compile({ seed: 5, execution });
    const mean = [0, 1, 2].map((i) => x.reduce((sum, row) => sum + row[i]!, 0) / x.length);
    for (const share of [0.5, 0.75]) {
      await model.trainOnBatch(x, y);
      weightsOf(model)['norm/movingMean']!.forEach((value, i) => {
        expect(Math.abs(value - share * mean[i]!)).toBeLessThan(ROUNDING);
      });
    }
    model.dispose();
  });

  it('layers that only the step calls are built in the rehearsal, from the seed of compile', async () => {
    const step: OwnStep = ({ first, second }, batch, { call, minimize: _ }) => ({
      same: tf.sum(tf.add(first.call(batch.x, call), second.call(batch.x, call))),
    });
    const [model, twin, other] = [own(step), own(step), own(step, { seed: 6 })];
    for (const each of [model, twin, other]) await each.trainOnBatch(x, y);
    const built = own(step);
    built.build([null, 3]);
    expect(weightsOf(model)).toEqual(weightsOf(twin));
    expect(weightsOf(model)).toEqual(weightsOf(built));
    expect(weightsOf(model)['second/kernel']).not.toEqual(weightsOf(other)['second/kernel']);
    for (const each of [model, twin, other, built]) each.dispose();
  });

  it('weights that are frozen stay, and are trained once they are set free', async () => {
    const model = own(oneObjective());
    model.setTrainable('second', false);
    const frozen = await oneStep(model);
    expect(frozen.after['second/kernel']).toEqual(frozen.before['second/kernel']);
    expect(frozen.after['first/kernel']).not.toEqual(frozen.before['first/kernel']);
    model.setTrainable('second', true);
    model.setTrainable('first', false);
    const freed = await oneStep(model);
    expect(freed.after['second/kernel']).not.toEqual(freed.before['second/kernel']);
    expect(freed.after['first/kernel']).toEqual(freed.before['first/kernel']);
    model.dispose();
  });

  it('another learning rate of any optimizer holds from the next step on', async () => {
    const model = own();
    await model.fit(x, y, QUIET);
    const runs = model.runs;
    model.firstOptimizer.learningRate = 0;
    const first = await oneStep(model);
    expect(first.after['first/kernel']).toEqual(first.before['first/kernel']);
    expect(first.after['second/kernel']).not.toEqual(first.before['second/kernel']);
    model.secondOptimizer.learningRate = 0;
    await model.fit(x, y, {
      ...QUIET,
      epochs: 3,
      callbacks: [
        new LambdaCallback({
          onEpochBegin: (epoch) => {
            if (epoch === 2) model.firstOptimizer.learningRate = 0.1;
            else expect(weightsOf(model)).toEqual(first.after);
          },
        }),
      ],
    });
    const after = weightsOf(model);
    expect(after['first/kernel']).not.toEqual(first.after['first/kernel']);
    expect(after['second/kernel']).toEqual(first.after['second/kernel']);
    // trainOnBatch brought another batch size: two runs for a recording, none for a rate.
    if (execution === 'recorded') expect(model.runs - runs).toBe(2);
    model.dispose();
  });

  it('evaluate and validation data ask for a loss, and take it where there is one', async () => {
    const model = own();
    await model.fit(x, y, QUIET);
    const before = weightsOf(model);
    for (const attempt of [
      model.evaluate(x, y),
      model.fit(x, y, { ...QUIET, validationData: [x, y] }),
      model.gradients(x, y),
    ]) {
      const error = await rejectionOf(attempt);
      expect(error).toBeInstanceOf(StateError);
      expect(error.message).toMatch(/\[no-loss\][\s\S]*pass a loss to compile/);
    }
    expect(weightsOf(model)).toEqual(before);
    model.compile({ loss: 'meanSquaredError', seed: 5, execution });
    const { history } = await model.fit(x, y, { ...QUIET, validationData: [x, y] });
    expect(Object.keys(history)).toEqual(['firstLoss', 'secondLoss', 'val_loss']);
    expect((await model.evaluate(x, y)).loss).toBeCloseTo(history['val_loss']![0]!, 6);
    model.dispose();
  });

  it('nothing is left behind by steps, nor by the model', async () => {
    const start = liveObjects();
    const model = own();
    await model.fit(x, y, { ...QUIET, epochs: 2 });
    const before = liveObjects();
    await model.fit(x, y, { ...QUIET, epochs: 5, callbacks: [] });
    await model.trainOnBatch(x.slice(0, BATCH), y.slice(0, BATCH));
    expect(liveObjects()).toEqual(before);
    model.dispose();
    expect(liveObjects()).toEqual(start);
  });

  const termOfTheLoss = (model: Pair, { x }: DeviceBatch, step: StepContext): unknown => {
    let term!: tf.Tensor;
    const loss = step.minimize(() => {
      term = tf.mean(tf.square(model.call(x, step.call)));
      return tf.add(term, 1);
    });
    return { loss, term };
  };

  it.each<[string, (model: Pair, batch: DeviceBatch, step: StepContext) => unknown, RegExp]>([
    ['nothing', () => undefined, /received\s+undefined/],
    ['a tensor', (_, batch) => tf.mean(batch.x), /received\s+a \w+/],
    ['a list', (_, batch) => [tf.mean(batch.x)], /received\s+\[/],
    ['a number', () => ({ loss: 1 }), /received\s+loss: 1/],
    ['a row of numbers', (_, batch) => ({ loss: tf.ones([batch.size]) }), /received\s+loss: a tensor of shape \[10\]/],
    [
      'a term of the loss',
      termOfTheLoss,
      /received\s+term: a tensor that was disposed[\s\S]*step\.call\.keep\(tensor\)/,
    ],
    ['a text', () => ({ loss: tf.scalar('low') }), /received\s+loss: a tensor of type string/],
    ['a promise', () => Promise.reject(new Error('late')), /received\s+a promise[\s\S]*synchronous/],
  ])('a step that returns %s is refused', async (_, returns, message) => {
    const model = own(returns as OwnStep);
    const error = await rejectionOf(model.trainOnBatch(x, y));
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toMatch(/\[step-logs\] trainStep of model "pair"/);
    expect(error.message).toMatch(message);
    model.dispose();
  });

  const refused: Readonly<Record<string, readonly [OwnStep, new (...given: never[]) => Error, RegExp]>> = {
    'weights that do not exist': [
      oneObjective({ weights: 'frist' }),
      OptionsError,
      /option "weights" of minimize in trainStep of model "pair"[\s\S]*"frist"[\s\S]*did you mean "first"/,
    ],
    'an expression that matches nothing': [
      oneObjective({ weights: /third/ }),
      OptionsError,
      /\/third\/[\s\S]*known names: first, /,
    ],
    'an unknown option': [
      oneObjective({ weight: 'first' } as never),
      OptionsError,
      /\[unknown-option\][\s\S]*did you mean "weights"/,
    ],
    'the name of an optimizer': [oneObjective({ optimizer: 'adam' } as never), OptionsError, /option "optimizer"/],
    'a loss for each example': [
      (model, batch, step) => ({
        loss: step.minimize(() => squared.perExample(batch.y!, model.first.call(batch.x, step.call))),
      }),
      GradientError,
      /\[not-scalar\] minimize in trainStep[\s\S]*float32 \[4\]/,
    ],
    'an asynchronous loss': [
      (_, __, step) => ({ loss: step.minimize((async () => Promise.reject(new Error('late'))) as never) }),
      GradientError,
      /\[not-scalar\][\s\S]*a Promise/,
    ],
    'a loss of no weight': [
      (_, batch, step) => ({ loss: step.minimize(() => tf.mean(batch.x), { weights: 'first' }) }),
      GradientError,
      /\[nothing-to-train\][\s\S]*a loss that depends on none/,
    ],
    'an optimizer for each step': [
      (model, batch, step) => oneObjective({ optimizer: new SGD() })(model, batch, step),
      SetupError,
      /\[step-optimizer\][\s\S]*make optimizers once/,
    ],
    'an undeclared layer': [
      (_, batch, step) => ({ loss: step.minimize(() => tf.mean(stray.call(batch.x, step.call))) }),
      SetupError,
      /\[undeclared-child\][\s\S]*@Child\(\)/,
    ],
  };
  const stray = layers.dense({ units: 1, name: 'stray' });

  it.each(Object.entries(refused))('%s: refused, and the weights stay', async (_, [step, type, message]) => {
    const model = own(step);
    model.build([null, 3], 5);
    const before = weightsOf(model);
    const error = await rejectionOf(model.fit(x, y, QUIET));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
    expect(weightsOf(model)).toEqual(before);
    model.dispose();
  });

  it('weights that are all frozen are named as the reason', async () => {
    const model = own(oneObjective({ weights: 'first' }));
    model.first.trainable = false;
    const error = await rejectionOf(model.trainOnBatch(x, y));
    expect(error).toBeInstanceOf(GradientError);
    expect(error.message).toMatch(/\[nothing-to-train\][\s\S]*2 weights, none of them trainable/);
    model.dispose();
  });

  it('a teacher of another model answers as in inference and is not trained', async () => {
    const teacher = smallModel();
    teacher.build([null, 3], 1);
    const before = weightsOf(teacher);
    const model = own(({ first }, batch, step) => {
      const wanted = teacher.call(batch.x, undefined as never);
      return {
        loss: step.minimize(() => squared.compute(wanted, first.call(batch.x, step.call)), { weights: 'first' }),
      };
    });
    const { history } = await model.fit({ x }, { ...QUIET, epochs: 10 });
    expect(history['loss']!.at(-1)).toBeLessThan(history['loss']![0]!);
    expect(weightsOf(teacher)).toEqual(before);
    model.dispose();
    teacher.dispose();
  });
});

describe("a training step of one's own in both modes", () => {
  useTestEngine();

  /** Weights and logs after one epoch, and how many functions were called. */
  async function train(own: OwnStep, execution: Execution, epochs = 1) {
    const model = compiled(own, { execution });
    const calls = functionCalls();
    const { history, mode } = await model.fit(x, y, { ...QUIET, epochs });
    const outcome = { weights: weightsOf(model), history, mode, calls: functionCalls() - calls, runs: model.runs };
    model.dispose();
    return outcome;
  }

  it('computes the same', async () => {
    const eager = await train(twoObjectives, 'eager');
    const recorded = await train(twoObjectives, 'recorded');
    expect(distance(eager.weights, recorded.weights)).toBeLessThan(TOLERANCE);
    expect(distance(eager.history, recorded.history)).toBeLessThan(TOLERANCE);
  });

  it('recorded runs its JavaScript for the rehearsal and each recording, and then one function a step', async () => {
    const [eager, recorded] = [await train(twoObjectives, 'eager', 4), await train(twoObjectives, 'recorded', 4)];
    expect([eager.calls, recorded.calls]).toEqual([0, 12]);
    // A rehearsal, and two runs for each of the two batch sizes.
    expect([eager.runs, recorded.runs]).toEqual([1 + 12, 1 + 2 * 2]);
  });

  it('draws the same numbers, others at each step', async () => {
    const noisy: OwnStep = (_, batch, step) => {
      const noise = step.call.normal([2]);
      const other = step.call.uniform([2]);
      return { normal: tf.sum(noise), uniform: tf.sum(other), rows: tf.scalar(batch.size) };
    };
    const drawn = async (execution: Execution): Promise<number[]> => {
      const model = compiled(noisy, { execution });
      const numbers: number[] = [];
      const onBatchEnd = (_: number, logs: Readonly<Record<string, number>>): void =>
        void numbers.push(logs['normal']!, logs['uniform']!);
      await model.fit(x, y, { ...QUIET, epochs: 2, callbacks: [new LambdaCallback({ onBatchEnd })] });
      model.dispose();
      return numbers;
    };
    const eager = await drawn('eager');
    expect(new Set(eager).size).toBe(12);
    expect(await drawn('recorded')).toEqual(eager);
  });

  it('the same layer called twice in a step drops other units each time', async () => {
    @Model('test/twice-dropped')
    class Dropped extends BaseModel {
      @Child() dropout = layers.dropout({ rate: 0.5 });
      call(input: Tensor, context: CallContext): Tensor {
        return this.dropout.call(input, context);
      }
      override trainStep({ size }: DeviceBatch, { call }: StepContext): StepResult {
        const bits = tf.tensor1d(Array.from({ length: 16 }, (_, i) => 2 ** i));
        const mask = (): Tensor => tf.sum(tf.mul(bits, this.dropout.call(tf.ones([1, 16]), call)));
        return { first: mask(), second: mask(), rows: tf.scalar(size) };
      }
    }
    const masks = async (execution: Execution): Promise<number[]> => {
      const model = new Dropped();
      model.compile({ seed: 5, execution });
      const logs = [await model.trainOnBatch(x), await model.trainOnBatch(x)];
      model.dispose();
      return logs.flatMap(({ first, second }) => [first!, second!]);
    };
    const eager = await masks('eager');
    expect(new Set(eager).size).toBe(4);
    expect(await masks('recorded')).toEqual(eager);
  });

  const reading: OwnStep = (model, batch, step) => {
    const [largest] = tf.max(batch.x).dataSync(); // the line
    return { loss: step.minimize(() => tf.mul(largest!, squared.compute(batch.y!, model.call(batch.x, step.call)))) };
  };

  it('a host read under recorded is a TraceError with the line, and leaves the weights', async () => {
    const model = compiled(reading, { execution: 'recorded' });
    model.build([null, 3], 5);
    const before = weightsOf(model);
    const error = (await rejectionOf(model.fit(x, y, QUIET))) as TraceError;
    expect(error).toBeInstanceOf(TraceError);
    expect(error.kind).toBe('host-read');
    expect(error.where).toContain(markedLine(import.meta.url));
    expect(weightsOf(model)).toEqual(before);
    model.dispose();
  });

  it('under auto the same step runs eagerly, after one warning, and as under eager', async () => {
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
    const model = createAdjoint({ logger }).create(() => new Pair(reading));
    model.compile({ optimizer: new SGD({ learningRate: 0.1 }), seed: 5 });
    const { mode, history } = await model.fit(x, y, { ...QUIET, epochs: 2 });
    expect(mode).toEqual(['eager', 'eager']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/op by op[\s\S]*\[host-read\]/);
    expect(history).toEqual((await train(reading, 'eager', 2)).history);
    model.dispose();
  });

  it('predict gives the outputs of call, before any training, too', async () => {
    const model = compiled();
    expect(taken(await model.predict(x))).toHaveLength(10);
    await model.fit(x, y, QUIET);
    expect(taken(await model.predict(x))).toHaveLength(10);
    model.dispose();
  });

  it('profile times a step that was never run', async () => {
    const model = compiled();
    const profile = await model.profile(x, y, { runs: 1 });
    expect(profile.ops.map(({ op }) => op)).toContain('ResourceApplyAdam');
    model.dispose();
  });
});
