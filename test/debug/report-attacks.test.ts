import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { CallbackError } from '../../src/core/errors.js';
import { DebugReport } from '../../src/debug/report/debug-report.js';
import { cutOff, shorten, visible } from '../../src/debug/report/format.js';
import { ReportFiles } from '../../src/debug/report/report-files.js';
import { reportPage } from '../../src/debug/report/report-page.js';
import { RunRecord } from '../../src/debug/report/run-record.js';
import { findingsSection } from '../../src/debug/report/sections.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { ProbeReading } from '../../src/training/probe-contract.js';
import type { StepContext } from '../../src/training/step-context.js';
import { useTestEngine } from '../helpers/engine.js';
import { heard } from '../helpers/heard.js';
import { linearData, liveObjects, MODES, rejectionOf, smallModel } from '../helpers/models.js';
import { pageData, readLines, readPage } from '../helpers/report-page.js';
import { useTemporaryFolder } from '../helpers/temporary-folder.js';

const MOST_BYTES = 3_000_000;
const BIDI = '\u202Egnp.exe\u0000\u001B[2J\uD800';
const { x, y } = linearData(32);
const options = { epochs: 3, batchSize: 8, verbose: 0 } as const;

@Model('test/attacked-own-step')
class OwnStep extends BaseModel {
  @Child() dense = layers.dense({ units: 1 });
  call(input: Tensor): Tensor {
    return this.dense.call(input);
  }
  override trainStep({ x: input, y: labels }: DeviceBatch, step: StepContext) {
    return { distance: step.minimize(() => tf.mean(tf.squaredDifference(labels!, this.dense.call(input, step.call)))) };
  }
}

function absolute(name: string): (labels: Tensor, predictions: Tensor) => Tensor {
  const metric = (labels: Tensor, predictions: Tensor): Tensor => tf.mean(tf.abs(tf.sub(labels, predictions)), -1);
  return Object.defineProperty(metric, 'name', { value: name });
}

describe('names in a report', () => {
  it('are cut between characters, and show what would hide itself', () => {
    expect(shorten('😀'.repeat(10), 4)).toBe('…😀😀😀');
    expect(shorten('abc', 3)).toBe('abc');
    expect(cutOff('abcdef', 4)).toBe('abc…');
    expect(visible(`a\n\t${BIDI}`)).toBe('a\n\t\\u202egnp.exe\\u0000\\u001b[2J\\ud800');
    expect(visible('שלום 😀 ünïcode')).toBe('שלום 😀 ünïcode');
  });

  it('may be long and many: the page stays small', () => {
    const record = new RunRecord();
    const path = (i: number): string => `${'a-long-name/'.repeat(200)}${i}`;
    const histogram = { min: -1.2345678, max: 1.2345678, counts: Array.from({ length: 30 }, (_, i) => 1000 * i) };
    const readingAt = (totalSteps: number): ProbeReading => ({
      epoch: 0,
      step: totalSteps,
      totalSteps,
      loss: 1,
      weights: Object.fromEntries(
        Array.from({ length: 1000 }, (_, i) => [
          `${path(i)}/kernel`,
          {
            gradientNorm: 1,
            weightNorm: 1,
            updateRatio: 1 / 7,
            weightHistogram: histogram,
            gradientHistogram: histogram,
          },
        ]),
      ),
      layers: Object.fromEntries(
        Array.from({ length: 1000 }, (_, i) => [
          path(i),
          { mean: 1 / 3, unitActivity: [0], outputHistogram: histogram },
        ]),
      ),
      withoutGradient: [],
    });
    for (let step = 0; step < 40; step++) record.addProbe(readingAt(step), 1 / (step + 1));
    const names = Array.from({ length: 200 }, (_, i) => `metric-${i}`);
    for (let epoch = 0; epoch < 3000; epoch++) {
      const logs = Object.fromEntries(
        names.flatMap((name) => [
          [name, 1 / 3],
          [`val_${name}`, epoch / 7],
        ]),
      );
      record.epochs.push({
        epoch,
        totalSteps: 40 + epoch,
        millisecondsPerStep: 1,
        mode: 'recorded',
        learningRate: 1 / (epoch + 3),
        logs,
      });
    }
    const found = names.map((title) => ({ from: 'Test', title, words: { message: 'long '.repeat(10_000) } }));
    const page = reportPage({
      title: 'large',
      modelName: 'large',
      state: 'running',
      mode: 'recorded',
      epochs: 1,
      totalSteps: 3040,
      millisecondsPerStep: 1,
      record,
      found,
      anatomy: undefined,
    });
    expect(Buffer.byteLength(page)).toBeLessThan(MOST_BYTES);
  });
});

describe('findings in a report', () => {
  it('do not hide others where there are many of a kind', () => {
    const many = Array.from({ length: 900 }, (_, i) => ({ from: 'A', title: 'zero', words: { where: `layer-${i}` } }));
    const { text } = findingsSection([...many, { from: 'B', title: 'too high', words: { fix: 'less of it' } }]);
    expect(text.match(/<article/g)).toHaveLength(6);
    expect(text).toContain('and 895 more like it');
    expect(text).toContain('less of it');
    expect(findingsSection(many.slice(0, 5)).text).not.toContain('more like it');
  });
});

describe.each(MODES)('a report under attack, %s', (execution) => {
  useTestEngine();
  const folder = useTemporaryFolder();

  const compiled = (model: BaseModel = smallModel(), more: object = {}): BaseModel => {
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', execution, seed: 3, ...more });
    return model;
  };

  it('takes names that every object has, and ones that turn text round', async () => {
    const metrics = ['constructor', 'toString', BIDI].map(absolute);
    const named = sequential([
      layers.dense({ units: 2, name: 'constructor', kernelInitializer: 'zeros' }),
      layers.dense({ units: 2, name: '__proto__' }),
      layers.dense({ units: 1, name: BIDI }),
    ]);
    const model = compiled(named, { metrics });
    const debug = { report: folder.path, every: 1 };
    const { history } = await model.fit(x, y, { ...options, debug });
    model.dispose();
    expect(Object.keys(history)).toEqual(['loss', 'constructor', 'toString', BIDI]);
    expect(history['constructor']).toHaveLength(3);
    const page = readPage(folder.path);
    expect(Object.values(pageData(page).charts).map(({ title }) => title)).toEqual(
      expect.arrayContaining(['constructor', 'toString', visible(BIDI)]),
    );
    expect(page.replace(/<script>[\s\S]*?<\/script>/, '').includes('\u202E')).toBe(false);
    const probes = readLines(folder.path).filter(({ kind }) => kind === 'probe');
    expect(Object.keys(probes.at(-1)!['layers'] as object)).toEqual(['constructor', '__proto__', BIDI]);
  });

  it('goes to the later of two runs at the same time; the other is told and trains on', async () => {
    const [first, second] = [heard(smallModel), heard(smallModel)];
    const fits = [first, second].map(({ made }, i) =>
      compiled(made).fit(x, y, {
        ...options,
        callbacks: [new DebugReport({ directory: folder.path, every: 1, title: `run ${i}` })],
      }),
    );
    const histories = await Promise.all(fits);
    for (const { epoch } of histories) expect(epoch).toEqual([0, 1, 2]);
    expect(first.warnings.filter((text) => text.includes('begun anew, as by another run'))).toHaveLength(1);
    expect(second.warnings).toEqual([]);
    const kinds = readLines(folder.path).map(({ kind }) => kind);
    expect([kinds[0], kinds.at(-1)]).toEqual(['run', 'end']);
    expect(kinds.filter((kind) => kind === 'run' || kind === 'end')).toHaveLength(2);
    expect(kinds.filter((kind) => kind === 'epoch')).toHaveLength(3);
    expect(pageData(readPage(folder.path))).toMatchObject({ title: 'run 1', state: 'finished' });
    for (const { made } of [first, second]) made.dispose();
  });

  it('is not begun again in the middle where its data file is removed', async () => {
    const { made, warnings } = heard(smallModel);
    const model = compiled(made);
    const removing = new LambdaCallback({
      onEpochBegin: (epoch) => {
        if (epoch === 1) rmSync(folder.at('report.jsonl'));
      },
    });
    const callbacks = [removing, new DebugReport({ directory: folder.path, every: 1 })];
    const { epoch } = await model.fit(x, y, { ...options, callbacks });
    expect(epoch).toHaveLength(3);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/report is not written any more: .*report\.jsonl was removed/);
    expect(() => readFileSync(folder.at('report.jsonl'))).toThrow();
    model.dispose();
  });

  it.each(['report.html', 'report.jsonl', 'tensorboard'])(
    'refuses a folder in which %s is in the way',
    async (name) => {
      const model = compiled();
      await model.fit(x, y, options);
      const settled = liveObjects();
      if (name === 'tensorboard') appendFileSync(folder.at(name), '');
      else mkdirSync(folder.at(name));
      let steps = 0;
      const counting = new LambdaCallback({ onBatchBegin: () => void steps++ });
      const debug = { report: folder.path };
      const refusal = await rejectionOf(model.fit(x, y, { ...options, debug, callbacks: [counting] }));
      expect(refusal).toBeInstanceOf(CallbackError);
      expect(refusal).toMatchObject({ kind: 'report-directory' });
      expect(steps).toBe(0);
      expect(liveObjects()).toEqual(settled);
      model.dispose();
    },
  );

  it('replaces the page of an earlier run at once', async () => {
    const model = compiled();
    const report = new DebugReport({ directory: folder.path, every: 1000 });
    await model.fit(x, y, { ...options, callbacks: [report] });
    expect(pageData(readPage(folder.path)).state).toBe('finished');
    const states: string[] = [];
    const looking = new LambdaCallback({ onBatchBegin: () => void states.push(pageData(readPage(folder.path)).state) });
    await model.fit(x, y, { ...options, epochs: 1, callbacks: [report, looking] });
    expect(new Set(states)).toEqual(new Set(['running']));
    model.dispose();
  });

  it('has no curve of a loss that a training step of the model`s own does not have', async () => {
    const model = new OwnStep();
    model.compile({ optimizer: 'sgd', execution, seed: 1 });
    const debug = { report: folder.path, every: 1 };
    await model.fit(x, y, { ...options, debug });
    model.dispose();
    const titles = Object.values(pageData(readPage(folder.path)).charts).map(({ title }) => title);
    expect(titles).toContain('distance');
    expect(titles).not.toContain('Loss');
  });
});

describe('a report of code that fails when it is looked into', () => {
  useTestEngine();
  const folder = useTemporaryFolder();

  it('says so, and training goes on', async () => {
    let isLooking = false;
    const moody = (input: Tensor): Tensor => {
      if (isLooking) throw new TypeError('not now');
      return tf.relu(input);
    };
    const model = sequential([
      layers.dense({ units: 4 }),
      layers.activation({ activation: moody }),
      layers.dense({ units: 1 }),
    ]);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'eager' });
    class Moody extends DebugReport {
      override async onProbe(reading: ProbeReading): Promise<void> {
        isLooking = true;
        await super.onProbe(reading);
        isLooking = false;
      }
    }
    const callbacks = [new Moody({ directory: folder.path, every: 2 })];
    const { epoch } = await model.fit(x, y, { ...options, callbacks });
    model.dispose();
    expect(epoch).toHaveLength(3);
    expect(readLines(folder.path).find(({ kind }) => kind === 'step')).toEqual({ kind: 'step', problem: 'not now' });
    expect(readPage(folder.path).includes('It could not be traced')).toBe(true);
  });
});

describe('the files of a report', () => {
  const folder = useTemporaryFolder();

  it.each([
    ['', ''],
    ['{"a":1}\n{"b":', '{"a":1}\n'],
    ['{"a":1}\n', '{"a":1}\n'],
    ['{"a"', ''],
    [`{"a":1}\n${'x'.repeat(200_000)}`, '{"a":1}\n'],
    ['y'.repeat(200_000), ''],
    [`${'z'.repeat(65_535)}\nrest`, `${'z'.repeat(65_535)}\n`],
  ])('go on behind the last whole line that a killed run has left (%#)', (left, kept) => {
    appendFileSync(folder.at('report.jsonl'), left);
    const files = new ReportFiles(folder.path, true);
    files.addLine('{"c":1}');
    files.close();
    expect(readFileSync(folder.at('report.jsonl'), 'utf8')).toBe(`${kept}{"c":1}\n`);
  });
});
