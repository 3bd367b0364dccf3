import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { TerminateOnNaN } from '../../src/callbacks/terminate-on-nan.js';
import { consoleLogger } from '../../src/core/logger.js';
import { parseOptions } from '../../src/core/parse-options.js';
import { currentServices } from '../../src/core/services.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { CompileOptions } from '../../src/model/compile-options.js';
import { compilePlan } from '../../src/model/compile-plan.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { clipByGlobalNorm } from '../../src/optimizers/clip-by-global-norm.js';
import type { GradientTransform } from '../../src/optimizers/gradient-transform.js';
import { onlyFor } from '../../src/optimizers/only-for.js';
import type { DeviceBatch as StepBatch } from '../../src/training/device-batch.js';
import type { Logs } from '../../src/training/logs.js';
import { EagerRunner } from '../../src/training/eager-runner.js';
import { RecordedRunner } from '../../src/training/recorded-runner.js';
import { TrainState } from '../../src/training/train-state.js';
import type { StepContext } from '../../src/training/step-context.js';
import { allState } from '../helpers/all-state.js';
import { expectClose } from '../helpers/close.js';
import { useTestEngine } from '../helpers/engine.js';
import {
  LINEAR_PATH,
  LINEAR_RATE,
  LINEAR_START,
  linearBatches,
  linearGradient,
  linearLoss,
  linearModel,
  linearWeights,
  normOfNumbers,
  rowsOfBatches,
  type LinearBatch,
} from '../helpers/linear-reference.js';
import { linearData, liveObjects, MODES, rejectionOf, smallModel, thrownBy, weightsOf } from '../helpers/models.js';

const FIT = { batchSize: 4, shuffle: false, verbose: 0 } as const;

/** A few roundings of float32 in each of a few steps. */
const STEPS_TOLERANCE = 1e-5;
const CLIPPED = 'clipping in training, against hand computation';

/** Plain descent in double precision with a change of the gradient at every step; the weights after each. */
function byHand(
  batches: readonly LinearBatch[],
  change: (gradient: number[], step: number, w: readonly number[]) => number[] | null,
): number[][] {
  let w: readonly number[] = LINEAR_START;
  return batches.map((batch, step) => {
    const gradient = change(linearGradient(batch, w), step, w);
    if (gradient !== null) w = w.map((value, k) => value - LINEAR_RATE * gradient[k]!);
    return [...w];
  });
}

/** Weights after each step of a `fit` over the batches, and its history. */
async function fitted(batches: readonly LinearBatch[], options: Partial<CompileOptions>, callbacks: object[] = []) {
  const model = linearModel(options);
  const after: number[][] = [];
  const steps: Record<string, number>[] = [];
  const note = new LambdaCallback({
    onBatchEnd: (_, logs) => {
      after.push(linearWeights(model));
      steps.push({ ...logs });
    },
  });
  const { x, y } = rowsOfBatches(batches);
  const { history } = await model.fit(x, y, { ...FIT, callbacks: [note, ...(callbacks as LambdaCallback[])] });
  model.dispose();
  return { after, steps, history };
}

const scaled = (values: readonly number[], factor: number) => values.map((value) => value * factor);

describe.each(MODES)('gradient transforms in training, %s', (execution) => {
  useTestEngine();

  it('clips by a chain given by hand, in its order', async () => {
    const batches = linearBatches(5);
    const double: GradientTransform = {
      name: 'double',
      transform: (gradients) => new Map([...gradients].map(([path, gradient]) => [path, tf.mul(gradient, 2)])),
    };
    const clip = (gradient: number[]) => scaled(gradient, Math.min(1, 0.3 / normOfNumbers(gradient)));
    const inOrder = await fitted(batches, { gradientTransforms: [double, clipByGlobalNorm(0.3)], execution });
    expectClose(inOrder.after.flat(), byHand(batches, (g) => clip(scaled(g, 2))).flat(), STEPS_TOLERANCE, CLIPPED);
    // The short option comes first.
    const short = await fitted(batches, { clip: { globalNorm: 0.3 }, gradientTransforms: [double], execution });
    expectClose(short.after.flat(), byHand(batches, (g) => scaled(clip(g), 2)).flat(), STEPS_TOLERANCE, CLIPPED);
  });

  it('clips adaptively, centralises, and by path', async () => {
    const batches = linearBatches(4);
    const adaptive = await fitted(batches, { clip: { adaptive: 0.2 }, execution });
    const byRatio = byHand(batches, (g, _, w) => scaled(g, Math.min(1, (0.2 * normOfNumbers(w)) / normOfNumbers(g))));
    expectClose(adaptive.after.flat(), byRatio.flat(), STEPS_TOLERANCE, CLIPPED);
    const centred = await fitted(batches, { centralizeGradients: true, execution });
    const centre = (g: number[]) => g.map((value) => value - (g[0]! + g[1]! + g[2]!) / 3);
    expectClose(centred.after.flat(), byHand(batches, centre).flat(), STEPS_TOLERANCE);
    const only = await fitted(batches, { clip: { globalNorm: 0.3, only: 'dense' }, execution });
    const clip = (g: number[]) => scaled(g, Math.min(1, 0.3 / normOfNumbers(g)));
    expectClose(only.after.flat(), byHand(batches, clip).flat(), STEPS_TOLERANCE, CLIPPED);
  });

  it('logs the norms before and after clipping: each step, and the epoch means', async () => {
    const batches = linearBatches(5);
    const { steps, history } = await fitted(batches, { clip: { globalNorm: 1.5 }, logGradientNorms: true, execution });
    const norms: number[] = [];
    byHand(batches, (g) => {
      norms.push(normOfNumbers(g));
      return scaled(g, Math.min(1, 1.5 / normOfNumbers(g)));
    });
    const clipped = norms.map((norm) => Math.min(norm, 1.5));
    expect(new Set(clipped).size).toBeGreaterThan(1);
    expectClose(
      steps.map(({ gradientNorm }) => gradientNorm!),
      norms,
      STEPS_TOLERANCE,
    );
    expectClose(
      steps.map(({ clippedGradientNorm }) => clippedGradientNorm!),
      clipped,
      STEPS_TOLERANCE,
    );
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    expectClose(history.gradientNorm!, [mean(norms)], STEPS_TOLERANCE);
    expectClose(history.clippedGradientNorm!, [mean(clipped)], STEPS_TOLERANCE);
    expect(Object.keys((await fitted(batches, { execution })).history)).toEqual(['loss']);
  });

  it('adds noise that fades, drawn by seed and step', async () => {
    const batches = linearBatches(6);
    const { after } = await fitted(batches, { gradientNoise: { eta: 0.3, gamma: 0.55 }, seed: 5, execution });
    const wanted = byHand(batches, (g, t) => {
      const deviation = Math.sqrt(0.3 / (1 + t) ** 0.55);
      return g.map((value, k) => value + deviation * drawn(5, t)[k]!);
    });
    expectClose(after.flat(), wanted.flat(), STEPS_TOLERANCE);
    const other = await fitted(batches, { gradientNoise: { eta: 0.3 }, seed: 6, execution });
    expect(other.after[0]).not.toEqual(after[0]);
  });

  it('draws Langevin noise of the size that the learning rate asks for', async () => {
    const batches = linearBatches(4);
    const { after } = await fitted(batches, { gradientNoise: { temperature: 0.02 }, seed: 5, execution });
    const deviation = Math.sqrt((2 * 0.02) / LINEAR_RATE);
    const wanted = byHand(batches, (g, t) => g.map((value, k) => value + deviation * drawn(5, t)[k]!));
    expectClose(after.flat(), wanted.flat(), STEPS_TOLERANCE);
  });

  describe('spike protection', () => {
    const SPIKES = [4, 6];
    const batches = linearBatches(9, SPIKES);
    const median = (values: readonly number[]) => {
      const sorted = [...values].sort((a, b) => a - b);
      const last = values.length - 1;
      return (sorted[Math.floor(last / 2)]! + sorted[Math.ceil(last / 2)]!) / 2;
    };

    it('skips an update far above the running median, and trains on', async () => {
      const options = { spikeProtection: { factor: 4, window: 5, warmUp: 3 }, logGradientNorms: true, execution };
      const { after, steps, history } = await fitted(batches, options);
      const window: number[] = [];
      const norms: number[] = [];
      const skipped: number[] = [];
      const losses: number[] = [];
      const wanted = byHand(batches, (g, step, w) => {
        const norm = normOfNumbers(g);
        const spike = window.length >= 3 && norm > 4 * median(window.slice(-5));
        window.push(norm);
        norms.push(norm);
        if (spike) skipped.push(step);
        else losses.push(linearLoss(batches[step]!, w));
        return spike ? null : g;
      });
      expect(skipped).toEqual(SPIKES);
      expectClose(after.flat(), wanted.flat(), STEPS_TOLERANCE);
      for (const step of SPIKES) expect(after[step]).toEqual(after[step - 1]);
      expect(steps.map(({ skippedUpdates }) => skippedUpdates)).toEqual([0, 0, 0, 0, 1, 0, 1, 0, 0]);
      expectClose(history.skippedUpdates!, [2 / 9]);
      // The loss of an epoch is that of the steps that count; their norms are all told.
      expectClose(history.loss!, [losses.reduce((a, b) => a + b) / losses.length], STEPS_TOLERANCE);
      expectClose([history.gradientNorm![0]! / 1000], [norms.reduce((a, b) => a + b) / 9000], STEPS_TOLERANCE);
      expect(steps.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    });

    it('clips to the limit instead where it is told to', async () => {
      const options = { spikeProtection: { factor: 4, window: 5, warmUp: 3, action: 'clip' as const }, execution };
      const { after, steps } = await fitted(batches, options);
      const window: number[] = [];
      const wanted = byHand(batches, (g) => {
        const norm = normOfNumbers(g);
        const limit = window.length >= 3 ? 4 * median(window.slice(-5)) : Infinity;
        window.push(norm);
        return scaled(g, Math.min(1, limit / norm));
      });
      expectClose(after.flat(), wanted.flat(), STEPS_TOLERANCE);
      expect(steps.flatMap(({ clippedUpdates }, i) => (clippedUpdates === 1 ? [i] : []))).toEqual(SPIKES);
    });

    it('follows gradients that stay large', async () => {
      const late = linearBatches(10, [4, 5, 6, 7, 8, 9]);
      const options = { spikeProtection: { factor: 4, window: 4, warmUp: 3 }, execution };
      const { steps } = await fitted(late, options);
      const skipped = steps.flatMap(({ skippedUpdates }, i) => (skippedUpdates === 1 ? [i] : []));
      expect(skipped[0]).toBe(4);
      expect(skipped.at(-1)).toBeLessThan(8);
    });

    it('leaves all state to the bit at a spike, but its own window and the draws', async () => {
      const model = sequential([
        layers.dense({ units: 4 }),
        layers.batchNormalization(),
        layers.dropout({ rate: 0.2 }),
        layers.dense({ units: 1 }),
      ]);
      model.compile({
        optimizer: new Adam({ learningRate: 0.01 }),
        loss: 'meanSquaredError',
        metrics: ['mean'],
        spikeProtection: { factor: 4, window: 5, warmUp: 3 },
        gradientTransforms: [summing],
        weightAverage: { decay: 0.9 },
        lookahead: { every: 1 },
        execution,
      });
      const states: Record<string, string>[] = [];
      const watch = new LambdaCallback({
        onBatchBegin: () => void states.push(allState()),
        onBatchEnd: () => void states.push(allState()),
      });
      const { x, y } = rowsOfBatches(linearBatches(6, [4]));
      // A spike is sound: what watches for NaN lets it pass.
      const history = await model.fit(x, y, { ...FIT, callbacks: [watch, new TerminateOnNaN()] });
      expect(history.stopReason).toBeNull();
      const changes = (step: number) => {
        const [before, after] = [states[2 * step]!, states[2 * step + 1]!];
        return Object.keys(after).filter((name) => after[name] !== before[name]);
      };
      const own = ['norms', 'count'].map((name) => `transforms/0 spikeProtection/${name}`);
      const told = ['total', 'count'].map((name) => `train/skippedUpdates/${name}`);
      expect(changes(4).sort()).toEqual(['random-step', ...own, ...told].sort());
      expect(changes(5)).toEqual(expect.arrayContaining(['optimizer/iterations', 'weightAverage/taken', ...own]));
      expect(changes(5).filter((name) => /slow|average|summing|movingMean/.test(name)).length).toBeGreaterThan(10);
      model.dispose();
    });
  });

  it('keeps its state to the bit at a step with something that is not finite', async () => {
    const model = smallModel();
    model.compile({
      optimizer: 'adam',
      // A label of 3 makes the loss NaN and leaves its gradient finite.
      loss: (labels, predictions) =>
        tf.sum(tf.add(tf.square(tf.sub(predictions, labels)), tf.mul(tf.log(tf.sub(2, labels)), 0)), -1),
      spikeProtection: { factor: 4, window: 5, warmUp: 3 },
      gradientTransforms: [summing],
      gradientNoise: { eta: 0.1 },
      weightAverage: { kind: 'equal' },
      lookahead: {},
      logGradientNorms: true,
      execution,
    });
    const states: Record<string, string>[] = [];
    const watch = new LambdaCallback({ onBatchBegin: () => void states.push(allState()) });
    const { x, y } = linearData(16);
    y[13] = [3];
    const history = await model.fit(x, y, { ...FIT, callbacks: [watch, new TerminateOnNaN()] });
    expect(history.stopReason).toMatch(/not finite/);
    const { 'random-step': before, ...rest } = states[3]!;
    const { 'random-step': after, ...now } = allState();
    expect(Object.keys(now).filter((name) => now[name] !== rest[name])).toEqual([]);
    expect(states).toHaveLength(4);
    expect(Object.keys(now).length).toBeGreaterThan(30);
    expect(after).not.toBe(before);
    model.dispose();
  });

  it('owns the state of a transform: exact counts, gone with the model', async () => {
    const empty = liveObjects();
    const model = smallModel();
    model.compile({
      optimizer: 'adam',
      loss: 'meanSquaredError',
      spikeProtection: {},
      centralizeGradients: true,
      clip: { adaptive: 0.1 },
      gradientTransforms: [summing, onlyFor('dense_1', summing)],
      gradientNoise: { eta: 0.01 },
      logGradientNorms: true,
      lookahead: { every: 2 },
      weightAverage: { decay: 0.9, overwriteEvery: 3 },
      execution,
    });
    const { x, y } = linearData(8);
    await model.fit(x, y, FIT);
    const settled = liveObjects();
    const seen = new Set<string>();
    const note = new LambdaCallback({ onBatchBegin: () => void seen.add(JSON.stringify(liveObjects())) });
    await model.fit(x, y, { ...FIT, epochs: 10, callbacks: [note] });
    await model.withAveragedWeights(() => model.evaluate(x, y));
    expect([...seen]).toEqual([JSON.stringify(settled)]);
    for (let i = 0; i < 3; i++) await model.withAveragedWeights(() => model.evaluate(x, y));
    const evaluated = liveObjects();
    await model.withAveragedWeights(() => model.evaluate(x, y));
    expect(liveObjects()).toEqual(evaluated);
    model.dispose();
    expect(liveObjects()).toEqual(empty);
  });

  it('makes state for a weight that becomes trainable later', async () => {
    const model = smallModel();
    model.compile({
      optimizer: 'sgd',
      loss: 'meanSquaredError',
      gradientTransforms: [summing],
      weightAverage: { decay: 0.5 },
      execution,
    });
    const { x, y } = linearData(4);
    model.build([null, 3]);
    model.setTrainable('dense', false);
    await model.fit(x, y, FIT);
    expect(
      Object.keys(allState())
        .filter((name) => name.includes('slots') || name.includes('sum'))
        .join(),
    ).not.toMatch(/dense\/kernel/);
    model.setTrainable('dense', true);
    await model.fit(x, y, FIT);
    expect(Object.keys(allState())).toEqual(
      expect.arrayContaining(['transforms/0 summing/dense/kernel/sum', 'weightAverage/dense/kernel/average']),
    );
    model.dispose();
  });

  it('refuses, before a step, a predicate that names nothing, and a log that was not declared', async () => {
    const { x, y } = linearData(4);
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError', clip: { norm: 1, only: 'densse' }, execution });
    model.build([null, 3]);
    const before = weightsOf(model);
    const live = liveObjects();
    expect((await rejectionOf(model.fit(x, y, FIT))).message).toMatch(/invalid-option[^]*"densse"[^]*"dense"/);
    expect(weightsOf(model)).toEqual(before);
    expect(liveObjects()).toEqual(live);
    const wrong: [Partial<GradientTransform>, RegExp][] = [
      [{ transform: (g, _, step) => (step!.log('size', tf.scalar(1)), g) }, /transform-log[^]*"size"/],
      [{ logs: ['a'], transform: (g, _, step) => (step!.log('a', tf.ones([2])), g) }, /transform-scalar[^]*\[2\]/],
      [{ transform: (g, _, step) => (step!.skipUnless(tf.scalar(1)), g) }, /transform-scalar[^]*bool/],
      [{ transform: (async (g: never) => g) as never }, /transform-result[^]*a promise/],
    ];
    for (const [transform, message] of wrong) {
      const gradientTransforms = [{ name: 'mine', ...transform } as GradientTransform];
      model.compile({ loss: 'meanSquaredError', gradientTransforms, execution });
      expect((await rejectionOf(model.fit(x, y, FIT))).message).toMatch(message);
      expect(weightsOf(model)).toEqual(before);
    }
    model.dispose();
  });
});

describe("gradient transforms in a step of the model's own", () => {
  const { x, y } = linearData(24);
  // The labels of the fifth batch are far off.
  const spiked = y.map(([value], i) => [i >= 16 && i < 20 ? 1000 * value! : value!]);

  @Model('test/two-objectives')
  class TwoObjectives extends BaseModel {
    @Child() first = layers.dense({ units: 1 });
    @Child() second = layers.dense({ units: 1 });
    readonly secondOptimizer = new Adam({ learningRate: 0.05 });

    call(input: Tensor, context: CallContext): Tensor {
      return this.first.call(input, context);
    }

    override trainStep(batch: StepBatch, step: StepContext) {
      const secondLoss = step.minimize(() => tf.mean(tf.squaredDifference(this.second.call(batch.x, step.call), 1)), {
        weights: 'second',
        optimizer: this.secondOptimizer,
      });
      const loss = step.minimize(() => tf.mean(tf.squaredDifference(this.first.call(batch.x, step.call), batch.y!)), {
        weights: 'first',
      });
      return { loss, secondLoss };
    }
  }

  describe.each(MODES)('%s', (execution) => {
    useTestEngine();

    it('have state of their own for each optimizer, log by minimize, and skip the whole step', async () => {
      const empty = liveObjects();
      const model = new TwoObjectives();
      model.compile({
        optimizer: 'adam',
        spikeProtection: { factor: 8, window: 4, warmUp: 3 },
        // Chooses weights of one objective only.
        gradientTransforms: [onlyFor('second', summing)],
        logGradientNorms: true,
        weightAverage: { decay: 0.9 },
        execution,
      });
      const weights: string[] = [];
      const logged: Record<string, number>[] = [];
      const note = new LambdaCallback({
        onBatchEnd: (_, logs) => {
          weights.push(JSON.stringify(weightsOf(model)));
          logged.push({ ...logs });
        },
      });
      const { history, stopReason } = await model.fit(x, spiked, { ...FIT, callbacks: [note, new TerminateOnNaN()] });
      expect(stopReason).toBeNull();
      expect(weights.map((value, i) => value === weights[i - 1])).toEqual([false, false, false, false, true, false]);
      // The second objective saw no spike; one gate is over all that the step writes.
      expect(logged.map(({ skippedUpdates }) => skippedUpdates)).toEqual([0, 0, 0, 0, 0, 0]);
      expect(logged.map(({ skippedUpdates_1: skipped }) => skipped)).toEqual([0, 0, 0, 0, 1, 0]);
      expect(Object.keys(history).sort()).toEqual(
        [
          ...['clippedGradientNorm', 'clippedGradientNorm_1', 'gradientNorm', 'gradientNorm_1'],
          ...['loss', 'secondLoss', 'skippedUpdates', 'skippedUpdates_1'],
        ].sort(),
      );
      const own = weightsOf(model);
      const averages = await model.withAveragedWeights(() => weightsOf(model));
      for (const [path, values] of Object.entries(own)) expect(averages[path]).not.toEqual(values);
      model.dispose();
      expect(liveObjects()).toEqual(empty);
    });

    it('are refused for a predicate that names no weight of the model', async () => {
      const model = new TwoObjectives();
      model.compile({ clip: { norm: 1, only: 'third' }, execution });
      expect((await rejectionOf(model.fit(x, y, FIT))).message).toMatch(/invalid-option[^]*"third"/);
      model.dispose();
    });
  });
});

describe('gradient transforms, eager and recorded', () => {
  useTestEngine();

  it('give the same weights, averages and logs', async () => {
    const { x, y } = linearData(24);
    const runs = await Promise.all(
      MODES.map(async (execution) => {
        const model = smallModel();
        model.compile({
          optimizer: 'adam',
          loss: 'meanSquaredError',
          seed: 3,
          spikeProtection: { factor: 1, window: 5, warmUp: 3 },
          centralizeGradients: true,
          clip: { adaptive: 0.3, only: '*/kernel' },
          gradientTransforms: [summing],
          gradientNoise: { eta: 0.01 },
          logGradientNorms: true,
          lookahead: { every: 3 },
          weightAverage: { decay: 0.8, overwriteEvery: 7 },
          execution,
        });
        const { history, mode } = await model.fit(x, y, { batchSize: 4, epochs: 4, verbose: 0 });
        expect(new Set(mode)).toEqual(new Set([execution]));
        const averages = await model.withAveragedWeights(() => weightsOf(model));
        const numbers = [weightsOf(model), averages, history].flatMap((record) => Object.values(record).flat());
        const share = history.skippedUpdates!.reduce((a, b) => a + b) / 4;
        model.dispose();
        return { numbers: numbers as number[], share };
      }),
    );
    const [eager, recorded] = runs as [(typeof runs)[0], (typeof runs)[0]];
    expectClose(recorded.numbers, eager.numbers, STEPS_TOLERANCE);
    // Some were skipped and some were not.
    expect(eager.share).toBeGreaterThan(0.1);
    expect(eager.share).toBeLessThan(0.9);
  });
});

describe('gradient transforms in several steps by one call', () => {
  useTestEngine();

  it('do what they do in single steps', async () => {
    const batches = linearBatches(8, [5]);
    /** Steps by runs of so many; all state at the end, and what each step logs. */
    const run = async (execution: (typeof MODES)[number], stepsPerCall: number) => {
      const model = linearModel({ seed: 4 });
      const options = {
        optimizer: 'adam',
        loss: 'meanSquaredError',
        seed: 4,
        spikeProtection: { factor: 4, window: 4, warmUp: 3 },
        gradientTransforms: [summing],
        gradientNoise: { eta: 0.01 },
        logGradientNorms: true,
        lookahead: { every: 3 },
        weightAverage: { kind: 'equal' as const, startAfter: 1, every: 2, overwriteEvery: 4 },
      };
      const plan = compilePlan(parseOptions(CompileOptions, options, 'test'), currentServices(), 'test');
      const state = new TrainState(model, plan);
      const runner =
        execution === 'eager' ? new EagerRunner(model, plan) : new RecordedRunner(model, plan, consoleLogger);
      const onDevice = batches.map(({ x, y }) => ({
        x: tf.tensor2d(x.map((row) => [...row])),
        y: tf.tensor2d(y.map((value) => [value])),
        size: 4,
      }));
      const logs: Logs[] = [];
      for (let i = 0; i < batches.length; i += stepsPerCall) {
        const options = { gated: false, fetchLogs: true };
        logs.push(...(await runner.train(state, onDevice.slice(i, i + stepsPerCall), options)).logs);
      }
      const after = state.afterUpdatesOf(plan.optimizer).entries();
      const transforms = state.transformsOf(plan.optimizer).entries();
      const numbers = [
        ...linearWeights(model),
        ...[...after, ...transforms].flatMap(([, variable]) => {
          const value = variable.read();
          const values = [...value.dataSync()];
          value.dispose();
          return values;
        }),
        ...Object.values(state.sums.read()),
      ];
      tf.dispose(onDevice.flatMap(({ x, y }) => [x, y]));
      runner.dispose();
      state.dispose();
      model.dispose();
      return { numbers, logs };
    };
    const single = await run('eager', 1);
    expect(single.logs.map(({ skippedUpdates }) => skippedUpdates)).toEqual([0, 0, 0, 0, 0, 1, 0, 0]);
    for (const stepsPerCall of [1, 4, 8]) {
      const { numbers, logs } = await run('recorded', stepsPerCall);
      expectClose(numbers, single.numbers, STEPS_TOLERANCE);
      const flat = (all: readonly Logs[]) =>
        all.flatMap((one) =>
          Object.entries(one)
            .sort()
            .map(([, value]) => value),
        );
      expectClose(flat(logs), flat(single.logs), STEPS_TOLERANCE);
    }
  });
});

describe('options of compile for gradients', () => {
  useTestEngine();

  it.each([
    [{ gradientTransforms: [clipByGlobalNorm as never] }, /call it: clipByGlobalNorm/],
    [{ gradientTransforms: [null as never] }, /null at place 0/],
    [{ gradientTransforms: [{ name: 'a', logs: ['loss'], transform: (g: never) => g }] }, /logs "loss"/],
    [
      {
        spikeProtection: {},
        gradientTransforms: [{ name: 'a', logs: ['skippedUpdates'], transform: (g: never) => g }],
      },
      /two that log/,
    ],
    [{ logGradientNorms: 1 as never }, /logGradientNorms/],
    [{ centralizeGradients: 'yes' as never }, /centralizeGradients/],
    [{ clip: { globalNorm: -1 } }, /globalNorm/],
    [{ spikeProtection: { factor: 0 } }, /factor/],
    [{ gradientNoise: {} }, /noise-choice/],
    [{ lookahead: { every: 0 } }, /every/],
    [{ lookahead: { rate: 1.5 } }, /rate/],
    [{ weightAverage: { decay: 1 } }, /decay/],
    [{ weightAverage: { every: 0 } }, /every/],
    [{ weightAverage: { overwriteEvery: -1 } }, /overwriteEvery/],
    [{ weightAverage: { kind: 'equal' as const, decay: 0.9 } }, /no decay/],
    [{ weightAverage: { kind: 'median' as never } }, /kind/],
  ])('are checked: %p', (options, message) => {
    const model = smallModel();
    expect(thrownBy(() => model.compile({ loss: 'meanSquaredError', ...options })).message).toMatch(message);
    model.dispose();
  });

  it('refuse a metric of the name of a log', () => {
    const model = smallModel();
    const gradientNorm = (labels: Tensor) => labels;
    expect(() => model.compile({ loss: 'meanSquaredError', metrics: [gradientNorm], logGradientNorms: true })).toThrow(
      /"gradientNorm"/,
    );
    model.dispose();
  });
});

/** Passes the running sum of the gradients on. */
const summing: GradientTransform = {
  name: 'summing',
  slots: () => ({ sum: 0 }),
  transform: (gradients, _, step) =>
    new Map(
      [...gradients].map(([path, gradient]) => {
        const { sum } = step!.slotsOf(path);
        sum!.assignAdd(gradient);
        return [path, sum!.read()];
      }),
    ),
};

/** The standard normal numbers that a noise transform, first of its chain, draws for the weight at a step. */
function drawn(seed: number, step: number): number[] {
  return tf.tidy(() => {
    const context = new CallContext({ training: true, seed, step: tf.scalar(step, 'int32') });
    return [...context.normal([3, 1], `transform 0 ${LINEAR_PATH}`).dataSync()];
  }) as unknown as number[];
}
