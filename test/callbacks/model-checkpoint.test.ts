import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { ModelCheckpoint } from '../../src/callbacks/model-checkpoint.js';
import { createAdjoint } from '../../src/container.js';
import { CheckpointStore } from '../../src/storage/checkpoint-store.js';
import { readSafetensorsFile } from '../../src/storage/safetensors-file.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { temporaryFolders } from '../helpers/checkpoint-folder.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, rejectionOf, smallModel, weightsOf } from '../helpers/models.js';

const folder = temporaryFolders();
const { x, y } = linearData(40);
const quiet = { batchSize: 8, verbose: 0 } as const;

callbackContract(ModelCheckpoint, {
  options: {
    directory: folder(),
    monitor: 'loss',
    mode: 'min' as const,
    saveBestOnly: true,
    saveWeightsOnly: true,
    everySteps: 7,
    everyEpochs: 2,
    keep: 1,
    verbose: 1 as const,
  },
  required: true,
  results: ({ bestEpoch, bestValue }) => [bestEpoch, bestValue],
  refused: [
    [{ directory: '' }, /"directory"[^]*a string that is not empty/],
    [{ directory: 'a', keep: 0 }, /"keep"/],
    [{ directory: 'a', everyEpochs: 0 }, /"everyEpochs"/],
    [{ directory: 'a', everySteps: 1.5 }, /"everySteps"/],
    [{ directory: 'a', mode: 'best' }, /"mode"[^]*one of "auto"/],
    [{ directory: 'a', monitor: 'mystery', saveBestOnly: true }, /monitor-direction/],
    [{ directory: 'a', saveBest: true }, /did you mean "saveBestOnly"/],
  ],
});

function compiled(name = 'small') {
  const model = smallModel();
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError', seed: 1 });
  expect(model.name).toBe(name);
  return model;
}

const stepsIn = async (directory: string): Promise<number[]> =>
  (await new CheckpointStore(directory).list()).filter((one) => one.complete).map(({ step }) => step);

describe('ModelCheckpoint', () => {
  useTestEngine();

  it('keeps the newest', async () => {
    const [model, directory] = [compiled(), folder()];
    await model.fit(x, y, { ...quiet, epochs: 5, callbacks: [new ModelCheckpoint({ directory, keep: 2 })] });
    expect(await stepsIn(directory)).toEqual([25, 20]);
    model.dispose();
  });

  it('keeps the best by a monitored value', async () => {
    const [model, directory] = [compiled(), folder()];
    // Weights of chance make the validation loss rise and fall.
    const shaking = new LambdaCallback({
      onEpochBegin: (epoch, run) => {
        const scale = [3, 0.1, 5, 0.01, 7][epoch]!;
        run.writeWeights(
          new Map(
            [...run.readWeights()].map(([path, { shape, values }]) => [
              path,
              { shape, values: values.map(() => scale) },
            ]),
          ),
        );
      },
    });
    const best = new ModelCheckpoint({ directory, saveBestOnly: true, keep: 3 });
    const history = await model.fit(x, y, {
      ...quiet,
      epochs: 5,
      validationData: [x, y],
      callbacks: [shaking, best],
    });
    const losses = history.history['val_loss']!;
    const improving = losses.flatMap((loss, i) =>
      losses.slice(0, i).every((before) => loss < before) ? [5 * (i + 1)] : [],
    );
    expect(await stepsIn(directory)).toEqual([...improving].reverse());
    expect(improving.length).toBeGreaterThan(1);
    expect(best.bestValue).toBe(Math.min(...losses));
    expect(best.bestEpoch).toBe(losses.indexOf(Math.min(...losses)));
    model.dispose();
  });

  it('saves weights alone, by path, which cannot be resumed', async () => {
    const [model, directory] = [compiled(), folder()];
    const callbacks = [new ModelCheckpoint({ directory, saveWeightsOnly: true })];
    await model.fit(x, y, { ...quiet, callbacks });
    const [name] = readdirSync(directory);
    expect(readdirSync(join(directory, name!)).sort()).toEqual(['manifest.json', 'weights.safetensors']);
    const { tensors } = await readSafetensorsFile(join(directory, name!, 'weights.safetensors'));
    const weights = Object.entries(weightsOf(model));
    expect([...tensors.keys()].sort()).toEqual(weights.map(([path]) => path).sort());
    for (const [path, values] of weights) {
      const { data } = tensors.get(path)!;
      expect(Array.from(new Float32Array(data.slice().buffer))).toEqual(values);
    }
    const error = await rejectionOf(model.fit(x, y, { ...quiet, resume: directory }));
    expect(error.message).toMatch(/StateError \[weights-only\][^]*saveWeightsOnly/);
    model.dispose();
  });

  it('watches the running mean between steps, and no validation there', async () => {
    const [model, directory] = [compiled(), folder()];
    const options = { directory, saveBestOnly: true, everySteps: 2 };
    const error = await rejectionOf(
      model.fit(x, y, { ...quiet, validationData: [x, y], callbacks: [new ModelCheckpoint(options)] }),
    );
    expect(error.message).toMatch(/unknown-monitor[^]*leave everySteps out, or monitor "loss"/);
    const best = new ModelCheckpoint({ ...options, monitor: 'loss' });
    await model.fit(x, y, { ...quiet, epochs: 2, callbacks: [best] });
    expect((await stepsIn(directory)).length).toBeGreaterThan(0);
    expect(best.bestValue).not.toBeNull();
    model.dispose();
  });

  it('says what it saves, where it is asked to', async () => {
    const messages: string[] = [];
    const logger = {
      info: (message: string) => void messages.push(message),
      warn: (message: string) => void messages.push(message),
    };
    const model = createAdjoint({ logger }).create(() => compiled());
    const directory = folder();
    const saying = new ModelCheckpoint({ directory, monitor: 'loss', saveBestOnly: true, verbose: 1 });
    await model.fit(x, y, { ...quiet, callbacks: [saying] });
    expect(messages).toEqual([expect.stringMatching(/^ModelCheckpoint: loss [\d.]+ after step 5 goes to /)]);
    model.dispose();
  });
});
