import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { createAdjoint } from '../../src/container.js';
import { NonFiniteGuard } from '../../src/debug/non-finite-guard.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { sequential, type Sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { NonFiniteReport } from '../../src/training/non-finite-report.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES, rowsOf, weightsOf } from '../helpers/models.js';

useTestEngine();

callbackContract(NonFiniteGuard, {
  options: { action: 'skip', maxReports: 2, patience: 3, reproDirectory: 'repro', onReport: () => undefined },
  refused: [
    [{ action: 'ignore' }, /one of "stop", "skip", "continue"/],
    [{ maxReports: -1 }, /maxReports/],
    [{ patience: 0 }, /patience/],
    [{ onReport: 'print' }, /onReport/],
  ],
});

const ROWS = 12;
const BATCH = 4;
const x = rowsOf(ROWS, 3);
/** The second batch of each epoch has an example whose label is 0. */
const y = Array.from({ length: ROWS }, (_, i) => [i === 6 ? 0 : 1 + i / ROWS]);
const relative = (labels: Tensor, predictions: Tensor): Tensor =>
  tf.mean(tf.square(tf.div(tf.sub(predictions, labels), labels)), -1);
const quiet = () => undefined;

interface Logged {
  readonly messages: string[];
  readonly make: <T>(fn: () => T) => T;
}

function withLog(): Logged {
  const messages: string[] = [];
  const push = (message: string): void => void messages.push(message);
  const adjoint = createAdjoint({ logger: { info: push, warn: push } });
  return { messages, make: (fn) => adjoint.create(fn) };
}

function faulty(compile: object = {}, make: Logged['make'] = (fn) => fn()): Sequential {
  return make(() => {
    const model = sequential([layers.dense({ units: 2, activation: 'tanh' }), layers.dense({ units: 1 })]);
    model.compile({ optimizer: 'adam', loss: relative, seed: 4, ...compile });
    return model;
  });
}

async function train(model: Sequential, guard: NonFiniteGuard, epochs = 2, ...others: LambdaCallback[]) {
  const options = { batchSize: BATCH, epochs, shuffle: false, verbose: 0 } as const;
  return model.fit(x, y, { ...options, callbacks: [...others, guard] });
}

describe.each(MODES)('NonFiniteGuard in %s runs', (execution) => {
  it('stops before the bad step takes effect, and says what it was', async () => {
    const model = faulty({ execution });
    const guard = new NonFiniteGuard({ onReport: quiet });
    let before: Record<string, number[]> = {};
    const remember = new LambdaCallback({ onBatchBegin: () => void (before = weightsOf(model)) });
    const { stopReason } = await train(model, guard, 2, remember);
    expect(stopReason).toBe(
      'epoch 1, batch 2 of model "sequential" is not finite, by RealDiv in the forward pass of the loss "relative"; ' +
        'weights and optimizer stand as before that step',
    );
    expect(weightsOf(model)).toEqual(before);
    expect(guard.reports).toHaveLength(1);
    expect(guard.reports[0]).toMatchObject({ examples: [2], batchSize: BATCH, op: 'RealDiv' });
    model.dispose();
  });

  it('skips bad steps, explains as many as asked for, and trains by the others', async () => {
    const model = faulty({ execution });
    const told: NonFiniteReport[] = [];
    const guard = new NonFiniteGuard({ action: 'skip', maxReports: 2, onReport: (report) => void told.push(report) });
    const { history, stopReason } = await train(model, guard, 4);
    expect(stopReason).toBeNull();
    expect(told).toEqual(guard.reports);
    expect([guard.reports.length, guard.badSteps]).toEqual([2, 4]);
    expect(Object.values(weightsOf(model)).flat().every(Number.isFinite)).toBe(true);
    expect(history['loss']!.at(-1)!).toBeLessThan(history['loss']![0]!);
    model.dispose();
  });

  it('guards no more after its first report where it is told to continue', async () => {
    const model = faulty({ execution });
    const guard = new NonFiniteGuard({ action: 'continue', onReport: quiet });
    const { stopReason } = await train(model, guard, 2);
    expect([stopReason, guard.reports.length]).toEqual([null, 1]);
    expect(Object.values(weightsOf(model)).flat().some(Number.isNaN)).toBe(true);
    model.dispose();
  });

  it('finds nothing in a good run', async () => {
    const model = faulty({ execution, loss: 'meanSquaredError' });
    const guard = new NonFiniteGuard();
    const { stopReason } = await train(model, guard);
    expect([stopReason, guard.reports, guard.badSteps]).toEqual([null, [], 0]);
    model.dispose();
  });

  it('lets loss scaling find its scale, and speaks up where the loss itself is not finite', async () => {
    const scaled = { execution, precision: 'mixed_float16', loss: 'meanSquaredError', lossScale: { initial: 2 ** 24 } };
    const far = y.map(() => [100]);
    const options = { batchSize: BATCH, epochs: 8, shuffle: false, verbose: 0 } as const;
    const model = faulty(scaled);
    const guard = new NonFiniteGuard({ onReport: quiet });
    const scales: number[] = [];
    const watch = new LambdaCallback({ onBatchEnd: (_batch, logs) => void scales.push(logs['lossScale']!) });
    const { stopReason } = await model.fit(x, far, { ...options, callbacks: [watch, guard] });
    expect(scales.at(-1)!).toBeLessThan(scales[0]!);
    expect([stopReason, guard.reports]).toEqual([null, []]);

    const impatient = new NonFiniteGuard({ onReport: quiet, patience: 1 });
    model.compile({ optimizer: new SGD({ learningRate: 0 }), ...scaled } as never);
    const huge = y.map(() => [1e6]);
    expect((await model.fit(x, huge, { ...options, callbacks: [impatient] })).stopReason).toContain('is not finite');
    model.dispose();

    const bad = faulty({ execution, precision: 'mixed_float16' });
    const eye = new NonFiniteGuard({ onReport: quiet });
    expect((await train(bad, eye)).stopReason).toContain('RealDiv in the forward pass of the loss "relative"');
    bad.dispose();
  });
});

describe('the folder of a bad step', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'adjoint-repro-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const repro = (): string => join(folder, 'repro');

  it.each([
    ['a plain step', { optimizer: 'adam' }, BATCH],
    [
      'the update of a group',
      { loss: 'meanSquaredError', optimizer: new SGD({ learningRate: 1e38 }), accumulateSteps: 2 },
      2,
    ],
    ['a scaled loss', { precision: 'mixed_float16' }, BATCH],
  ])('lets %s be found again by a fresh model', async (_name, compile, batchSize) => {
    const model = faulty(compile);
    const guard = new NonFiniteGuard({ onReport: quiet, reproDirectory: repro() });
    const labels = y.map(([label]) => [1e4 * label!]);
    await model.fit(x, labels, { batchSize, shuffle: false, verbose: 0, callbacks: [guard] });
    model.dispose();
    const other = faulty({ ...compile, seed: 99 });
    const report = await other.replay(repro());
    expect(guard.reports).toHaveLength(1);
    expect(report).toEqual(guard.reports[0]);
    other.dispose();
  });

  it('is refused by another model, and where it is damaged', async () => {
    const model = faulty();
    await train(model, new NonFiniteGuard({ onReport: quiet, reproDirectory: repro() }));
    model.dispose();
    const other = sequential([layers.dense({ units: 3 }), layers.dense({ units: 1 })]);
    other.compile({ optimizer: 'sgd', loss: relative });
    await expect(other.replay(repro())).rejects.toThrow(/repro-model.*\n.*weight "dense\/kernel" of \[3, 3\]/);
    await expect(other.replay(folder)).rejects.toThrow(/manifest/);
    writeFileSync(join(repro(), 'batch.safetensors'), 'no batch');
    await expect(other.replay(repro())).rejects.toThrow(/batch.safetensors/);
    other.dispose();
  });

  it('keeps the run going where it cannot be written', async () => {
    const { messages, make } = withLog();
    const model = faulty({}, make);
    writeFileSync(repro(), 'a file in its place');
    const guard = new NonFiniteGuard({ action: 'skip', reproDirectory: repro() });
    expect((await train(model, guard)).stopReason).toBeNull();
    expect(messages[0]).toContain('not-ours');
    model.dispose();
  });
});

describe('NonFiniteGuard', () => {
  it('logs its report as a table', async () => {
    const { messages, make } = withLog();
    const model = faulty({}, make);
    await train(model, new NonFiniteGuard());
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain('first     RealDiv in the forward pass of the loss "relative"');
    expect(messages[0]).toContain('division by 0: 1 of 4 numbers of the divisor are 0');
    expect(messages[0]).toContain('examples  2 of the batch of 4, counted from 0');
    model.dispose();
  });

  it('is known by its short name', () => {
    expect(createAdjoint().names('callback')).toContain('nonFiniteGuard');
  });
});
