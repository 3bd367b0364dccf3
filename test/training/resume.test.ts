import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Backup } from '../../src/callbacks/backup.js';
import { EarlyStopping } from '../../src/callbacks/early-stopping.js';
import type { History } from '../../src/callbacks/history.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { LearningRateScheduler } from '../../src/callbacks/learning-rate-scheduler.js';
import { ReduceLROnPlateau } from '../../src/callbacks/reduce-lr-on-plateau.js';
import { createAdjoint } from '../../src/container.js';
import { Dataset } from '../../src/data/dataset.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Sequential, sequential } from '../../src/model/sequential.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { Adam } from '../../src/optimizers/adam.js';
import { CosineDecay } from '../../src/optimizers/schedules/cosine-decay.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { CallbackContract } from '../../src/training/callback-contract.js';
import type { FitOptions } from '../../src/training/fit-options.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { StepContext } from '../../src/training/step-context.js';
import { Model } from '../../src/model/declarations.js';
import { Child } from '../../src/layers/declarations.js';
import { temporaryFolders } from '../helpers/checkpoint-folder.js';
import { allState } from '../helpers/all-state.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, liveObjects, MODES, rejectionOf } from '../helpers/models.js';

type Options = Partial<FitOptions>;
type Mode = (typeof MODES)[number];

const { x, y } = linearData(44);
const folder = temporaryFolders();
const quiet: Options = { batchSize: 8, epochs: 3, verbose: 0 };
/** 44 examples by 8. */
const STEPS = 6;

const messages: string[] = [];
const note = (message: string): void => void messages.push(message);
const silent = createAdjoint({ logger: { info: note, warn: note } });

function network(): Sequential {
  return new Sequential([
    layers.dense({ units: 4, activation: 'relu', name: 'hidden' }),
    layers.batchNormalization({ name: 'norm' }),
    layers.dropout({ rate: 0.3, name: 'drop' }),
    layers.dense({ units: 1, name: 'head' }),
  ]);
}

/** Everything at once: statistics, draws, slots, a schedule, groups of batches, clipping, averages. */
function everything(execution: Mode, more: Partial<CompileOptions> = {}): BaseModel {
  const model = silent.create(network);
  model.compile({
    optimizer: new SGD({ learningRate: new CosineDecay({ initialLearningRate: 0.1, decaySteps: 20 }), momentum: 0.9 }),
    loss: 'meanSquaredError',
    metrics: ['mean'],
    accumulateSteps: 2,
    clip: { globalNorm: 1 },
    weightAverage: { decay: 0.9 },
    seed: 3,
    execution,
    ...more,
  });
  return model;
}

const crash = new Error('crash');

/** Ends a run as a crash would. */
const crashAfter = (steps: number): CallbackContract =>
  new LambdaCallback({
    onBatchEnd: (_batch, _logs, run) => {
      if (run.progress.totalSteps === steps) throw crash;
    },
  });

interface Ended {
  readonly state: Record<string, string>;
  readonly numbers: unknown;
  readonly history: History;
}

type Fit = (model: BaseModel, options: Options) => Promise<History>;
const fitArrays: Fit = (model, options) => model.fit(x, y, options);

async function ended(model: BaseModel, options: Options, fit: Fit): Promise<Ended> {
  const history = await fit(model, options);
  const state = allState();
  model.dispose();
  const { epoch, steps, stopReason } = history;
  return { state, numbers: { history: history.history, epoch, steps, stopReason }, history };
}

interface Comparison {
  readonly make: () => BaseModel;
  readonly options?: Options;
  readonly callbacks?: () => CallbackContract[];
  readonly fit?: Fit;
  readonly crashAt: number;
  readonly everySteps?: number;
}

/** Expects a run that crashes and goes on to end as one that does neither, in all its state and all its numbers. */
async function expectSame({
  make,
  options = quiet,
  callbacks = () => [],
  fit = fitArrays,
  crashAt,
  everySteps = 1,
}: Comparison) {
  const whole = await ended(make(), { ...options, callbacks: callbacks() }, fit);
  const directory = folder();
  const backed = () => [...callbacks(), new Backup({ directory, everySteps })];
  const crashing = make();
  const failed = fit(crashing, { ...options, resume: directory, callbacks: [...backed(), crashAfter(crashAt)] });
  expect(((await rejectionOf(failed)) as Error & { cause: unknown }).cause).toBe(crash);
  crashing.dispose();
  const resumed = await ended(make(), { ...options, resume: directory, callbacks: backed() }, fit);
  expect(resumed.numbers).toEqual(whole.numbers);
  expect(withoutCounters(resumed.state)).toEqual(withoutCounters(whole.state));
  return { whole, resumed, directory };
}

/** Layers of two models have other ordinals in the names that TensorFlow sees. */
const withoutCounters = (state: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(state).map(([name, bytes]) => [name.replace(/_\d+(?=\/|$)/g, ''), bytes]));

describe.each(MODES)('a resumed run is the uninterrupted one to the bit, %s', (execution) => {
  useTestEngine();

  it.each([2, 5, 6, 7, 12, 17])('after a crash at step %i', async (crashAt) => {
    await expectSame({ make: () => everything(execution), crashAt });
  });

  it('which had saved some steps before, with validation and evaluation', async () => {
    await expectSame({
      make: () => everything(execution),
      options: { ...quiet, validationSplit: 0.2 },
      crashAt: 9,
      everySteps: 4,
    });
  });

  it('in float16 with dynamic loss scaling', async () => {
    const lossScale = { initial: 2 ** 14, growthInterval: 3 };
    await expectSame({
      make: () => everything(execution, { precision: 'mixed_float16', lossScale, accumulateSteps: 1 }),
      crashAt: 8,
    });
  });

  it('with callbacks that wait, restore and change the rate', async () => {
    const callbacks = () => [
      new LearningRateScheduler({ schedule: (epoch, rate) => (epoch < 2 ? rate : rate * 0.7) }),
      new ReduceLROnPlateau({ monitor: 'loss', factor: 0.5, patience: 1, minDelta: 10 }),
      new EarlyStopping({ monitor: 'loss', minDelta: 0.05, patience: 3, restoreBestWeights: true }),
    ];
    const make = () => everything(execution, { optimizer: new Adam({ learningRate: 0.05 }) });
    for (const crashAt of [15, 20]) {
      const { whole } = await expectSame({ make, options: { ...quiet, epochs: 8 }, callbacks, crashAt });
      const rates = whole.history.history['learningRate']!;
      expect(new Set(rates).size).toBeGreaterThan(3);
    }
  });

  it('over a generator', async () => {
    const passes: number[] = [];
    const data = Dataset.fromIterable(function* (pass) {
      passes.push(pass);
      for (let i = 0; i < 20; i++) yield { x: x[(7 * i + pass) % 40]!, y: y[(7 * i + pass) % 40]! };
    });
    const fit: Fit = (model, options) =>
      model.fit(data.shuffle({ seed: 4, bufferSize: 6 }), { ...options, batchSize: 4 });
    passes.length = 0;
    await expectSame({ make: () => everything(execution), fit, crashAt: 8 });
    // The whole run, the one that crashed, and the one that went on in its second pass.
    expect(passes).toEqual([0, 1, 2, 0, 1, 1, 2]);
  });

  it('where an epoch is no pass', async () => {
    for (const crashAt of [4, 7, 13]) {
      await expectSame({
        make: () => everything(execution),
        options: { ...quiet, epochs: 4, stepsPerEpoch: 5 },
        crashAt,
      });
    }
  });

  it('with a training step and optimizers of its own', async () => {
    await expectSame({
      make: () => {
        const model = silent.create(() => new TwoLosses());
        model.compile({ optimizer: new Adam({ learningRate: 0.02 }), execution, seed: 2 });
        return model;
      },
      crashAt: 8,
    });
  });

  it('where several steps are run by one call', async () => {
    const make = () => everything(execution, { accumulateSteps: 1 });
    const options = { ...quiet, epochs: 40 };
    const whole = await ended(make(), options, fitArrays);
    const directory = folder();
    const stopped = make();
    const stopping = new LambdaCallback({
      onEpochBegin: (epoch) => {
        if (epoch === 30) throw crash;
      },
    });
    const callbacks = [new Backup({ directory, everySteps: 7, everyEpochs: 100 }), stopping];
    await rejectionOf(stopped.fit(x, y, { ...options, callbacks }));
    stopped.dispose();
    const resumed = await ended(make(), { ...options, resume: directory }, fitArrays);
    expect(withoutCounters(resumed.state)).toEqual(withoutCounters(whole.state));
    expect(resumed.numbers).toEqual(whole.numbers);
  });

  it('in the same process too, by the same model', async () => {
    const whole = await ended(everything(execution), quiet, fitArrays);
    const directory = folder();
    const model = everything(execution);
    const callbacks = () => [new Backup({ directory, everySteps: 1 })];
    await rejectionOf(model.fit(x, y, { ...quiet, callbacks: [...callbacks(), crashAfter(8)] }));
    const resumed = await ended(model, { ...quiet, resume: directory, callbacks: callbacks() }, fitArrays);
    expect(resumed.numbers).toEqual(whole.numbers);
    expect(withoutCounters(resumed.state)).toEqual(withoutCounters(whole.state));
  });

  it('and leaves nothing behind', async () => {
    const empty = liveObjects();
    const directory = folder();
    const model = everything(execution);
    const callbacks = () => [new Backup({ directory, everySteps: 1 })];
    await rejectionOf(model.fit(x, y, { ...quiet, callbacks: [...callbacks(), crashAfter(7)] }));
    const settled = liveObjects();
    for (const crashAt of [9, 10, 14]) {
      const options = { ...quiet, resume: directory, callbacks: [...callbacks(), crashAfter(crashAt)] };
      await rejectionOf(model.fit(x, y, options));
      expect(liveObjects()).toEqual(settled);
    }
    await model.fit(x, y, { ...quiet, resume: directory, callbacks: callbacks() });
    expect(liveObjects()).toEqual(settled);
    model.dispose();
    expect(liveObjects()).toEqual(empty);
  });
});

@Model('test/two-losses')
class TwoLosses extends BaseModel {
  @Child() first = layers.dense({ units: 3, name: 'first' });
  @Child() second = layers.dense({ units: 1, name: 'second' });
  readonly other = new SGD({ learningRate: 0.05, momentum: 0.9 });

  call(input: Tensor): Tensor {
    return this.second.call(this.first.call(input));
  }

  override trainStep(batch: DeviceBatch, step: StepContext): Record<string, Tensor> {
    const noisy = tf.add(batch.x, tf.mul(0.01, step.call.normal(batch.x.shape)));
    const loss = () => tf.mean(tf.square(tf.sub(batch.y!, this.call(noisy))));
    return {
      loss: step.minimize(loss, { weights: ['first/**'] }),
      secondLoss: step.minimize(loss, { weights: ['second/**'], optimizer: this.other }),
    };
  }
}

describe('fit with resume', () => {
  useTestEngine();
  const make = (more: Partial<CompileOptions> = {}) => everything('eager', more);

  /** A folder with checkpoints after the steps 7 and 8 of a run that crashed. */
  async function interrupted(more: Partial<CompileOptions> = {}): Promise<string> {
    const directory = folder();
    const model = make(more);
    await rejectionOf(
      model.fit(x, y, { ...quiet, callbacks: [new Backup({ directory, everySteps: 1 }), crashAfter(9)] }),
    );
    model.dispose();
    messages.length = 0;
    expect(readdirSync(directory)).toEqual(['step-000000007', 'step-000000008']);
    return directory;
  }

  it('begins anew where the folder is empty or not there', async () => {
    const model = make();
    const missing = folder();
    expect((await model.fit(x, y, { ...quiet, epochs: 1, resume: missing })).epoch).toEqual([0]);
    mkdirSync(missing);
    writeFileSync(join(missing, 'notes.txt'), 'mine');
    expect((await model.fit(x, y, { ...quiet, epochs: 1, resume: missing })).epoch).toEqual([0]);
    model.dispose();
  });

  it('goes on from where the run was', async () => {
    const directory = await interrupted();
    const model = make();
    const begun: string[] = [];
    const looking = new LambdaCallback({
      onTrainBegin: () => void begun.push('train'),
      onEpochBegin: (epoch) => void begun.push(`epoch ${epoch}`),
      onBatchBegin: (batch, run) => void begun.push(`batch ${batch} of ${run.progress.totalSteps}`),
    });
    await model.fit(x, y, { ...quiet, epochs: 2, resume: directory, callbacks: [looking] });
    expect(begun).toEqual(['train', 'epoch 1', 'batch 2 of 8', 'batch 3 of 9', 'batch 4 of 10', 'batch 5 of 11']);
    expect(messages).toEqual([
      expect.stringMatching(
        /^fit of model "sequential\w*" goes on from ".*step-000000008": epoch 2 of 2, after 2 of its steps\.$/,
      ),
    ]);
    model.dispose();
  });

  it('does nothing where the run is finished, says so, and goes on where more epochs are wanted', async () => {
    const directory = folder();
    const first = make();
    await first.fit(x, y, { ...quiet, epochs: 2, callbacks: [new Backup({ directory })] });
    first.dispose();
    const again = make();
    messages.length = 0;
    const options = { ...quiet, epochs: 2, resume: directory, callbacks: [new Backup({ directory })] };
    const history = await again.fit(x, y, options);
    expect(history.epoch).toEqual([0, 1]);
    expect(history.history['loss']).toHaveLength(2);
    expect(messages.join()).toMatch(/has nothing left to do: by ".*" 2 of 2 epochs are done/);
    const state = allState();
    again.dispose();
    const more = await ended(make(), { ...quiet, epochs: 4, resume: directory }, fitArrays);
    const whole = await ended(make(), { ...quiet, epochs: 4 }, fitArrays);
    expect(more.numbers).toEqual(whole.numbers);
    expect(withoutCounters(more.state)).toEqual(withoutCounters(whole.state));
    expect(Object.keys(state).length).toBeGreaterThan(10);
  });

  it('restores the best weights of a run that was finished', async () => {
    const directory = folder();
    const stopping = () => new EarlyStopping({ monitor: 'mean', mode: 'max', restoreBestWeights: true, patience: 9 });
    const callbacks = () => [stopping(), new Backup({ directory })];
    const first = await ended(make(), { ...quiet, epochs: 4, callbacks: callbacks() }, fitArrays);
    const again = await ended(make(), { ...quiet, epochs: 4, resume: directory, callbacks: callbacks() }, fitArrays);
    expect(withoutCounters(again.state)).toEqual(withoutCounters(first.state));
  });

  it.each([
    ['cut short', (path: string) => truncateSync(join(path, 'state.safetensors'), 100)],
    ['with a flipped bit', (path: string) => flip(join(path, 'weights.safetensors'))],
    ['without its manifest', (path: string) => truncateSync(join(path, 'manifest.json'), 0)],
  ])('falls back to an older checkpoint from one %s, and says so', async (_, damage) => {
    const directory = await interrupted();
    damage(join(directory, 'step-000000008'));
    const whole = await ended(make(), quiet, fitArrays);
    messages.length = 0;
    const callbacks = [new Backup({ directory, everySteps: 1 })];
    const resumed = await ended(make(), { ...quiet, resume: directory, callbacks }, fitArrays);
    expect(messages[0]).toMatch(
      /step-000000008 in ".*" is damaged \([^]+\); step-000000007, the newest complete one, is used/,
    );
    expect(messages[1]).toMatch(/after 1 of its steps/);
    expect(resumed.numbers).toEqual(whole.numbers);
    // Nothing stood in the way of the same step's new checkpoint, and nothing was removed.
    expect(readdirSync(directory).filter((name) => name.includes('damaged'))).toHaveLength(1);
    expect(readdirSync(directory).slice(-2)).toEqual(['step-000000017', 'step-000000018']);
  });

  it('is an error where no checkpoint is complete', async () => {
    const directory = await interrupted();
    for (const name of readdirSync(directory)) truncateSync(join(directory, name, 'weights.safetensors'), 5);
    const model = make();
    const error = await rejectionOf(model.fit(x, y, { ...quiet, resume: directory }));
    expect(error.message).toMatch(
      /StateError \[no-complete-checkpoint\][^]*step-000000008: [^]*step-000000007: [^]*another copy/,
    );
    model.dispose();
  });

  it.each<[string, () => BaseModel, Options, RegExp]>([
    [
      'model',
      () => otherModel(),
      {},
      /weight "hidden\/kernel": float32 \[3, 4\] in the checkpoint, float32 \[3, 5\] now/,
    ],
    [
      'precision',
      () => make({ precision: 'mixed_bfloat16' }),
      {},
      /precision: "float32" in the checkpoint, "mixed_bfloat16" now/,
    ],
    [
      'optimizer',
      () => make({ optimizer: 'adam' }),
      {},
      /optimizers: \["adjoint\/sgd"\] in the checkpoint, \["adjoint\/adam"\] now/,
    ],
    [
      'momentum',
      () => make({ optimizer: new SGD({ learningRate: 0.1 }) }),
      {},
      /velocity": float32 .* in the checkpoint, not there now/,
    ],
    ['seed', () => make({ seed: 4 }), {}, /seed: 3 in the checkpoint, 4 now/],
    ['group', () => make({ accumulateSteps: 3 }), {}, /accumulateSteps: 2 in the checkpoint, 3 now/],
    ['batch size', () => make(), { batchSize: 4 }, /batchSize: 8 in the checkpoint, 4 now/],
    ['order', () => make(), { shuffle: false }, /shuffle: true in the checkpoint, false now/],
    ['set of metrics', () => make({ metrics: [] }), {}, /metrics: "mean" in the checkpoint, "" now/],
  ])('is refused to another %s, with nothing changed', async (_, other, options, message) => {
    const directory = await interrupted();
    const model = other();
    model.build([null, 3]);
    await model.fit(x, y, { ...quiet, epochs: 1, callbacks: [] });
    const before = allState();
    const error = await rejectionOf(model.fit(x, y, { ...quiet, ...options, resume: directory }));
    expect(error.message).toMatch(/StateError \[other-run\]/);
    expect(error.message).toMatch(message);
    const weights = (state: Record<string, string>) =>
      Object.entries(state).filter(([name]) => /hidden|norm|head/.test(name) && !name.startsWith('optimizer'));
    expect(weights(allState())).toEqual(weights(before));
    model.dispose();
  });

  it('takes the folder of a Backup, and neither one checkpoint, nor a file', async () => {
    const directory = await interrupted();
    const model = make();
    const resumed = async (resume: string) => (await rejectionOf(model.fit(x, y, { ...quiet, resume }))).message;
    expect(await resumed(join(directory, 'step-000000008'))).toMatch(
      /StateError \[not-checkpoints\][^]*pass the folder above/,
    );
    const file = join(directory, 'step-000000008', 'training.json');
    expect(await resumed(file)).toMatch(/DataError \[no-such-folder\] option "resume"[^]*fix/);
    model.dispose();
  });

  it.each<[string, (record: Editable) => void]>([
    ['a count that is none', ({ position }) => void (position['examples'] = 'x')],
    ['a place after the last step', ({ position }) => void (position['step'] = 300)],
    ['a step that no name has', ({ position }) => void (position['totalSteps'] = Number.MAX_SAFE_INTEGER)],
    ['a learning rate that is none', (record) => void (record.learningRates = [-5])],
    ['paths that are none', (record) => void (record.optimizedWeights = [7])],
    ['sums that are none', (record) => void (record.host = {})],
    ['a mean that is none', ({ host }) => void (host['means'] = { loss: [1, 2] })],
    ['a log that is none', (record) => void (record.logs = { loss: 'x' })],
    ['an array that is not there', ({ callbacks }) => void (callbacks['History 0'] = { $array: 'none' })],
  ])('is refused where the record has %s, with nothing changed', async (_, change) => {
    const directory = await interrupted();
    rewriteRecord(join(directory, 'step-000000008'), change);
    const model = make();
    model.build([null, 3]);
    const before = weightsOf(model);
    const error = await rejectionOf(model.fit(x, y, { ...quiet, resume: directory }));
    expect(error.message).toMatch(/StateError \[(training-record|callback-state)\]/);
    expect(weightsOf(model)).toEqual(before);
    expect(messages).toEqual([]);
    model.dispose();
  });

  it.each<[string, () => unknown, RegExp]>([
    ['holds itself', () => ownHolder(), /more than 100 levels/],
    ['has a key of the file format', () => ({ $number: '1' }), /the key "\$number"/],
    ['has a key that cannot be read back', () => [{ constructor: 1 }], /the key "constructor"/],
    ['is an array with holes', () => new Array(1), /undefined/],
  ])('refuses to save a state that %s', async (_, state, message) => {
    const model = make();
    const odd = Object.assign(new LambdaCallback({}), { saveState: state }) as CallbackContract;
    const directory = folder();
    const error = await rejectionOf(model.fit(x, y, { ...quiet, callbacks: [odd, new Backup({ directory })] }));
    expect(error.message).toMatch(/callback-state[^]*LambdaCallback 0/);
    expect(error.message).toMatch(message);
    expect(readdirSync(directory)).toEqual([]);
    model.dispose();
  });

  it('is refused to other data', async () => {
    const directory = await interrupted();
    const model = make();
    const fewer = model.fit(x.slice(0, 43), y.slice(0, 43), { ...quiet, resume: directory });
    expect((await rejectionOf(fewer)).message).toMatch(/examples of a pass: 44 in the checkpoint, 43 now/);
    const stream = (rows: number) => () =>
      Dataset.fromIterable(() => x.slice(0, rows).map((row, i) => ({ x: row, y: y[i]! })));
    const streamed = folder();
    const fit = (rows: number, options: Options) => model.fit(stream(rows)(), { ...quiet, ...options, batchSize: 4 });
    await rejectionOf(fit(30, { callbacks: [new Backup({ directory: streamed, everySteps: 1 }), crashAfter(6)] }));
    const error = await rejectionOf(fit(8, { resume: streamed }));
    expect(error.message).toMatch(/DataError \[shorter-data\][^]*trained on 5 batches[^]*a pass of 2 batches/);
    model.dispose();
  });

  it('warns of what may make the numbers others, and of states that nobody takes', async () => {
    const directory = folder();
    const first = make();
    const stopping = new EarlyStopping({ monitor: 'loss', patience: 5 });
    await first.fit(x, y, { ...quiet, epochs: 1, callbacks: [stopping, new Backup({ directory })] });
    first.dispose();
    const other = everything('recorded', {
      optimizer: new SGD({
        learningRate: new CosineDecay({ initialLearningRate: 0.2, decaySteps: 20 }),
        momentum: 0.9,
      }),
    });
    messages.length = 0;
    await other.fit(x, y, { ...quiet, epochs: 2, resume: directory });
    expect(messages[0]).toMatch(
      /numbers may differ[^]*"CosineDecay"[^]*execution: "eager" in the checkpoint, "recorded" now/,
    );
    expect(messages[2]).toMatch(/has no use for the state of EarlyStopping 0/);
    other.dispose();
  });

  it('lets a callback of one’s own keep a state, and refuses what no file can hold', async () => {
    class Counter extends LambdaCallback {
      count = 0;
      last = new Float32Array(2);
      override onBatchEnd = (batch: number): void => {
        this.count++;
        this.last = Float32Array.of(batch, NaN);
      };
      override saveState() {
        return { count: this.count, last: this.last, odd: [NaN, -Infinity, -0], nothing: null };
      }
      override restoreState(state: unknown): void {
        const { count, last, odd } = state as ReturnType<Counter['saveState']>;
        expect(odd).toEqual([NaN, -Infinity, -0]);
        this.count = count;
        this.last = last;
      }
    }
    const directory = folder();
    const [model, counter] = [make(), new Counter()];
    const backup = () => new Backup({ directory, everySteps: 4 });
    await rejectionOf(model.fit(x, y, { ...quiet, callbacks: [counter, backup(), crashAfter(9)] }));
    const again = new Counter();
    await model.fit(x, y, { ...quiet, resume: directory, callbacks: [again, backup()] });
    expect(again.count).toBe(3 * STEPS);
    expect(Array.from(again.last)).toEqual([STEPS - 1, NaN]);
    const wrong = new Counter();
    Object.assign(wrong, { saveState: () => ({ run: new Map() }) });
    const error = await rejectionOf(
      model.fit(x, y, { ...quiet, callbacks: [wrong, new Backup({ directory: folder() })] }),
    );
    expect(error.message).toMatch(/callback-state[^]*Counter 0/);
    model.dispose();
  });
});

function otherModel(): BaseModel {
  const model = silent.create(() =>
    sequential([
      layers.dense({ units: 5, name: 'hidden' }),
      layers.batchNormalization({ name: 'norm' }),
      layers.dense({ units: 1, name: 'head' }),
    ]),
  );
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  return model;
}

type Fields = Record<string, unknown>;
interface Editable {
  readonly position: Fields;
  readonly callbacks: Fields;
  host: Fields;
  logs: Fields;
  learningRates: unknown;
  optimizedWeights: unknown;
}

/** With hashes that are right, as another program would write it. */
function rewriteRecord(path: string, change: (record: Editable) => void): void {
  const [file, list] = [join(path, 'training.json'), join(path, 'manifest.json')];
  const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');
  const record = JSON.parse(readFileSync(file, 'utf8')) as Editable;
  change(record);
  const text = JSON.stringify(record);
  writeFileSync(file, text);
  const manifest = JSON.parse(readFileSync(list, 'utf8')) as { sha256?: string; parts: Fields[] };
  delete manifest.sha256;
  const part = manifest.parts.find(({ name }) => name === 'training.json')!;
  Object.assign(part, { bytes: Buffer.byteLength(text), sha256: sha256(text) });
  const body = JSON.stringify(manifest, null, 2).slice(0, -2);
  writeFileSync(list, `${body},\n  "sha256": "${sha256(body)}"\n}\n`);
}

function weightsOf(model: BaseModel): number[][] {
  return model.getWeights().map((weight) => {
    const values = Array.from(weight.dataSync());
    weight.dispose();
    return values;
  });
}

function ownHolder(): object {
  const holder: Record<string, unknown> = {};
  holder['self'] = holder;
  return holder;
}

function flip(path: string): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.from([0xff]), 0, 1, 200);
  closeSync(file);
}
