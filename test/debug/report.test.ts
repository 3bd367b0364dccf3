import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { createAdjoint } from '../../src/container.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { CallbackError, OptionsError } from '../../src/core/errors.js';
import { GradientDoctor } from '../../src/debug/gradient-doctor.js';
import { GradientMonitor } from '../../src/debug/gradient-monitor.js';
import { DebugReport } from '../../src/debug/report/debug-report.js';
import { RunRecord } from '../../src/debug/report/run-record.js';
import { reportPage } from '../../src/debug/report/report-page.js';
import { tf } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { Child } from '../../src/layers/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { ProbeReading } from '../../src/training/probe-contract.js';
import type { StepContext } from '../../src/training/step-context.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, liveObjects, MODES, rejectionOf, smallModel } from '../helpers/models.js';
import { curve, pageData, readLines, readPage } from '../helpers/report-page.js';

const MOST_BYTES = 3_000_000;
const HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(2)>&"\'\u2028';

const root = mkdtempSync(join(tmpdir(), 'adjoint-report-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newDirectory = (): string => join(root, `run-${count++}`);
const { x, y } = linearData(32);

callbackContract(DebugReport, {
  options: { directory: join(root, 'contract'), every: 3, title: 'A run' },
  required: true,
  refused: [
    [{ directory: '' }, /directory/],
    [{ directory: 'a', every: 0 }, /every/],
    [{ directory: 'a', title: '' }, /title/],
  ],
});

/** Tags of elements in the page's markup, its script and style apart. */
function tagsOf(page: string): string[] {
  const markup = page.replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, '<$1>');
  return [...markup.matchAll(/<([a-z]\w*)/gi)].map(([, tag]) => tag!.toLowerCase());
}

describe.each(MODES)('a report, %s', (execution) => {
  useTestEngine();

  const compiled = (model: BaseModel = smallModel()): BaseModel => {
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['mean'], execution, seed: 3 });
    return model;
  };
  const options = { epochs: 3, batchSize: 8, verbose: 0 } as const;

  it('has the numbers of the history, and is one file that asks nobody for anything', async () => {
    const directory = newDirectory();
    const model = compiled();
    const { history, probes } = await model.fit(x, y, {
      ...options,
      validationSplit: 0.25,
      debug: { report: directory, every: 2, title: 'Straight lines' },
    });
    model.dispose();
    const page = readPage(directory);
    expect(page.length).toBeLessThan(MOST_BYTES);
    expect(curve(page, 'Loss', 'training')).toEqual(history['loss']);
    expect(curve(page, 'Loss', 'validation')).toEqual(history['val_loss']);
    expect(curve(page, 'mean', 'training')).toEqual(history['mean']);
    expect(curve(page, 'Loss', 'single batches')).toEqual(probes.map(({ loss }) => loss));
    expect(pageData(page)).toMatchObject({ title: 'Straight lines', state: 'finished', running: false });

    const [script] = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, text]) => text!);
    const hash = createHash('sha256').update(script!).digest('base64');
    expect(page.includes(`content="default-src 'none'; script-src 'sha256-${hash}';`)).toBe(true);
    expect(tagsOf(page).filter((tag) => /^(link|img|iframe|object|embed|base|form|a)$/.test(tag))).toEqual([]);
    expect(/\b(src|href)\s*=\s*["']?(https?:)?\/\//.test(page)).toBe(false);
    expect(/@import/.test(page)).toBe(false);
    expect(readdirSync(directory).toSorted()).toEqual(['report.html', 'report.jsonl', 'tensorboard']);
  });

  it('has layers, shapes, times and memory of the step', async () => {
    const directory = newDirectory();
    const model = compiled();
    await model.fit(x, y, { ...options, debug: { report: directory, every: 4 } });
    model.dispose();
    const page = readPage(directory);
    for (const words of [
      'Computation graph',
      '[8, 4]',
      'Memory',
      'Slowest ops',
      'Dead units',
      'gradients of dense/kernel',
    ]) {
      expect([words, page.includes(words)]).toEqual([words, true]);
    }
    const step = readLines(directory).find(({ kind }) => kind === 'step')!;
    const graph = step['graph'] as {
      boxes: { label: string }[];
      edges: { from: number; to: number; shape: number[] }[];
    };
    const edges = graph.edges.map(({ from, to, shape }) => [graph.boxes[from]!.label, graph.boxes[to]!.label, shape]);
    expect(edges).toEqual([
      ['x', 'dense', [8, 3]],
      ['dense', 'dense_1', [8, 4]],
      ['y', '', [8, 1]],
      ['dense_1', '', [8, 1]],
    ]);
    expect(step['bytes']).toMatchObject({ parameters: 4 * 21, gradients: 4 * 21, batch: 4 * 8 * 4 });
  });

  it('writes a line for the run, each probe, each epoch and the end', async () => {
    const directory = newDirectory();
    const model = compiled();
    const { history, probes } = await model.fit(x, y, {
      ...options,
      callbacks: [new DebugReport({ directory, every: 2 })],
    });
    model.dispose();
    const lines = readLines(directory);
    const kinds = lines.map(({ kind }) => kind);
    expect([kinds[0], kinds.at(-1)]).toEqual(['run', 'end']);
    const written = lines.filter(({ kind }) => kind === 'probe');
    expect(written.map(({ totalSteps }) => totalSteps)).toEqual(probes.map(({ totalSteps }) => totalSteps));
    expect(
      (written[0]!['weights'] as ProbeReading['weights'])['dense/kernel']!.gradientHistogram!.counts.length,
    ).toBeGreaterThan(0);
    expect((written[1]!['weights'] as ProbeReading['weights'])['dense/kernel']).toEqual({
      ...probes[1]!.weights['dense/kernel'],
    });
    const epochs = lines.filter(({ kind }) => kind === 'epoch');
    expect(epochs.map(({ logs }) => (logs as Record<string, number>)['loss'])).toEqual(history['loss']);
  });

  it('is whole while training goes on, and says so', async () => {
    const directory = newDirectory();
    const model = compiled();
    const states: unknown[] = [];
    const looking = new LambdaCallback({
      onEpochEnd: () => {
        const page = readPage(directory);
        expect(page.trimEnd().endsWith('</html>')).toBe(true);
        states.push(pageData(page).state);
        expect(page.includes('id="follow"')).toBe(true);
      },
    });
    await model.fit(x, y, { ...options, debug: { report: directory, every: 1 }, callbacks: [looking] });
    model.dispose();
    expect(states).toEqual(['running', 'running', 'running']);
    expect(readPage(directory).includes('id="follow"')).toBe(false);
  });

  it('is finished after an abort and after a callback that throws', async () => {
    const directory = newDirectory();
    const model = compiled();
    const controller = new AbortController();
    const aborting = new LambdaCallback({ onEpochEnd: () => controller.abort(new Error('enough of this')) });
    const debug = { report: directory, every: 1 };
    await rejectionOf(model.fit(x, y, { ...options, debug, signal: controller.signal, callbacks: [aborting] }));
    expect(pageData(readPage(directory)).state).toMatch(/enough of this/);
    expect(readLines(directory).at(-1)!.kind).toBe('end');
    const stopping: LambdaCallback = new LambdaCallback({
      onEpochEnd: (_epoch, _logs, run) => run.stop('that will do'),
    });
    await model.fit(x, y, { ...options, debug, callbacks: [stopping] });
    expect(pageData(readPage(directory)).state).toBe('stopped: that will do');
    expect(readdirSync(join(directory, 'tensorboard'))).toHaveLength(1);
    model.dispose();
  });

  it('escapes whatever names and titles say', async () => {
    const directory = newDirectory();
    const model = compiled(
      sequential([layers.dense({ units: 2, name: '"><b>&' }), layers.dense({ units: 1 })], { name: `<i>'"` }),
    );
    await model.fit(x, y, { ...options, debug: { report: directory, every: 1, title: HOSTILE } });
    model.dispose();
    const page = readPage(directory);
    expect(pageData(page).title).toBe(HOSTILE);
    expect(tagsOf(page).filter((tag) => tag === 'script')).toHaveLength(2);
    expect(tagsOf(page).filter((tag) => ['img', 'i'].includes(tag))).toEqual([]);
    for (const text of [HOSTILE, '"><b>&', `<i>'"`]) expect(page.includes(text)).toBe(false);
    const [block] = /<script type="application\/json"[\s\S]*?<\/script>/.exec(page)!;
    expect(/[\u2028&]|<(?!\/?script)/.test(block)).toBe(false);
  });

  it('leaves nothing alive', async () => {
    const model = compiled();
    await model.fit(x, y, options);
    const settled = liveObjects();
    await model.fit(x, y, { ...options, callbacks: [new DebugReport({ directory: newDirectory(), every: 2 })] });
    expect(liveObjects()).toEqual(settled);
    const throwing = new LambdaCallback({
      onEpochEnd: () => {
        throw new Error('here');
      },
    });
    const report = new DebugReport({ directory: newDirectory(), every: 2 });
    await rejectionOf(model.fit(x, y, { ...options, callbacks: [report, throwing] }));
    expect(liveObjects()).toEqual(settled);
    model.dispose();
  });

  it('shows what the monitors of the run have found', async () => {
    const directory = newDirectory();
    const model = compiled(
      sequential([
        layers.dense({ units: 4, activation: 'relu', biasInitializer: { name: 'constant', value: -50 } }),
        layers.dense({ units: 1 }),
      ]),
    );
    const monitor = new GradientMonitor({ every: 1, confirmations: 1, print: 'never' });
    await model.fit(x, y, { ...options, callbacks: [monitor, new DebugReport({ directory, every: 1 })] });
    model.dispose();
    expect(monitor.findings.length).toBeGreaterThan(0);
    expect(pageData(readPage(directory)).found.map(({ from }) => from)).toContain('GradientMonitor');
    expect(readLines(directory).filter(({ kind }) => kind === 'finding').length).toBe(monitor.findings.length);
    // All four units are dead.
    expect(readPage(directory).includes('0, 1, 2, 3')).toBe(true);
  });

  it('comes with a doctor whose findings it shows, or takes the one that is there', async () => {
    const directory = newDirectory();
    const build = (): BaseModel => {
      const model = smallModel();
      model.compile({ optimizer: new SGD({ learningRate: 50 }), loss: 'meanSquaredError', execution, seed: 3 });
      return model;
    };
    const model = build();
    const debug = { report: directory, every: 1 };
    await model.fit(x, y, { ...options, epochs: 6, debug });
    model.dispose();
    expect(pageData(readPage(directory)).found.map(({ from }) => from)).toContain('GradientDoctor');
    const other = build();
    const doctor = new GradientDoctor({ print: false });
    await other.fit(x, y, { ...options, epochs: 6, debug, callbacks: [doctor] });
    other.dispose();
    const { found } = pageData(readPage(directory));
    expect(found.map(({ title }) => title)).toEqual(doctor.findings.map(({ cause }) => cause.replaceAll('-', ' ')));
  });

  it('serves a model with a training step of its own', async () => {
    @Model('test/own-step')
    class OwnStep extends BaseModel {
      @Child() dense = layers.dense({ units: 1 });
      call(input: tf.Tensor): tf.Tensor {
        return this.dense.call(input);
      }
      override trainStep({ x: input, y: labels }: DeviceBatch, step: StepContext) {
        const loss = step.minimize(() => tf.mean(tf.squaredDifference(labels!, this.dense.call(input, step.call))));
        return { distance: loss };
      }
    }
    const directory = newDirectory();
    const model = new OwnStep();
    model.compile({ optimizer: 'sgd', execution, seed: 1 });
    const { history } = await model.fit(x, y, { ...options, callbacks: [new DebugReport({ directory, every: 2 })] });
    model.dispose();
    expect(curve(readPage(directory), 'distance', 'training')).toEqual(history['distance']);
  });
});

describe('a report', () => {
  useTestEngine();

  it('says why a step could not be traced', async () => {
    const directory = newDirectory();
    const model = sequential([
      layers.dense({ units: 4 }),
      layers.activation({ activation: (input) => tf.mul(input, Math.sign(input.dataSync()[0]!) || 1) }),
      layers.dense({ units: 1 }),
    ]);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'eager' });
    await model.fit(x, y, { verbose: 0, callbacks: [new DebugReport({ directory })] });
    model.dispose();
    const page = readPage(directory);
    expect(page.includes('It could not be traced')).toBe(true);
    expect(page.includes('Gradient norms by layer')).toBe(true);
  });

  it('refuses a folder that cannot be written before a step is trained, and bad options before that', async () => {
    const file = join(root, 'a-file');
    writeFileSync(file, '');
    const model = smallModel();
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    let steps = 0;
    const counting = new LambdaCallback({ onBatchBegin: () => void steps++ });
    const refusal = await rejectionOf(model.fit(x, y, { verbose: 0, debug: { report: file }, callbacks: [counting] }));
    expect(refusal).toBeInstanceOf(CallbackError);
    expect(refusal).toMatchObject({ kind: 'report-directory' });
    for (const debug of [{}, { report: '' }, { report: 'a', every: 0 }, { repport: 'a' }, 'a']) {
      expect(await rejectionOf(model.fit(x, y, { verbose: 0, debug: debug as never }))).toBeInstanceOf(OptionsError);
    }
    expect(steps).toBe(0);
    model.dispose();
  });

  it('lets training go on where the folder can no longer be written, and says so once', async () => {
    const directory = newDirectory();
    const warnings: string[] = [];
    const adjoint = createAdjoint({ logger: { info: () => {}, warn: (text) => void warnings.push(text) } });
    const model = adjoint.create(smallModel);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const removing = new LambdaCallback({ onBatchEnd: () => rmSync(directory, { recursive: true, force: true }) });
    const callbacks = [removing, new DebugReport({ directory, every: 1 })];
    const { history } = await model.fit(x, y, { epochs: 3, verbose: 0, callbacks });
    expect(history['loss']).toHaveLength(3);
    expect(warnings.filter((text) => text.includes('not written any more'))).toHaveLength(1);
    model.dispose();
  });

  it('stays small however long a run and however large a model', () => {
    const record = new RunRecord();
    const histogram = { min: -1.2345678, max: 1.2345678, counts: Array.from({ length: 30 }, (_, i) => 1000 * i) };
    const paths = Array.from({ length: 400 }, (_, i) => `a-long-name-of-a-block/layer-${i}`);
    const readingAt = (totalSteps: number): ProbeReading => ({
      epoch: 0,
      step: totalSteps,
      totalSteps,
      loss: Math.sin(totalSteps),
      weights: Object.fromEntries(
        paths.map((path, i) => [
          `${path}/kernel`,
          {
            gradientNorm: Math.exp(Math.sin(i + totalSteps)),
            weightNorm: 1 / 3,
            updateRatio: 1 / 7,
            gradientHistogram: histogram,
            weightHistogram: histogram,
          },
        ]),
      ),
      layers: Object.fromEntries(
        paths.map((path) => [path, { mean: 1 / 3, unitActivity: [0, 1], outputHistogram: histogram }]),
      ),
      withoutGradient: [],
    });
    for (let step = 0; step < 20_000; step += 40) record.addProbe(readingAt(step), 1e-3);
    for (let epoch = 0; epoch < 20_000; epoch++) {
      const logs = { loss: Math.exp(-epoch / 1e4), val_loss: 1 / 3 };
      record.epochs.push({
        epoch,
        totalSteps: epoch,
        millisecondsPerStep: 1,
        mode: 'recorded',
        learningRate: 1e-3,
        logs,
      });
    }
    const steps = record.probes.map(({ totalSteps }) => totalSteps);
    expect([steps[0], steps.at(-1)]).toEqual([0, 19_960]);
    const gaps = new Set(steps.slice(1, -1).map((step, i) => step - steps[i]!));
    expect(gaps.size).toBe(1);
    const page = reportPage({
      title: 'large',
      modelName: 'large',
      state: 'running',
      mode: 'recorded',
      epochs: 1,
      totalSteps: 20_000,
      millisecondsPerStep: 1,
      record,
      found: [],
      anatomy: undefined,
    });
    expect(Buffer.byteLength(page)).toBeLessThan(MOST_BYTES);
  });
});
