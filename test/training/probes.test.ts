import { describe, expect, it, jest } from '@jest/globals';
import { BaseCallback } from '../../src/callbacks/callback.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import {
  LAYER_QUANTITIES,
  WEIGHT_QUANTITIES,
  type ProbeReading,
  type ProbeRequest,
} from '../../src/training/probe-contract.js';
import { RecordedRunner } from '../../src/training/recorded-runner.js';
import type { StepContext } from '../../src/training/step-context.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, liveObjects, MODES, taken, weightsOf } from '../helpers/models.js';

/** Sums of a few dozen float32 products, in another order. */
const CLOSE = 2e-5;
/** bfloat16 keeps 8 bits: some 0.4 % a number. */
const HALF_CLOSE = 0.05;

const ALL = { weights: WEIGHT_QUANTITIES, layers: LAYER_QUANTITIES, histograms: true } as const;
const { x, y } = linearData(16);
const fit = { batchSize: 8, epochs: 2, verbose: 0, shuffle: false } as const;
const firstBatch = { x: x.slice(0, 8), y: y.slice(0, 8) };

class Probing extends BaseCallback {
  override readonly everyBatch = false;
  readonly readings: ProbeReading[] = [];
  constructor(private readonly request: ProbeRequest) {
    super();
  }
  override get probeRequest(): ProbeRequest {
    return this.request;
  }
  override onProbe(reading: ProbeReading): void {
    this.readings.push(reading);
  }
}

const model = () =>
  sequential([
    layers.dense({ units: 6, activation: 'relu' }),
    layers.dense({ units: 5, activation: 'tanh' }),
    layers.dense({ units: 1 }),
  ]);

const norm = (values: readonly number[]): number => Math.hypot(...values);
const part = (values: readonly number[], is: (value: number) => boolean): number =>
  values.filter(is).length / values.length;

function closeTo(actual: number | undefined, wanted: number, tolerance = CLOSE): void {
  expect(Math.abs(actual! - wanted)).toBeLessThanOrEqual(tolerance * Math.max(1e-3, Math.abs(wanted)));
}

async function gradientsOf(net: BaseModel, batch: { x: number[][]; y: number[][] }): Promise<Record<string, number[]>> {
  const gradients = await net.gradients(batch.x, batch.y);
  return Object.fromEntries(Object.entries(gradients).map(([path, tensor]) => [path, taken(tensor!)]));
}

/** Counts by hand, as `HistogramFixedWidth` has it: the last bin takes the maximum. */
function histogramOf(values: readonly number[], bins = 30): { min: number; max: number; counts: number[] } {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor(((value - min) / (max - min)) * bins))]! += 1;
  return { min, max, counts };
}

@Model('test/probed-shared')
class Shared extends BaseModel {
  @Child() twice = layers.dense({ units: 3, activation: 'tanh' });
  @Child() last = layers.dense({ units: 1 });
  call(input: Tensor, context: CallContext): Tensor {
    return this.last.call(this.twice.call(this.twice.call(input, context), context), context);
  }
}

@Model('test/probed-step')
class OwnStep extends BaseModel {
  @Child() first = layers.dense({ units: 3, activation: 'tanh' });
  @Child() last = layers.dense({ units: 1 });
  call(input: Tensor, context: CallContext): Tensor {
    return this.last.call(this.first.call(input, context), context);
  }
  override trainStep({ x: input, y: labels }: DeviceBatch, step: StepContext) {
    return { loss: step.minimize(() => tf.mean(tf.squaredDifference(labels!, this.call(input, step.call)))) };
  }
}

let calls = 0;
@Model('test/counting')
class Counting extends BaseModel {
  @Child() dense = layers.dense({ units: 1 });
  call(input: Tensor, context: CallContext): Tensor {
    calls += 1;
    return this.dense.call(input, context);
  }
}

describe.each(MODES)('probes, %s', (execution) => {
  useTestEngine();

  const compiled = (net: BaseModel, options: Partial<CompileOptions> = {}): BaseModel => {
    net.compile({
      optimizer: new SGD({ learningRate: 0.1 }),
      loss: 'meanSquaredError',
      execution,
      seed: 5,
      ...options,
    });
    net.build([null, 3]);
    return net;
  };

  const probed = async (net: BaseModel, request: Partial<ProbeRequest> = {}, options: object = {}) => {
    const probing = new Probing({ every: 1, ...ALL, ...request });
    const history = await net.fit(x, y, { ...fit, ...options, callbacks: [probing] });
    return { readings: probing.readings, history };
  };

  it('measures weights as a computation by hand does', async () => {
    const net = compiled(model());
    const before = weightsOf(net);
    const gradients = await gradientsOf(net, firstBatch);
    const { readings } = await probed(net, {}, { epochs: 1, stepsPerEpoch: 1 });
    const after = weightsOf(net);
    expect(Object.keys(readings[0]!.weights)).toEqual(Object.keys(before));
    for (const [path, reading] of Object.entries(readings[0]!.weights)) {
      const gradient = gradients[path]!;
      closeTo(reading.gradientNorm, norm(gradient));
      closeTo(reading.gradientMax, Math.max(...gradient.map(Math.abs)));
      expect(reading.zeroFraction).toBeCloseTo(
        part(gradient, (value) => value === 0),
        6,
      );
      expect(reading.nonFinite).toBe(0);
      closeTo(reading.weightNorm, norm(before[path]!));
      const change = norm(before[path]!.map((value, i) => after[path]![i]! - value));
      if (norm(before[path]!) === 0) expect(reading.updateRatio).toBeNaN();
      else closeTo(reading.updateRatio, change / norm(before[path]!), 1e-3);
      expect(reading.cosine).toBeNaN();
      const { counts, min, max } = reading.gradientHistogram!;
      closeTo(min, Math.min(...gradient));
      closeTo(max, Math.max(...gradient));
      expect(counts.reduce((sum, count) => sum + count)).toBe(gradient.length);
    }
    net.dispose();
  });

  it('measures layers as a computation by hand does', async () => {
    const net = compiled(model());
    const outputs: Record<string, number[]> = {};
    const cotangents: Record<string, number[]> = {};
    tf.tidy(() => {
      let h: Tensor = tf.tensor2d(firstBatch.x);
      const all = net.layers.map((layer) => {
        const path = layer.path;
        h = layer.call(h as never, new CallContext()) as Tensor;
        outputs[path] = Array.from(h.dataSync());
        return [layer, h] as const;
      });
      for (const [i, [layer, output]] of all.entries()) {
        const rest = all.slice(i + 1).map(([next]) => next);
        const { gradients } = valueAndGradients(() => {
          const last = rest.reduce<Tensor>(
            (input, next) => next.call(input as never, new CallContext()) as Tensor,
            output,
          );
          return tf.mean(tf.squaredDifference(last, tf.tensor2d(firstBatch.y)));
        }, [output]);
        cotangents[layer.path] = Array.from(gradients[0]!.dataSync());
      }
    });
    const { readings } = await probed(net, {}, { epochs: 1, stepsPerEpoch: 1 });
    expect(Object.keys(readings[0]!.layers)).toEqual(Object.keys(outputs));
    for (const [path, reading] of Object.entries(readings[0]!.layers)) {
      const values = outputs[path]!;
      const mean = values.reduce((sum, value) => sum + value) / values.length;
      closeTo(reading.mean, mean, 1e-4);
      closeTo(reading.standardDeviation, norm(values.map((value) => value - mean)) / Math.sqrt(values.length), 1e-4);
      expect(reading.zeroFraction).toBeCloseTo(
        part(values, (value) => value === 0),
        6,
      );
      expect(reading.nonFinite).toBe(0);
      closeTo(reading.cotangentNorm, norm(cotangents[path]!), 1e-4);
      const units = values.length / 8;
      const activity = Array.from({ length: units }, (_, unit) =>
        part(
          values.filter((_, i) => i % units === unit),
          (value) => value !== 0,
        ),
      );
      expect(reading.unitActivity).toEqual(activity);
    }
    const [relu, tanh] = Object.values(readings[0]!.layers);
    expect(relu!.saturation).toBeUndefined();
    expect(tanh!.saturation).toBe(part(outputs['dense_1']!, (value) => Math.abs(value) > 0.98));
    net.dispose();
  });

  it('counts histograms as a count by hand does, also of values that are all alike', async () => {
    const net = compiled(model());
    const { 'dense/kernel': kernel } = weightsOf(net);
    const { readings } = await probed(net, { weights: [], layers: [] }, { epochs: 1, stepsPerEpoch: 1 });
    const { weights, layers: outputs } = readings[0]!;
    expect(weights['dense/kernel']!.weightHistogram).toEqual(histogramOf(kernel!));
    expect(weights['dense/bias']!.weightHistogram).toEqual({ min: 0, max: 0, counts: [6, ...Array(29).fill(0)] });
    expect(outputs['dense_1']!.outputHistogram!.counts.reduce((sum, count) => sum + count)).toBe(8 * 5);
    net.dispose();
  });

  it('compares a gradient with that of the probed step before', async () => {
    const net = compiled(model());
    const before = await gradientsOf(net, firstBatch);
    await net.trainOnBatch(firstBatch.x, firstBatch.y);
    const second = { x: x.slice(8), y: y.slice(8) };
    const after = await gradientsOf(net, second);
    net.dispose();
    const other = compiled(model());
    const { readings } = await probed(other, { weights: ['cosine'], layers: [] }, { epochs: 1 });
    other.dispose();
    for (const [path, { cosine, gradientMax }] of Object.entries(readings[1]!.weights)) {
      const [a, b] = [before[path]!, after[path]!];
      closeTo(cosine, a.reduce((sum, value, i) => sum + value * b[i]!, 0) / norm(a) / norm(b), 1e-4);
      expect(gradientMax).toBeUndefined();
    }
  });

  it.each<[string, Partial<CompileOptions>]>([
    ['plainly', {}],
    ['by Adam with clipping', { optimizer: 'adam', clip: { globalNorm: 0.1 } }],
    ['checkpointed', { checkpoint: 'all' }],
    ['in groups', { accumulateSteps: 2 }],
    ['in mixed bfloat16', { precision: 'mixed_bfloat16' }],
    ['with a loss scale', { lossScale: 1024 }],
  ])('leaves a model trained %s as it is without, to the bit', async (_, options) => {
    const trained = async (every: number | null) => {
      const net = compiled(model(), options);
      const callbacks = every === null ? [] : [new Probing({ every, ...ALL, microBatches: 2 })];
      const { history } = await net.fit(x, y, { ...fit, epochs: 4, callbacks });
      const weights = weightsOf(net);
      net.dispose();
      return { weights, loss: history['loss'] };
    };
    const plain = await trained(null);
    expect(await trained(1)).toEqual(plain);
    expect(await trained(3)).toEqual(plain);
  });

  it('leaves a convolutional net with normalisation and dropout as it is without, to the bit', async () => {
    const images = tf.tidy(() =>
      tf
        .sin(tf.range(0, 24 * 64))
        .reshape([24, 8, 8, 1])
        .arraySync(),
    ) as number[][][][];
    const labels = Array.from({ length: 24 }, (_, i) => i % 3);
    const trained = async (every: number | null) => {
      const net = sequential([
        layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu' }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.batchNormalization(),
        layers.flatten(),
        layers.dense({ units: 8, activation: 'relu' }),
        layers.dropout({ rate: 0.3 }),
        layers.dense({ units: 3, activation: 'softmax' }),
      ]);
      net.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', execution, seed: 5 });
      const callbacks = every === null ? [] : [new Probing({ every, ...ALL, microBatches: 2 })];
      await net.fit(images, labels, { batchSize: 8, epochs: 3, verbose: 0, callbacks });
      const weights = weightsOf(net);
      net.dispose();
      return weights;
    };
    const plain = await trained(null);
    expect(await trained(1)).toEqual(plain);
    expect(await trained(2)).toEqual(plain);
  });

  it.each<[string, Partial<CompileOptions>, number]>([
    ['checkpointed', { checkpoint: 'all' }, 1e-4],
    ['with a loss scale', { lossScale: 1024 }, 1e-4],
    ['in mixed bfloat16', { precision: 'mixed_bfloat16' }, HALF_CLOSE],
    ['in groups', { accumulateSteps: 2 }, 1e-4],
  ])('reads the same of a model trained %s', async (_, options, tolerance) => {
    const read = async (compile: Partial<CompileOptions>) => {
      const net = compiled(model(), compile);
      const { readings } = await probed(net, { histograms: false }, { epochs: 1, stepsPerEpoch: 1 });
      net.dispose();
      return readings[0]!;
    };
    const [plain, other] = [await read({}), await read(options)];
    expect(Object.keys(other.layers)).toEqual(Object.keys(plain.layers));
    for (const kind of ['weights', 'layers'] as const) {
      for (const [path, reading] of Object.entries(plain[kind])) {
        for (const [name, value] of Object.entries(reading as Record<string, number>)) {
          const now = (other[kind][path] as Record<string, number>)[name]!;
          if (name === 'updateRatio' && 'accumulateSteps' in options) expect(now).toBeUndefined();
          else if (typeof value !== 'number' || Number.isNaN(value)) expect(now).toEqual(value);
          else expect(Math.abs(now - value)).toBeLessThanOrEqual(tolerance * Math.max(0.1, Math.abs(value)));
        }
      }
    }
  });

  it('measures a layer that is called twice, and a step of the model`s own', async () => {
    const shared = compiled(new Shared());
    const { readings } = await probed(shared, {}, { epochs: 1, stepsPerEpoch: 1 });
    const [first] = readings;
    expect(Object.keys(first!.layers)).toEqual(['twice', 'last']);
    expect(Object.keys(first!.weights)).toEqual(['twice/kernel', 'twice/bias', 'last/kernel', 'last/bias']);
    expect(first!.layers['twice']!.unitActivity).toEqual([1, 1, 1]);
    shared.dispose();

    const own = compiled(new OwnStep());
    const gradients = await gradientsOf(own, firstBatch);
    const measured = await probed(own, {}, { epochs: 1, stepsPerEpoch: 1 });
    for (const [path, { gradientNorm, updateRatio }] of Object.entries(measured.readings[0]!.weights)) {
      closeTo(gradientNorm, norm(gradients[path]!));
      if (path.endsWith('kernel')) expect(updateRatio).toBeGreaterThan(0);
    }
    expect(Object.keys(measured.readings[0]!.layers)).toEqual(['first', 'last']);
    expect(measured.readings[0]!.layers['last']!.cotangentNorm).toBeGreaterThan(0);
    own.dispose();
  });

  it('splits a batch to see how far the gradients of its parts differ', async () => {
    const net = compiled(model());
    const [a, b] = [
      await gradientsOf(net, { x: x.slice(0, 4), y: y.slice(0, 4) }),
      await gradientsOf(net, { x: x.slice(4, 8), y: y.slice(4, 8) }),
    ];
    const whole = await gradientsOf(net, firstBatch);
    const square = (gradients: Record<string, number[]>) => norm(Object.values(gradients).flat()) ** 2;
    const { readings } = await probed(net, { weights: [], layers: [], histograms: false, microBatches: 2 });
    expect(readings[0]!.noise).toMatchObject({ parts: 2, partSize: 4 });
    closeTo(readings[0]!.noise!.partSquaredNorm, (square(a) + square(b)) / 2, 1e-4);
    closeTo(readings[0]!.noise!.meanSquaredNorm, square(whole), 1e-4);
    net.dispose();
  });

  it('counts what is not finite', async () => {
    const net = compiled(model(), { optimizer: new SGD({ learningRate: 1e30 }) });
    const { readings } = await probed(net, { histograms: true });
    const last = readings.at(-1)!;
    expect(last.weights['dense_2/kernel']!.nonFinite).toBe(5);
    expect(last.weights['dense_2/kernel']!.gradientNorm).toBeNaN();
    expect(last.weights['dense_2/kernel']!.gradientHistogram).toEqual({ min: 0, max: 0, counts: Array(30).fill(0) });
    expect(last.layers['dense_2']!.nonFinite).toBe(8);
    net.dispose();
  });

  it('are made every so many steps, counted since compile, for those who asked', async () => {
    const net = compiled(model());
    const often = new Probing({ every: 2, weights: ['gradientNorm'] });
    const seldom = new Probing({ every: 3, layers: ['mean'] });
    const first = await net.fit(x, y, { ...fit, epochs: 2, callbacks: [often, seldom] });
    const second = await net.fit(x, y, { ...fit, epochs: 1, callbacks: [often] });
    expect(often.readings.map(({ totalSteps }) => totalSteps)).toEqual([0, 2, 4]);
    expect(often.readings.map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 0],
      [1, 0],
      [0, 0],
    ]);
    expect(seldom.readings.map(({ totalSteps }) => totalSteps)).toEqual([0, 3]);
    expect(first.probes.map(({ totalSteps }) => totalSteps)).toEqual([0, 2, 3]);
    expect(second.probes).toEqual([often.readings[2]]);
    net.dispose();
  });

  it('leave histograms out of the history', async () => {
    const net = compiled(model());
    const { history, readings } = await probed(net);
    expect(history.probes).toHaveLength(4);
    expect(history.probes[0]!.weights['dense/kernel']).not.toHaveProperty('gradientHistogram');
    expect(history.probes[0]!.layers['dense']).not.toHaveProperty('outputHistogram');
    expect(history.probes[0]!.weights['dense/kernel']!.gradientNorm).toBe(
      readings[0]!.weights['dense/kernel']!.gradientNorm,
    );
    net.dispose();
  });

  it('leak nothing, and give all back with the model', async () => {
    const empty = liveObjects();
    const net = compiled(model());
    await probed(net, { every: 2, microBatches: 2 });
    const settled = liveObjects();
    const seen = new Set<string>();
    class Watching extends Probing {
      override onProbe(): void {
        seen.add(JSON.stringify(liveObjects()));
      }
    }
    await net.fit(x, y, { ...fit, epochs: 20, callbacks: [new Watching({ every: 2, ...ALL, microBatches: 2 })] });
    expect([...seen]).toEqual([JSON.stringify(settled)]);
    net.dispose();
    expect(liveObjects()).toEqual(empty);
  });
});

describe('recordings of probed steps', () => {
  useTestEngine();

  it('are a second variant, which runs on probed steps alone', async () => {
    const net = new Counting();
    net.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'recorded', seed: 5 });
    net.build([null, 3]);
    calls = 0;
    const { functionCalls } = engine().counters();
    const probing = new Probing({ every: 5, ...ALL });
    await net.fit(x, y, { ...fit, epochs: 10, callbacks: [probing] });
    expect(probing.readings.map(({ totalSteps }) => totalSteps)).toEqual([0, 5, 10, 15]);
    expect(engine().counters().functionCalls - functionCalls).toBe(20);
    const before = calls;
    await net.fit(x, y, { ...fit, epochs: 10, callbacks: [new Probing({ every: 5, ...ALL })] });
    expect(calls - before).toBeLessThanOrEqual(1);
    net.dispose();
  });

  it('are run by themselves where other steps are run several by one call', async () => {
    const train = async (stepsPerCall: number) => {
      // How many steps a call is given depends on the machine's speed; here it is settled.
      const settled = jest.spyOn(RecordedRunner.prototype, 'stepsPerCall', 'get').mockReturnValue(stepsPerCall);
      const net = new Counting();
      net.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'recorded', seed: 5 });
      net.build([null, 3]);
      const probing = new Probing({ every: 10, weights: ['gradientNorm', 'updateRatio'] });
      const { functionCalls } = engine().counters();
      const rows = linearData(8 * 40);
      await net.fit(rows.x, rows.y, { batchSize: 8, verbose: 0, callbacks: [probing] });
      const calls = engine().counters().functionCalls - functionCalls;
      const weights = weightsOf(net);
      net.dispose();
      settled.mockRestore();
      return { calls, weights, readings: probing.readings };
    };
    const { calls, ...together } = await train(4);
    const { calls: oneByOne, ...apart } = await train(1);
    expect(together).toEqual(apart);
    expect(together.readings.map(({ totalSteps }) => totalSteps)).toEqual([0, 10, 20, 30]);
    // Of ten steps the first is probed; the others are two calls of four, and one.
    expect([calls, oneByOne]).toEqual([4 * 4, 40]);
  });
});
