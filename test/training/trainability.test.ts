import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, MODES, rejectionOf, smallModel, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(8);

/** Paths of the weights that one epoch changes. */
async function changedBy(model: BaseModel, options: object = {}): Promise<string[]> {
  const before = weightsOf(model);
  await model.fit(x, y, { batchSize: 4, verbose: 0, ...options });
  const after = weightsOf(model);
  return Object.keys(after).filter((path) => JSON.stringify(after[path]) !== JSON.stringify(before[path]));
}

describe.each(MODES)('trainable, %s', (execution) => {
  useTestEngine();

  it('takes effect at the next step, by predicate and by layer', async () => {
    const model = smallModel();
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', execution });
    model.build([null, 3]);
    const all = ['dense/kernel', 'dense/bias', 'dense_1/kernel', 'dense_1/bias'];
    expect(await changedBy(model)).toEqual(all);
    model.setTrainable('dense', false);
    expect(await changedBy(model)).toEqual(all.slice(2));
    model.setTrainable(/./, true);
    model.getLayer('dense_1').trainable = false;
    expect(await changedBy(model)).toEqual(all.slice(0, 2));
    model.getLayer('dense_1').trainable = true;
    expect(await changedBy(model)).toEqual(all);
    model.dispose();
  });

  it('may come after compile: slots are made for what was frozen at first', async () => {
    const model = sequential([layers.dense({ units: 4, trainable: false }), layers.dense({ units: 1 })]);
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', execution });
    model.build([null, 3]);
    expect(await changedBy(model)).toEqual(['dense_1/kernel', 'dense_1/bias']);
    model.setTrainable('dense', true);
    expect(await changedBy(model)).toHaveLength(4);
    model.dispose();
  });

  it('may change in a hook', async () => {
    const model = smallModel();
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', execution });
    model.build([null, 3]);
    model.setTrainable('dense', false);
    const before = weightsOf(model)['dense/kernel'];
    const kernels: (number[] | undefined)[] = [];
    const unfreeze = new LambdaCallback({
      onBatchBegin: (batch) => {
        if (batch === 1) model.setTrainable('dense', true);
      },
      onBatchEnd: () => void kernels.push(weightsOf(model)['dense/kernel']),
    });
    await model.fit(x, y, { batchSize: 4, verbose: 0, callbacks: [unfreeze] });
    expect(kernels[0]).toEqual(before);
    expect(kernels[1]).not.toEqual(before);
    model.dispose();
  });

  it('of BatchNormalization: by moving statistics where it, or what holds it, is frozen, as in Keras', async () => {
    const body = sequential([layers.dense({ units: 3 }), layers.batchNormalization({ scale: false, center: false })], {
      name: 'body',
    });
    const model = sequential([body, layers.dense({ units: 1 })]);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution });
    model.build([null, 3]);
    const statistics = ['body/batch_normalization/movingMean', 'body/batch_normalization/movingVariance'];
    expect(await changedBy(model)).toEqual(expect.arrayContaining(statistics));
    body.trainable = false;
    expect(model.getLayer('batch_normalization').trainable).toBe(false);
    expect(await changedBy(model)).toEqual(['dense/kernel', 'dense/bias']);
    body.trainable = true;
    // Without weights of its own to train, only the layer's flag tells.
    model.getLayer('batch_normalization').trainable = false;
    expect(await changedBy(model)).not.toEqual(expect.arrayContaining([statistics[0]]));
    model.getLayer('batch_normalization').trainable = true;
    expect(await changedBy(model)).toEqual(expect.arrayContaining(statistics));
    model.dispose();
  });

  it('of a predicate that chooses no layer: refused', () => {
    const model = smallModel();
    expect(() => model.setTrainable('dens', false)).toThrow(/invalid-option[^]*"dens"[^]*"dense"/);
    expect(() => model.setTrainable(/^kernel$/, false)).toThrow(/at least one layer/);
    model.dispose();
  });

  it('nowhere: an error, and nothing changes', async () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError', execution });
    model.build([null, 3]);
    model.trainable = false;
    const before = weightsOf(model);
    const error = await rejectionOf(model.fit(x, y, { verbose: 0 }));
    expect(error.message).toMatch(/GradientError \[nothing-to-train\] model "small"/);
    expect(weightsOf(model)).toEqual(before);
    model.dispose();
  });
});
