import { afterEach, describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { registerKernelVjp, type KernelVjpRule, type Removable } from '../../src/autodiff/register-kernel-vjp.js';
import type { AdjointError } from '../../src/core/errors.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { useTestEngine } from '../helpers/engine.js';

/** Above what float32 sums of a few terms lose, far below what a wrong kernel gives. */
const FLOAT32_DIGITS = 1e-4;

const models: BaseModel[] = [];
const rules: Removable[] = [];

function setUp(): void {
  afterEach(() => {
    for (const rule of rules.splice(0)) rule.remove();
    for (const model of models.splice(0)) model.dispose();
  });
  useTestEngine();
}

function replace(kernel: string, rule: KernelVjpRule): void {
  rules.push(registerKernelVjp(kernel, rule, { replace: true }));
}

function convolutional(): BaseModel {
  const model = sequential(
    [
      layers.conv2d({ filters: 3, kernelSize: 3, activation: 'tanh', kernelRegularizer: 'l2' }),
      layers.batchNormalization(),
      layers.dropout({ rate: 0.5 }),
      layers.flatten(),
      layers.dense({ units: 20, activation: 'relu' }),
      layers.dense({ units: 4 }),
    ],
    { name: 'small' },
  );
  models.push(model);
  model.compile({
    optimizer: 'adam',
    loss: (y, output) => tf.mean(tf.squaredDifference(y, output), -1),
    clip: { globalNorm: 1e-3 },
    seed: 3,
  });
  return model;
}

function images(): { values: Float32Array; shape: number[]; dtype: 'float32' } {
  return {
    values: Float32Array.from({ length: 108 }, (_, i) => Math.sin(7.1 * (i + 1))),
    shape: [3, 6, 6, 1],
    dtype: 'float32',
  };
}
const LABELS = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 0, 1],
];

describe('model.gradcheck', () => {
  setUp();

  it('passes every weight of a right model: dropout and clipping off, regularizers named', async () => {
    const model = convolutional();
    const report = await model.gradcheck(images(), LABELS);
    expect(report.failures).toEqual([]);
    const paths = [...model.weightTree()].filter(([, { trainable }]) => trainable).map(([path]) => path);
    expect(report.inputs.map(({ input }) => input)).toEqual(paths);
    expect(report.regularizers).toEqual({ 'conv2d/kernel': 'l2' });
    expect(report.skipped).toEqual(['batch_normalization/movingMean', 'batch_normalization/movingVariance']);
    for (const { float32Error } of report.inputs) expect(float32Error).toBeLessThan(FLOAT32_DIGITS);
    expect(String(report)).toContain('penalties in the loss: conv2d/kernel (l2)');
  });

  it('changes nothing', async () => {
    const model = convolutional();
    model.build([null, 6, 6, 1], 3);
    const read = () => tf.tidy(() => [...model.weightTree()].map(([, { handle }]) => [...handle.value.dataSync()]));
    const before = read();
    const { variables } = engine().counters();
    await model.gradcheck(images(), LABELS);
    expect(read()).toEqual(before);
    expect(engine().counters().variables).toBe(variables);
  });

  it('names the weight and the element that a wrong rule spoils', async () => {
    const model = convolutional();
    replace('BiasAdd', {
      keepInputs: ['bias'],
      backward: (dy, kept) => ({
        value: () => dy,
        bias: () => {
          const sum = tf.sum(tf.reshape(dy, [-1, dy.shape.at(-1)!]), 0);
          const last = kept.input('bias').size - 1;
          return tf.mul(sum, tf.tensor(Float32Array.from({ length: last + 1 }, (_, i) => (i === last ? 2 : 1))));
        },
      }),
    });
    const report = await model.gradcheck(images(), LABELS);
    const failed = report.inputs.filter(({ passed }) => !passed);
    expect(failed.map(({ input }) => input)).toContain('dense_1/bias');
    expect(failed.every(({ input }) => input.endsWith('/bias'))).toBe(true);
    expect(failed.find(({ input }) => input === 'dense_1/bias')!.worst).toMatchObject({ element: [3] });
  });

  it('checks a float32 kernel without a double version through the float32 gradient', async () => {
    const model = convolutional();
    replace('FusedBatchNormGradV3', { backward: () => ({}) });
    replace('FusedBatchNormV3', {
      keepInputs: ['x', 'scale'],
      backward: (dy, kept) => ({
        x: () => dy,
        scale: () => tf.zerosLike(kept.input('scale')),
        offset: () => tf.sum(dy, [0, 1, 2]),
      }),
    });
    const report = await model.gradcheck(images(), LABELS);
    const problems = new Map(report.inputs.map(({ input, problem }) => [input, problem]));
    expect([problems.get('batch_normalization/gamma'), problems.get('dense/kernel')]).toEqual(['float32', null]);
    expect(report.failures.join('\n')).toContain('the float32 gradient is');
    expect((await model.gradcheck(images(), LABELS, { compareFloat32: false })).passed).toBe(true);
  });

  it('asks for a compiled model, and takes the options of a check', async () => {
    const bare = sequential([layers.dense({ units: 1 })]);
    models.push(bare);
    const kindOf = (promise: Promise<unknown>) => promise.catch((error: AdjointError) => error.kind);
    expect(await kindOf(bare.gradcheck([[1]], [[1]]))).toBe('not-compiled');
    bare.compile({ loss: 'meanSquaredError' });
    expect(await kindOf(bare.gradcheck([[1]], [[1]], { names: [] } as object))).toBe('unknown-option');
    replace('Square', { backward: (dy) => ({ x: () => dy }) });
    replace('SquaredDifference', { backward: (dy) => ({ a: () => dy, b: () => dy }) });
    expect(await kindOf(bare.gradcheck([[1]], [[1]], { throws: true }))).toBe('gradcheck');
  });
});
