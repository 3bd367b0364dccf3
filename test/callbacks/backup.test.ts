import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Backup } from '../../src/callbacks/backup.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { ModelCheckpoint } from '../../src/callbacks/model-checkpoint.js';
import { CheckpointStore } from '../../src/storage/checkpoint-store.js';
import type { CallbackContract } from '../../src/training/callback-contract.js';
import { temporaryFolders } from '../helpers/checkpoint-folder.js';
import { useTestEngine } from '../helpers/engine.js';
import { FakeRun } from '../helpers/fake-run.js';
import { linearData, rejectionOf, smallModel } from '../helpers/models.js';

useTestEngine();
const folder = temporaryFolders();
const { x, y } = linearData(40);
const quiet = { batchSize: 8, verbose: 0 } as const;

function compiled() {
  const model = smallModel();
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError', seed: 1 });
  return model;
}

async function stepsIn(directory: string): Promise<number[]> {
  return (await new CheckpointStore(directory).list({ hash: true }))
    .filter((one) => one.complete)
    .map(({ step }) => step);
}

describe('Backup', () => {
  it('keeps the last two of what it saves after every epoch', async () => {
    const [model, directory] = [compiled(), folder()];
    await model.fit(x, y, { ...quiet, epochs: 4, callbacks: [new Backup({ directory })] });
    expect(await stepsIn(directory)).toEqual([20, 15]);
    expect(readdirSync(directory)).toHaveLength(2);
    model.dispose();
  });

  it('saves after every so many epochs, and after the last', async () => {
    const [model, directory] = [compiled(), folder()];
    await model.fit(x, y, { ...quiet, epochs: 5, callbacks: [new Backup({ directory, everyEpochs: 3 })] });
    expect(await stepsIn(directory)).toEqual([25, 15]);
    model.dispose();
  });

  it('saves after steps, counted since compile', async () => {
    const [model, directory] = [compiled(), folder()];
    const callbacks = [new Backup({ directory, everySteps: 3, everyEpochs: 10 })];
    await model.fit(x, y, { ...quiet, epochs: 3, callbacks });
    expect(await stepsIn(directory)).toEqual([15, 12]);
    model.dispose();
  });

  it('saves what stopped the run, and the end of a stopped run', async () => {
    const [model, directory] = [compiled(), folder()];
    const stopping = new LambdaCallback({ onEpochEnd: (epoch, _, run) => void (epoch === 1 && run.stop('enough')) });
    await model.fit(x, y, { ...quiet, epochs: 9, callbacks: [stopping, new Backup({ directory, everyEpochs: 5 })] });
    expect(await stepsIn(directory)).toEqual([10]);
    const again = compiled();
    const history = await again.fit(x, y, {
      ...quiet,
      epochs: 9,
      resume: directory,
      callbacks: [new Backup({ directory })],
    });
    expect([history.epoch, history.stopReason]).toEqual([[0, 1], 'enough']);
    model.dispose();
    again.dispose();
  });

  it('refuses the folder of another run, before anything is trained', async () => {
    const [model, directory] = [compiled(), folder()];
    await model.fit(x, y, { ...quiet, callbacks: [new Backup({ directory })] });
    const other = compiled();
    const error = await rejectionOf(other.fit(x, y, { ...quiet, callbacks: [new Backup({ directory })] }));
    expect(error.message).toMatch(/CallbackError \[folder-in-use\][^]*step-000000005[^]*pass resume/);
    const checkpoint = new ModelCheckpoint({ directory });
    expect((await rejectionOf(other.fit(x, y, { ...quiet, callbacks: [checkpoint] }))).message).toMatch(
      'folder-in-use',
    );
    expect(await stepsIn(directory)).toEqual([5]);
    model.dispose();
    other.dispose();
  });

  it('takes the folder of an earlier attempt, where fit is told to resume and finds nothing', async () => {
    const [model, attempted, directory] = [compiled(), folder(), folder()];
    await model.fit(x, y, { ...quiet, callbacks: [new ModelCheckpoint({ directory: attempted })] });
    const again = compiled();
    const callbacks = [new ModelCheckpoint({ directory: attempted, keep: 1 }), new Backup({ directory })];
    await again.fit(x, y, { ...quiet, epochs: 2, resume: directory, callbacks });
    expect([await stepsIn(attempted), await stepsIn(directory)]).toEqual([[10], [10, 5]]);
    model.dispose();
    again.dispose();
  });

  it('knows the best value of the same moment, in whatever order callbacks are listed', async () => {
    const [directory, best] = [folder(), folder()];
    const options = { directory: best, monitor: 'loss', saveBestOnly: true } as const;
    const [model, again] = [compiled(), compiled()];
    const first = new ModelCheckpoint(options);
    await model.fit(x, y, { ...quiet, epochs: 3, callbacks: [new Backup({ directory }), first] });
    const second = new ModelCheckpoint(options);
    await again.fit(x, y, { ...quiet, epochs: 3, resume: directory, callbacks: [new Backup({ directory }), second] });
    expect(first.bestEpoch).toBe(2);
    expect([second.bestEpoch, second.bestValue]).toEqual([2, first.bestValue]);
    model.dispose();
    again.dispose();
  });

  it('shares its folder with nobody, by whatever name', async () => {
    const [model, directory] = [compiled(), folder()];
    const fit = (...callbacks: CallbackContract[]) => model.fit(x, y, { ...quiet, callbacks });
    const shared = fit(
      new Backup({ directory }),
      new ModelCheckpoint({ directory: `${directory}/../${basename(directory)}` }),
    );
    expect((await rejectionOf(shared)).message).toMatch(/folder-in-use[^]*"ModelCheckpoint"[^]*running "Backup"/);
    expect(await stepsIn(directory)).toEqual([]);
    // Free again after the run that was refused.
    await fit(new Backup({ directory }), new ModelCheckpoint({ directory: join(directory, 'best') }));
    expect([await stepsIn(directory), await stepsIn(join(directory, 'best'))]).toEqual([[5], [5]]);
    const other = compiled();
    const begin = (one: typeof model, to: string) =>
      one.fit(x, y, { ...quiet, callbacks: [new Backup({ directory: to })] });
    const both = folder();
    const outcomes = await Promise.allSettled([begin(model, both), begin(other, both)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    model.dispose();
    other.dispose();
  });

  it('is told before anything is trained that its folder cannot be written', async () => {
    const [model, above] = [compiled(), folder()];
    mkdirSync(above);
    writeFileSync(join(above, 'file'), 'mine');
    const paths = ['file', 'file/run', 'x'.repeat(300), 'a\0b'].map((name) => join(above, name));
    for (const directory of [...paths, '/proc/none/run']) {
      let steps = 0;
      const counting = new LambdaCallback({ onBatchEnd: () => void steps++ });
      const fit = model.fit(x, y, { ...quiet, callbacks: [new Backup({ directory }), counting] });
      expect((await rejectionOf(fit)).message).toMatch(/CallbackError \[checkpoint-failed\] option "directory"/);
      expect(steps).toBe(0);
    }
    expect(readdirSync(above)).toEqual(['file']);
    model.dispose();
  });

  it('needs a folder', async () => {
    expect(() => new Backup()).toThrow(/"directory"[^]*a string that is not empty/);
    expect(() => new Backup({ directory: '' })).toThrow(/"directory"/);
    expect(() => new Backup({ directory: 'a', everySteps: 0 })).toThrow(/"everySteps"/);
    await new FakeRun().train(new Backup({ directory: folder() }));
  });
});
