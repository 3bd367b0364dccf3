import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createAdjoint } from '../../src/container.js';
import type { AdjointError } from '../../src/core/errors.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { sequential, type Sequential } from '../../src/model/sequential.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/storage/safetensors.js';
import type { StoredTensor } from '../../src/storage/stored-tensor.js';
import { useTestEngine } from '../helpers/engine.js';
import { rejectionOf, taken, weightsOf } from '../helpers/models.js';
import { useTemporaryFolder } from '../helpers/temporary-folder.js';

/** Sums of at most 18 float32 products in another order. */
const TOLERANCE = 2e-6;
/** A weight in float16 is off by 2^-11 of itself; the outputs are of order one, over three layers. */
const HALF_TOLERANCE = 1e-2;

interface Golden {
  readonly input: { shape: number[]; values: number[] };
  readonly torch: { file: string; output: number[] };
  readonly torchHalf: { file: string };
  readonly keras: { file: string; output: number[] };
}
const golden = JSON.parse(readFileSync(resolve('test/golden/weight-layouts.json'), 'utf8')) as Golden;

useTestEngine();
const folder = useTemporaryFolder();
const failure = async (promise: Promise<unknown>) => (await rejectionOf(promise)) as AdjointError;

function network(): Sequential {
  const model = sequential([
    layers.conv2d({ filters: 3, kernelSize: [3, 2], padding: 'same', activation: 'relu', name: 'conv' }),
    layers.maxPooling2d(),
    layers.batchNormalization({ name: 'norm' }),
    layers.flatten(),
    layers.dense({ units: 4, activation: 'tanh', name: 'body' }),
    layers.dense({ units: 2, name: 'head' }),
  ]);
  model.build([null, 6, 4, 2]);
  return model;
}

/** The same network as a class: nothing tells which layer reads what was flattened. */
@Model('test/network')
class Network extends BaseModel {
  @Child() conv = layers.conv2d({ filters: 3, kernelSize: [3, 2], padding: 'same', activation: 'relu' });
  @Child() pool = layers.maxPooling2d();
  @Child() norm = layers.batchNormalization();
  @Child() flatten = layers.flatten();
  @Child() body = layers.dense({ units: 4, activation: 'tanh' });
  @Child() head = layers.dense({ units: 2 });
  call(x: Tensor, context: CallContext): Tensor {
    const image = this.norm.call(this.pool.call(this.conv.call(x, context), context), context);
    return this.head.call(this.body.call(this.flatten.call(image, context), context), context);
  }
}

function file(name: string, base64: string): string {
  writeFileSync(folder.at(name), Buffer.from(base64, 'base64'));
  return folder.at(name);
}

async function outputsOf(model: BaseModel): Promise<number[]> {
  const x = tf.tensor(golden.input.values, golden.input.shape);
  const outputs = taken(await model.predict(x));
  x.dispose();
  return outputs;
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  expect(Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThanOrEqual(tolerance);
}

function tensorsOf(bytes: Uint8Array): Record<string, StoredTensor> {
  const { tensors } = decodeSafetensors(bytes, 'a file');
  return Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, data }]) => [name, { dtype, shape, data: Uint8Array.from(data) }]),
  );
}

const small = (units = 2): Sequential => {
  const model = sequential([layers.dense({ units: 3, name: 'body' }), layers.dense({ units, name: 'head' })]);
  model.build([null, 4], units);
  return model;
};

describe('weights as PyTorch and Keras lay them out', () => {
  it.each(['torch', 'keras'] as const)('%s: are read and written, and give its outputs', async (weightLayout) => {
    const model = network();
    const path = file('theirs.safetensors', golden[weightLayout].file);
    const report = await model.loadWeights(path, {
      weightLayout,
      rename: (name) => name.replace(/^sequential\//, ''),
    });
    expect(report).toEqual({ loaded: model.weightTree().paths(), missing: [], extra: [], misshapen: [] });
    expectClose(await outputsOf(model), golden[weightLayout].output, TOLERANCE);
    await model.saveWeights(folder.at('ours.safetensors'), { weightLayout });
    const theirs = Object.entries(tensorsOf(readFileSync(path)))
      .filter(([name]) => !name.endsWith('num_batches_tracked'))
      .map(([name, tensor]) => [name.replace(/^sequential\//, ''), tensor] as const);
    expect(tensorsOf(readFileSync(folder.at('ours.safetensors')))).toEqual(Object.fromEntries(theirs));
    // The file says whose layout it has.
    const other = network();
    await other.loadWeights(folder.at('ours.safetensors'));
    expect(weightsOf(other)).toEqual(weightsOf(model));
    model.dispose();
    other.dispose();
  });

  it('of half precision are widened', async () => {
    const model = network();
    await model.loadWeights(file('half.safetensors', golden.torchHalf.file), { weightLayout: 'torch' });
    expectClose(await outputsOf(model), golden.torch.output, HALF_TOLERANCE);
    model.dispose();
  });

  it('need the shape of what a class flattens, or warn', async () => {
    const path = file('theirs.safetensors', golden.torch.file);
    const warnings: string[] = [];
    const adjoint = createAdjoint({ logger: { info: () => {}, warn: (text) => void warnings.push(text) } });
    const model = adjoint.create(() => new Network());
    model.build([null, 6, 4, 2]);
    await model.loadWeights(path, { weightLayout: 'torch' });
    expect(warnings.join()).toContain('"flatten" flattens images of 3 x 2 x 3');
    const wrong = (flattenedImages: object) =>
      failure(model.loadWeights(path, { weightLayout: 'torch', flattenedImages: flattenedImages as never }));
    expect((await wrong({ bdy: [3, 2, 3] })).fix).toContain('"body"');
    expect((await wrong({ body: [3, 2, 4] })).expected).toContain('a product of 18');
    expect((await wrong({ conv: [3, 2, 3] })).expected).toContain('dense layers');
    await model.loadWeights(path, { weightLayout: 'torch', flattenedImages: { body: [3, 2, 3] } });
    expectClose(await outputsOf(model), golden.torch.output, TOLERANCE);
    expect(warnings).toHaveLength(1);
    model.dispose();
  });

  it('follow a flattening through chains, dropout and batch normalisation', async () => {
    const make = (flat: boolean) => {
      const model = sequential([
        sequential([
          layers.reshape({ targetShape: [2, 3, 2] }),
          flat ? layers.reshape({ targetShape: [12] }) : layers.flatten(),
        ]),
        sequential([
          layers.dropout({ rate: 0.5 }),
          layers.batchNormalization({ name: 'norm' }),
          layers.dense({ units: 5, name: 'head' }),
        ]),
      ]);
      model.build([null, 12]);
      return model;
    };
    for (const flat of [true, false]) {
      const model = make(flat);
      const counting = [...model.weightTree()].map(([, { handle }]) => {
        const count = handle.shape.reduce((a, b) => a * b, 1);
        return tf.tidy(() => tf.reshape(tf.range(0, count), [...handle.shape]));
      });
      model.setWeights(counting);
      await model.saveWeights(folder.at('torch.safetensors'), { weightLayout: 'torch' });
      const saved = tensorsOf(readFileSync(folder.at('torch.safetensors')));
      const numbers = (name: string) => [...new Float32Array(saved[name]!.data.buffer)];
      const permuted = [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11];
      expect(numbers('sequential_1.norm.running_mean')).toEqual(permuted);
      expect(saved['sequential_1.head.weight']!.shape).toEqual([5, 12]);
      expect(numbers('sequential_1.head.weight').slice(0, 12)).toEqual(permuted.map((row) => row * 5));
      const other = make(flat);
      await other.loadWeights(folder.at('torch.safetensors'));
      expect(weightsOf(other)).toEqual(weightsOf(model));
      tf.dispose(counting);
      model.dispose();
      other.dispose();
    }
  });
});

describe('loadWeights', () => {
  it('lists missing, extra and misshapen weights in one error, and changes nothing', async () => {
    const model = small();
    await model.saveWeights(folder.at('weights'));
    const { 'head/kernel': kernel, 'head/bias': bias, ...rest } = tensorsOf(readFileSync(folder.at('weights')));
    const changed = new Map(
      Object.entries({ ...rest, 'head/kernel': { ...kernel!, shape: [2, 3] }, 'old/bias': bias! }),
    );
    writeFileSync(folder.at('changed'), Buffer.concat(encodeSafetensors(changed)));
    const target = small();
    const before = weightsOf(target);
    const error = await failure(target.loadWeights(folder.at('changed')));
    expect([error.name, error.kind]).toEqual(['DataError', 'weights-differ']);
    expect(error.received!.split('\n')).toEqual([
      'missing: head/bias',
      'extra: old/bias',
      'misshapen: head/kernel is F32 [2, 3], not F32 [3, 2]',
    ]);
    expect(weightsOf(target)).toEqual(before);
    const report = await target.loadWeights(folder.at('changed'), { partial: true });
    expect(report.loaded).toEqual(['body/kernel', 'body/bias']);
    expect([report.missing, report.extra, report.misshapen.map(({ path }) => path)]).toEqual([
      ['head/bias'],
      ['old/bias'],
      ['head/kernel'],
    ]);
    expect(weightsOf(target)['body/kernel']).toEqual(weightsOf(model)['body/kernel']);
    expect(weightsOf(target)['head/kernel']).toEqual(before['head/kernel']);
    model.dispose();
    target.dispose();
  });

  it('renames by parts of names or by a function, and loads what is chosen', async () => {
    const model = small();
    await model.saveWeights(folder.at('weights'), { weightLayout: 'torch' });
    const source = tensorsOf(readFileSync(folder.at('weights')));
    const named = new Map(
      Object.entries(source).map(([name, tensor]) => [`net.fc.${name.replace('body', '1')}`, tensor]),
    );
    writeFileSync(folder.at('foreign'), Buffer.concat(encodeSafetensors(named)));
    const target = sequential([layers.dense({ units: 3, name: 'body' }), layers.dense({ units: 2, name: 'head' })]);
    target.build([null, 4], 9);
    const weightLayout = 'torch';
    await target.loadWeights(folder.at('foreign'), {
      weightLayout,
      rename: { 'net.fc.1': 'body', 'net.fc': '?', 'net.fc.head': 'head' },
    });
    expect(weightsOf(target)).toEqual(weightsOf(model));
    const fresh = small(5);
    const report = await fresh.loadWeights(folder.at('foreign'), {
      weightLayout,
      rename: (name) => name.replace('net.fc.1', 'body'),
      only: 'body',
    });
    expect(report.loaded).toEqual(['body/kernel', 'body/bias']);
    expect(report.extra).toHaveLength(2);
    const clash = await failure(fresh.loadWeights(folder.at('foreign'), { weightLayout, rename: () => 'body.weight' }));
    expect(clash.received).toContain('"net.fc.1.bias" and "net.fc.1.weight"');
    const nothing = await failure(fresh.loadWeights(folder.at('foreign'), { weightLayout, partial: true }));
    expect(nothing.received).toContain('nothing fits');
    expect((await failure(fresh.loadWeights(folder.at('foreign'), { only: 'bdoy' }))).fix).toContain('"body"');
    for (const made of [model, target, fresh]) made.dispose();
  });

  it('may be called while the model is training, and waits for a step to end', async () => {
    const model = small(1);
    model.compile({ loss: 'meanSquaredError', optimizer: 'sgd' });
    await model.saveWeights(folder.at('weights'));
    const x = Array.from({ length: 32 }, (_, i) => [i, 1, 2, 3]);
    const fit = model.fit(
      x,
      x.map(() => [1]),
      { epochs: 5, batchSize: 4, verbose: 0 },
    );
    await model.loadWeights(folder.at('weights'));
    await model.saveWeights(folder.at('during'));
    await fit;
    expect(Object.keys(tensorsOf(readFileSync(folder.at('during'))))).toHaveLength(4);
    model.dispose();
  });

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a file cut short', undefined],
    ['text', Buffer.from('not a safetensors file at all')],
  ])('refuses %s', async (_, content) => {
    const model = small();
    const before = weightsOf(model);
    await model.saveWeights(folder.at('weights'));
    const bytes = readFileSync(folder.at('weights'));
    writeFileSync(folder.at('bad'), content ?? bytes.subarray(0, bytes.length - 5));
    const error = await failure(model.loadWeights(folder.at('bad')));
    expect([error.name, error.kind]).toEqual(['DataError', 'safetensors']);
    expect(error.where).toContain('bad');
    expect(weightsOf(model)).toEqual(before);
    model.dispose();
  });

  it('refuses what is no file, and weights of integers', async () => {
    const model = small();
    expect((await failure(model.loadWeights(folder.path))).kind).toBe('not-a-file');
    expect((await failure(model.loadWeights(folder.at('absent')))).kind).toBe('no-such-file');
    expect((await failure(model.loadWeights(5 as never))).kind).toBe('invalid-option');
    expect((await failure(model.saveWeights(folder.path))).kind).toBe('write-failed');
    await model.saveWeights(folder.at('weights'));
    const tensors = tensorsOf(readFileSync(folder.at('weights')));
    const whole = new Map(
      Object.entries(tensors).map(([name, tensor]) => [name, { ...tensor, dtype: 'I32' as const }]),
    );
    writeFileSync(folder.at('whole'), Buffer.concat(encodeSafetensors(whole)));
    const error = await failure(model.loadWeights(folder.at('whole')));
    expect(error.received).toContain('head/kernel is I32 [3, 2], not F32 [3, 2]');
    model.dispose();
  });
});
