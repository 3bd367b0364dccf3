import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, liveObjects, MODES, rejectionOf } from '../helpers/models.js';

const { x, y } = linearData(16);
const STEPS = 200;

describe.each(MODES)('live objects, %s', (execution) => {
  useTestEngine();

  const compiled = () => {
    const model = sequential([
      layers.dense({ units: 4, activation: 'relu', kernelRegularizer: 'l2' }),
      layers.batchNormalization(),
      layers.dropout({ rate: 0.3 }),
      layers.dense({ units: 1 }),
    ]);
    model.compile({
      optimizer: 'adam',
      loss: 'meanSquaredError',
      metrics: ['mean'],
      clip: { globalNorm: 1 },
      execution,
    });
    return model;
  };

  it(`stay as many over ${STEPS} steps, and after a throwing callback and an aborted fit`, async () => {
    const empty = liveObjects();
    const model = compiled();
    const options = { batchSize: 8, validationSplit: 0.5, verbose: 0 } as const;
    await model.fit(x, y, options);
    const settled = liveObjects();

    const seen = new Set<string>();
    const noting = new LambdaCallback({
      onBatchBegin: () => void seen.add(JSON.stringify(liveObjects())),
      onEpochEnd: () => void seen.add(JSON.stringify(liveObjects())),
    });
    await model.fit(x, y, { ...options, epochs: STEPS, callbacks: [noting] });
    expect([...seen]).toEqual([JSON.stringify(settled)]);

    for (const hook of [
      'onTrainBegin',
      'onBatchBegin',
      'onBatchEnd',
      'onValidationBegin',
      'onEpochEnd',
      'onTrainEnd',
    ]) {
      const throwing = new LambdaCallback({
        [hook]: () => {
          throw new Error(hook);
        },
      });
      await rejectionOf(model.fit(x, y, { ...options, callbacks: [throwing] }));
      expect(liveObjects()).toEqual(settled);

      const controller = new AbortController();
      const aborting = new LambdaCallback({ [hook]: () => controller.abort() });
      const aborted = model.fit(x, y, { ...options, callbacks: [aborting], signal: controller.signal });
      // Nothing is left to abort after the last epoch.
      if (hook === 'onTrainEnd') await aborted;
      else await rejectionOf(aborted);
      expect(liveObjects()).toEqual(settled);
    }
    model.dispose();
    expect(liveObjects()).toEqual(empty);
  });

  it('stay as many over trainOnBatch, gradients, evaluate and predict', async () => {
    const model = compiled();
    const all = async (): Promise<void> => {
      await model.trainOnBatch(x, y);
      for (const gradient of Object.values(await model.gradients(x, y))) gradient?.dispose();
      await model.evaluate(x, y);
      (await model.predict(x, { batchSize: 5 })).dispose();
      for (const weight of model.getWeights()) weight.dispose();
    };
    await all();
    const settled = liveObjects();
    for (let i = 0; i < 5; i++) await all();
    expect(liveObjects()).toEqual(settled);
    model.dispose();
  });

  it('are gone where a step throws in its middle', async () => {
    const model = compiled();
    await model.fit(x, y, { verbose: 0 });
    const settled = liveObjects();
    const error = await rejectionOf(
      model.fit(
        x.map((row) => row.slice(0, 2)),
        y,
        { verbose: 0 },
      ),
    );
    expect(error.message).toMatch(/input-channels/);
    expect(liveObjects()).toEqual(settled);
    model.dispose();
  });
});
