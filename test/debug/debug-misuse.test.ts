import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { BaseCallback } from '../../src/callbacks/callback.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { DeadUnits } from '../../src/debug/dead-units.js';
import { GradientMonitor } from '../../src/debug/gradient-monitor.js';
import { GradientNoiseScale } from '../../src/debug/gradient-noise-scale.js';
import { labelShuffleCheck } from '../../src/debug/label-shuffle-check.js';
import { LeakGuard } from '../../src/debug/leak-guard.js';
import { NonFiniteGuard } from '../../src/debug/non-finite-guard.js';
import { overfitBatch } from '../../src/debug/overfit-batch.js';
import { SaturationMonitor } from '../../src/debug/saturation-monitor.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { ProbeRequest } from '../../src/training/probe-contract.js';
import type { StepContext } from '../../src/training/step-context.js';
import { useTestEngine } from '../helpers/engine.js';
import { heard } from '../helpers/heard.js';
import { linearData, MODES, rejectionOf, rowsOf } from '../helpers/models.js';

const { x, y } = linearData(32);
const fit = { batchSize: 8, epochs: 1, verbose: 0 } as const;

@Model('test/misuse-own-step')
class OwnStep extends BaseModel {
  @Child() last = layers.dense({ units: 1 });
  call(input: Tensor, context: CallContext): Tensor {
    return this.last.call(input, context);
  }
  override trainStep({ x: input, y: labels }: DeviceBatch, step: StepContext) {
    return { loss: step.minimize(() => tf.mean(tf.squaredDifference(labels!, this.call(input, step.call)))) };
  }
}

class Asking extends BaseCallback {
  constructor(private readonly request: unknown) {
    super();
  }
  override get probeRequest(): ProbeRequest {
    return this.request as ProbeRequest;
  }
}

describe.each(MODES)('debugging callbacks where they are misused, %s', (execution) => {
  useTestEngine();

  const compiled = <M extends BaseModel>(model: M, compile: object = {}): M => {
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution, seed: 3, ...compile });
    return model;
  };
  const linear = (compile: object = {}) => compiled(sequential([layers.dense({ units: 1 })]), compile);

  it.each([
    [{ every: 0 }, /option "every" of probeRequest of callback "Asking"[^]*at least 1/],
    [{ every: NaN }, /whole number of at least 1/],
    [{}, /option "every"/],
    [3, /an object/],
    [null, /an object/],
    [{ every: 1, weights: ['gradNorm'] }, /names among gradientNorm, gradientMax/],
    [{ every: 1, layers: 'mean' }, /option "layers"/],
    [{ every: 1, microBatches: 1.5 }, /option "microBatches"/],
    [{ every: 1, layer: [] }, /did you mean "layers"/],
  ])('a request for %j is refused before anything runs', async (request, message) => {
    const model = linear();
    expect((await rejectionOf(model.fit(x, y, { ...fit, callbacks: [new Asking(request)] }))).message).toMatch(message);
    expect(model.built).toBe(false);
    model.dispose();
  });

  it('NonFiniteGuard sees every step, whatever logEvery is', async () => {
    const labels = y.map((label, row) => (row === 12 ? [0] : label));
    const relative = (truth: Tensor, guess: Tensor) => tf.mean(tf.square(tf.div(tf.sub(guess, truth), truth)), -1);
    const model = linear({ loss: relative, optimizer: new SGD({ learningRate: 1e-6 }) });
    const guard = new NonFiniteGuard({ onReport: () => undefined });
    const options = { ...fit, shuffle: false, logEvery: 4, callbacks: [guard] };
    expect((await model.fit(x, labels, options)).stopReason).toContain('epoch 1, batch 2');
    expect(guard.reports[0]!.examples).toEqual([4]);
    model.dispose();
  });

  it('a guard that guarded no more begins anew in the next run', async () => {
    const model = linear({ loss: (_: Tensor, guess: Tensor) => tf.log(tf.mul(tf.squeeze(guess, [-1]), 0)) });
    const guard = new NonFiniteGuard({ action: 'continue', onReport: () => undefined });
    for (const run of [1, 2]) {
      const logged: number[] = [];
      const watch = new LambdaCallback({ onBatchEnd: (batch) => void logged.push(batch) });
      await model.fit(x, y, { ...fit, logEvery: 4, callbacks: [guard, watch] });
      expect([run, guard.reports.length, guard.badSteps, logged]).toEqual([run, 1, 1, [0, 1, 2, 3]]);
    }
    model.dispose();
  });

  it('LeakGuard finds what steps leave behind in epochs of a few steps', async () => {
    const kept: Tensor[] = [];
    const hoarding = new LambdaCallback({ onBatchEnd: () => void kept.push(tf.keep(tf.ones([2]))) });
    const guard = new LeakGuard({ action: 'stop' });
    const model = linear();
    const { stopReason } = await model.fit(x, y, { ...fit, epochs: 3, callbacks: [hoarding, guard] });
    expect(stopReason).toMatch(/each step leaves a tensor alive: a tensor of shape \[2\], made at/);
    tf.dispose(kept);
    model.dispose();
  });

  it('GradientMonitor says nothing of the overflows of a loss scale that is looked for', async () => {
    // More overflows in a row than measurements that have to agree.
    const lossScale = { initial: 2 ** 24 };
    const model = linear({ precision: 'mixed_float16', lossScale });
    const monitor = new GradientMonitor({ every: 1 });
    const far = y.map(([label]) => [label! * 10]);
    await model.fit(x, far, { ...fit, epochs: 8, callbacks: [monitor] });
    const norms = monitor.readings.flatMap(({ weights }) => Object.values(weights).map((w) => w.gradientNorm!));
    expect(norms.filter((norm) => !Number.isFinite(norm)).length).toBeGreaterThan(6);
    expect(monitor.findings.filter(({ evidence }) => !Object.values(evidence).every(Number.isFinite))).toEqual([]);
    model.dispose();
  });

  it('a step of the model`s own that loss scaling leaves out is not in the mean of the epoch', async () => {
    const model = compiled(new OwnStep(), {
      loss: undefined,
      precision: 'mixed_float16',
      lossScale: { initial: 2 ** 24 },
    });
    const { history } = await model.fit(x, y, { ...fit, epochs: 10 });
    expect(history['loss']!.at(-1)).toBeLessThan(100);
    expect(history['lossScale']).toHaveLength(10);
    // The scale has to be halved more often than an epoch has steps; from then on there is a mean.
    expect(history['loss']!.filter(Number.isNaN).length).toBeLessThan(8);
    const first = history['loss']!.findIndex(Number.isFinite);
    expect(history['loss']!.slice(first).every(Number.isFinite)).toBe(true);
    model.dispose();
  });

  it('GradientNoiseScale says why it has measured nothing, and leaves a model without weights to its step', async () => {
    const { made: model, warnings } = heard(() => sequential([layers.dense({ units: 1 })]));
    await compiled(model).fit(x, y, { ...fit, verbose: 2, callbacks: [new GradientNoiseScale({ parts: 100 })] });
    expect(warnings.join('\n')).toContain('GradientNoiseScale: no noise scale yet: a batch needs 100 examples or more');
    model.dispose();
    const own = heard(() => new OwnStep());
    await compiled(own.made).fit(x, y, { ...fit, verbose: 2, callbacks: [new GradientNoiseScale()] });
    expect(own.warnings).toHaveLength(1);
    expect(own.warnings[0]).toContain('a model without a trainStep of its own');
    expect(own.infos.join('\n')).not.toContain('GradientNoiseScale');
    own.made.dispose();
    const frozen = layers.dense({ units: 1 });
    frozen.trainable = false;
    const still = compiled(sequential([frozen]));
    const callbacks = [new GradientNoiseScale({ every: 1 })];
    expect(await rejectionOf(still.fit(x, y, { ...fit, callbacks }))).toMatchObject({ kind: 'nothing-to-train' });
    still.dispose();
  });

  it('a table is logged once, and says how many batches it is about', async () => {
    const { made: model, infos } = heard(() => sequential([layers.dense({ units: 1 })]));
    const print = 'epoch' as const;
    const callbacks = [
      new DeadUnits({ every: 100, print }),
      new GradientMonitor({ every: 100, print }),
      new SaturationMonitor({ print }),
    ];
    await compiled(model).fit(x, y, { ...fit, epochs: 5, verbose: 2, callbacks });
    for (const name of ['DeadUnits', 'GradientMonitor', 'SaturationMonitor']) {
      expect(infos.filter((text) => text.startsWith(name))).toHaveLength(1);
    }
    expect(infos.join('\n')).toContain('did not fire in the last measured batch\n');
    expect(infos.join('\n')).toContain('no layer has sigmoid or tanh');
    model.dispose();
  });

  it('GradientMonitor names what to do, and no op that has no name', async () => {
    @Model('test/misuse-unread')
    class Unread extends BaseModel {
      @Child() aside = layers.dense({ units: 2 });
      @Child() last = layers.dense({ units: 1 });
      call(input: Tensor, context: CallContext): Tensor {
        this.aside.call(input, context);
        return this.last.call(input, context);
      }
    }
    const { made: model, warnings } = heard(() => new Unread());
    const optimizer = new SGD({ learningRate: 1e-12 });
    const far = y.map(([label]) => [label! + 1e6]);
    const callbacks = [new GradientMonitor({ every: 1 })];
    await compiled(model, { optimizer }).fit(x, far, { ...fit, callbacks });
    expect(warnings.join('\n')).toMatch(/it was last used in layer "aside"/);
    expect(warnings.join('\n')).toMatch(/gradients explode: .* lower the learning rate, clip/);
    model.dispose();
  });

  it('trials judge only what they can', async () => {
    const model = linear();
    const nothing = undefined as unknown as number[][];
    expect(await rejectionOf(overfitBatch(model, x, nothing))).toMatchObject({ kind: 'no-labels' });
    expect(await rejectionOf(labelShuffleCheck(model, x, nothing))).toMatchObject({ kind: 'no-labels' });
    const few = labelShuffleCheck(model, x.slice(0, 4), y.slice(0, 4));
    expect(await rejectionOf(few)).toMatchObject({ kind: 'too-few-examples' });
    const short = await overfitBatch(model, x, y, { steps: 12 });
    expect(short.verdict).toMatch(/still falls, so try more steps/);
    model.dispose();
    const wild = linear({ optimizer: new SGD({ learningRate: 1e30 }) });
    expect((await labelShuffleCheck(wild, x, y)).verdict).toMatch(/nothing can be said: .* learning rate is too high/);
    wild.dispose();
  });
});

describe('a repro folder', () => {
  useTestEngine();

  it('does not take the place of a saved model, and has a path', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'repro-'));
    const place = join(folder, 'model');
    const model = sequential([layers.dense({ units: 1 })]);
    model.compile({ optimizer: 'sgd', loss: (_, guess) => tf.log(tf.mul(guess, 0)) });
    model.build([null, 3]);
    await model.save(place, { compile: false });
    const files = readdirSync(place);
    const guard = new NonFiniteGuard({ reproDirectory: place, onReport: () => undefined });
    const { stopReason } = await model.fit(rowsOf(8, 3), rowsOf(8, 1), { verbose: 0, callbacks: [guard] });
    expect(stopReason).toContain('not finite');
    expect(readdirSync(place)).toEqual(files);
    expect(await rejectionOf(model.replay(undefined as unknown as string))).toMatchObject({ kind: 'invalid-option' });
    const none = new NonFiniteGuard({ reproDirectory: null, onReport: null } as object);
    expect((await model.fit(rowsOf(8, 3), rowsOf(8, 1), { verbose: 0, callbacks: [none] })).stopReason).not.toBeNull();
    model.dispose();
    rmSync(folder, { recursive: true });
  });
});
