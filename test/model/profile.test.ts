import { availableParallelism } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { OptionsError, ShapeError, StateError, TraceError } from '../../src/core/errors.js';
import { Dataset } from '../../src/data/dataset.js';
import { liveVariables } from '../../src/engine/live-variables.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { Variable } from '../../src/engine/variable.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { Profile } from '../../src/training/profile.js';
import { bitsOf } from '../helpers/recording.js';
import { linearData, liveObjects, rejectionOf, smallModel } from '../helpers/models.js';

/** Of a step of large convolutions, ops take most; a busy machine may keep them waiting. */
const LEAST_BUSY = 0.3;
/** Ops that run side by side share the threads and each take longer: at most as many times as there are threads. */
const MOST_BUSY = 1 + availableParallelism();
/** Sums of shares are sums of rounded quotients. */
const ROUNDING = 1e-9;

const ROWS = 32;

function convolutions(): BaseModel {
  const model = sequential(
    [
      layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same' }),
      layers.batchNormalization(),
      layers.flatten(),
      layers.dropout({ rate: 0.25 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
    { name: 'images' },
  );
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], seed: 3 });
  return model;
}

/** One convolution that does more work than all else together, on however busy a machine. */
function oneLargeConvolution(): BaseModel {
  const model = sequential([
    layers.conv2d({ filters: 32, kernelSize: 5, padding: 'same', name: 'first' }),
    layers.conv2d({ filters: 32, kernelSize: 5, padding: 'same', name: 'large' }),
    layers.globalAveragePooling2d(),
    layers.dense({ units: 10, activation: 'softmax' }),
  ]);
  model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
  return model;
}

function images(rows = ROWS): { x: Tensor; y: Tensor } {
  return {
    x: tf.randomUniform([rows, 28, 28, 1], 0, 1, 'float32', 5),
    y: tf.range(0, rows, 1, 'int32').mod(tf.scalar(10, 'int32')),
  };
}

/** The bits of every variable that exists, which is all state there is. */
function stateBits(): string[] {
  return [...(liveVariables.values() as Iterable<Variable>)].map((variable) => {
    const value = variable.read();
    const bits = `${variable.name} ${bitsOf(value)}`;
    value.dispose();
    return bits;
  });
}

@Layer('test/reading')
class Reading extends BaseLayer {
  call(x: Tensor): Tensor {
    return tf.mul(x, tf.sum(x).dataSync()[0]!);
  }
}

describe('model.profile', () => {
  it('tells what the ops of a convolutional network take', async () => {
    const model = oneLargeConvolution();
    const { x, y } = images();
    const profile = await model.profile(x, y, { runs: 5 });
    expect(profile).toBeInstanceOf(Profile);
    expect(profile.ops[0]!.op).toMatch(/Conv2D/);
    expect(profile.ops[0]!.path).toBe('large');
    const times = profile.ops.map(({ microseconds }) => microseconds);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    const total = times.reduce((sum, time) => sum + time, 0) / 1000;
    expect(profile.opMilliseconds).toBeCloseTo(total);
    expect(total).toBeGreaterThan(LEAST_BUSY * profile.stepMilliseconds);
    expect(total).toBeLessThan(MOST_BUSY * profile.stepMilliseconds);
    expect(Math.abs(profile.ops.reduce((sum, { share }) => sum + share, 0) - 1)).toBeLessThan(ROUNDING);
    // The first convolution's output is kept for the gradient of the second one's kernel.
    expect(profile.peakBytes).toBeGreaterThan(4 * ROWS * 28 * 28 * 32);
    expect(new Set(profile.ops.map(({ name }) => name)).size).toBe(profile.ops.length);
    model.dispose();
    tf.dispose([x, y]);
  });

  it('adds them up by layer, forward and backward', async () => {
    const model = convolutions();
    const { x, y } = images();
    const profile = await model.profile(x, y, { runs: 2 });
    const byPath = new Map(profile.layers.map((layer) => [layer.path, layer]));
    const named = ['conv2d', 'max_pooling2d', 'conv2d_1', 'batch_normalization', 'flatten', 'dropout', 'dense'];
    const inOrder = profile.layers.map(({ path }) => path).filter((path) => named.includes(path));
    expect(inOrder).toEqual(named.filter((path) => byPath.has(path)));
    for (const path of ['conv2d', 'max_pooling2d', 'conv2d_1', 'batch_normalization', 'dropout', 'dense']) {
      expect(byPath.get(path)).toBeDefined();
      expect(byPath.get(path)!.forwardMicroseconds).toBeGreaterThan(0);
      expect(byPath.get(path)!.backwardMicroseconds).toBeGreaterThan(0);
    }
    expect(byPath.get('conv2d')!.bytes).toBeGreaterThan(0);
    const update = byPath.get('(update)')!;
    expect(update.microseconds).toBeGreaterThan(0);
    expect([update.forwardMicroseconds, update.backwardMicroseconds]).toEqual([0, 0]);
    expect(Math.abs(profile.layers.reduce((sum, { share }) => sum + share, 0) - 1)).toBeLessThan(ROUNDING);
    const updates = profile.ops.filter(({ op }) => op === 'ResourceApplyAdam').map(({ variable }) => variable);
    expect(updates.toSorted()).toEqual(
      [...model.weightTree()].flatMap(([path, { trainable }]) => (trainable ? [path] : [])).toSorted(),
    );
    model.dispose();
    tf.dispose([x, y]);
  });

  it('draws both as tables with units', async () => {
    const model = smallModel();
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const { x, y } = linearData(8);
    const profile = await model.profile(x, y, { runs: 3 });
    const text = profile.table({ ops: 2 });
    expect(text).toContain('Profile of model "small": 8 examples a step, medians of 3 runs');
    for (const part of ['time (µs)', '% of ops', 'allocated', 'forward (µs)', 'backward (µs)', 'dense_1', '(update)']) {
      expect(text).toContain(part);
    }
    expect(text).toContain(profile.ops[1]!.op);
    // Two tables: the rows of the first are as many as were asked for.
    const bars = text.split('\n').filter((line) => line.startsWith('│'));
    expect(bars).toHaveLength(1 + 2 + 1 + profile.layers.length);
    const printed: string[] = [];
    profile.print((line) => printed.push(line));
    expect(printed).toEqual([String(profile)]);
    expect(JSON.parse(JSON.stringify(profile))).toMatchObject({ stepMilliseconds: profile.stepMilliseconds });
    model.dispose();
  });

  it('changes no state, to the bit, and leaves nothing behind', async () => {
    const model = convolutions();
    const { x, y } = images();
    await model.fit(x, y, { epochs: 1, batchSize: 16, verbose: 0 });
    const [state, live] = [stateBits(), liveObjects()];
    expect(state.length).toBeGreaterThan(20);
    await model.profile(x, y, { runs: 2 });
    expect(stateBits()).toEqual(state);
    expect(liveObjects()).toEqual(live);
    model.dispose();
    tf.dispose([x, y]);
  });

  it('makes no difference to the training around it', async () => {
    const { x, y } = images();
    const trained = async (profiled: boolean): Promise<string[]> => {
      const model = convolutions();
      if (profiled) await model.profile(x, y, { runs: 1 });
      await model.fit(x, y, { epochs: 1, batchSize: 16, verbose: 0 });
      if (profiled) await model.profile(x, y, { runs: 1 });
      await model.fit(x, y, { epochs: 1, batchSize: 16, verbose: 0 });
      const state = stateBits();
      model.dispose();
      return state;
    };
    expect(await trained(true)).toEqual(await trained(false));
    tf.dispose([x, y]);
  });

  it('takes batchSize examples of arrays, and the first batch of a dataset', async () => {
    const model = smallModel();
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const { x, y } = linearData(40);
    expect((await model.profile(x, y, { runs: 1, batchSize: 6 })).title).toContain(' 6 examples');
    expect((await model.profile(x, y, { runs: 1 })).title).toContain(' 32 examples');
    const dataset = Dataset.fromArrays({ x, y }).batch(12);
    expect((await model.profile(dataset, { runs: 1 })).title).toContain(' 12 examples');
    model.dispose();
  });

  it('records a model that is compiled to run eagerly', async () => {
    const model = smallModel();
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'eager' });
    const { x, y } = linearData(8);
    const { layers: rows } = await model.profile(x, y, { runs: 1 });
    expect(rows.map(({ path }) => path)).toEqual(expect.arrayContaining(['dense', 'dense_1', '(update)']));
    model.dispose();
  });

  it('says why a step cannot be profiled', async () => {
    const model = sequential([layers.dense({ units: 2 }), new Reading()], { name: 'reader' });
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'eager' });
    const data = [[[1, 2]], [[0, 1]]] as const;
    const error = (await rejectionOf(model.profile(data[0] as never, data[1] as never))) as TraceError;
    expect(error).toBeInstanceOf(TraceError);
    expect([error.kind, error.where]).toEqual(['not-profiled', 'profile of model "reader"']);
    expect(error.received).toContain('layer "reading"');
    expect(error.fix).toContain('tf.where');
    expect(error.fix).not.toContain('eager');
    await model.fit(data[0] as never, data[1] as never, { epochs: 1, verbose: 0 });
    model.dispose();
  });

  it('refuses while a fit is running, and what it cannot take, before anything runs', async () => {
    const model = smallModel();
    const { x, y } = linearData(8);
    expect(((await rejectionOf(model.profile(x, y))) as StateError).kind).toBe('not-compiled');
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    expect(await rejectionOf(model.profile(x, y, { runs: 0 }))).toBeInstanceOf(OptionsError);
    const fitting = model.fit(x, y, { epochs: 2, verbose: 0 });
    const refusal = (await rejectionOf(model.profile(x, y))) as StateError;
    expect([refusal.constructor, refusal.kind]).toEqual([StateError, 'already-training']);
    await fitting;
    expect(await rejectionOf(model.profile([[1, 2]], [[1]]))).toBeInstanceOf(ShapeError);
    await model.profile(x, y, { runs: 1 });
    model.dispose();
  });
});
