import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { BaseCallback } from '../../src/callbacks/callback.js';
import { NonFiniteGuard } from '../../src/debug/non-finite-guard.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child, Layer } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { Logs } from '../../src/training/logs.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import { locateNonFinite } from '../../src/training/locate-non-finite.js';
import type { NonFiniteReport } from '../../src/training/non-finite-report.js';
import type { StepContext } from '../../src/training/step-context.js';
import { allState } from '../helpers/all-state.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES, rowsOf } from '../helpers/models.js';

useTestEngine();

const ROWS = 8;
const BAD = 5;

interface Training {
  readonly x?: number[][];
  readonly y?: number[][];
  readonly compile?: Partial<CompileOptions>;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly guard?: NonFiniteGuard;
}

/** What a guard says of a training; `undefined` where all was finite. */
async function reportOf(model: BaseModel, training: Training = {}): Promise<NonFiniteReport | undefined> {
  const { x = rowsOf(ROWS, 3), y = rowsOf(ROWS, 1), compile, epochs = 1, batchSize = ROWS } = training;
  const guard = training.guard ?? new NonFiniteGuard({ onReport: () => undefined });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', seed: 2, ...compile } as CompileOptions);
  try {
    await model.fit(x, y, { epochs, batchSize, shuffle: false, verbose: 0, callbacks: [guard] });
    return guard.reports[0];
  } finally {
    model.dispose();
  }
}

const chain = (fn: (x: Tensor) => Tensor): BaseModel =>
  sequential([
    layers.dense({ units: 3, name: 'before' }),
    layers.activation({ activation: fn, name: 'fault' }),
    layers.dense({ units: 1, name: 'after' }),
  ]);

/** Looks for what is not finite in a step that is, and tells of the state around it. */
class LookAnyway extends BaseCallback {
  override readonly gatesNonFinite = true;
  report: NonFiniteReport | undefined;
  states: unknown[] = [];

  override async onBatchEnd(_batch: number, _logs: Logs): Promise<void> {
    const { model, plan, state, batches } = this.run.inspection;
    this.states = [allState()];
    const tensors = tf.memory().numTensors;
    const past = { model, plan, state, batch: batches[0]!, isUpdate: false, randomStep: 0 };
    this.report = await locateNonFinite(past, 'a test');
    this.states.push(allState());
    expect(tf.memory().numTensors).toBe(tensors);
  }
}

/** Divides by zero where a draw is small. */
@Layer('test/unlucky')
class Unlucky extends BaseLayer {
  call(x: Tensor, context: CallContext): Tensor {
    const draws = context.uniform(x.shape);
    return tf.div(x, tf.cast(tf.greater(draws, 0.02), 'float32'));
  }
}

/** Reads on the host whether to take a logarithm. */
@Layer('test/host-reader')
class HostReader extends BaseLayer {
  call(x: Tensor): Tensor {
    return tf.max(x).dataSync()[0]! > 0 ? tf.log(tf.relu(x)) : x;
  }
}

@Model('test/two-losses')
class TwoLosses extends BaseModel {
  @Child() first = layers.dense({ units: 1 });
  @Child() second = layers.dense({ units: 1 });
  call(x: Tensor): Tensor {
    return this.first.call(x);
  }
  override trainStep({ x, y }: DeviceBatch, step: StepContext) {
    const loss = step.minimize(() => tf.mean(tf.square(tf.sub(this.first.call(x, step.call), y!))), {
      weights: 'first',
    });
    step.minimize(() => tf.mean(tf.exp(tf.mul(tf.square(this.second.call(x, step.call)), 1e6))), { weights: 'second' });
    return { loss };
  }
}

describe.each(MODES)('locateNonFinite in %s runs', (execution) => {
  it('leaves every variable as it is, to the bit, and says where nothing is to be found', async () => {
    const model = sequential([
      layers.dense({ units: 4 }),
      layers.batchNormalization(),
      layers.dropout({ rate: 0.3 }),
      layers.dense({ units: 1 }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', execution, weightAverage: { decay: 0.9 } });
    const look = new LookAnyway();
    await model.fit(rowsOf(ROWS, 3), rowsOf(ROWS, 1), { epochs: 2, batchSize: 4, verbose: 0, callbacks: [look] });
    model.dispose();
    expect(look.states[1]).toEqual(look.states[0]);
    expect(look.report).toMatchObject({ kind: 'unreproduced', output: null });
  });

  it('repeats the draws of the step', async () => {
    const model = sequential([
      layers.dense({ units: 3 }),
      new Unlucky({ name: 'unlucky' }),
      layers.dense({ units: 1 }),
    ]);
    const report = await reportOf(model, { compile: { execution }, epochs: 60 });
    expect(report).toMatchObject({ kind: 'op', op: 'RealDiv', phase: 'forward', layer: 'unlucky' });
    expect(report!.where).not.toContain('epoch 1,');
  });

  it('finds the example where the op sees the batch as a whole', async () => {
    const x = rowsOf(ROWS, 3);
    x[BAD] = [50, 50, 50];
    const loss = (y: Tensor, p: Tensor): Tensor =>
      tf.add(tf.mean(tf.square(tf.sub(y, p)), -1), tf.log(tf.sub(tf.scalar(1e4), tf.max(tf.square(p)))));
    const model = sequential([layers.dense({ units: 1, kernelInitializer: 'ones' })]);
    const report = await reportOf(model, { x, compile: { execution, loss } as never });
    expect(report).toMatchObject({ op: 'Log', layer: '', part: 'loss "loss"', examples: [BAD] });
    expect(report!.reason).toContain('negative');
  });

  it('names the layer in a step of the model’s own', async () => {
    const report = await reportOf(new TwoLosses({ name: 'two' }), { compile: { execution, loss: undefined } });
    expect(report).toMatchObject({ op: 'Exp', phase: 'forward', layer: '', kind: 'op' });
    expect(report!.inputs[0]!.max).toBeGreaterThan(88);
  });

  it('passes over the branch that tf.where does not take, until it spoils a gradient', async () => {
    const model = chain((x) => tf.where(tf.less(x, 0), x, tf.exp(tf.mul(x, 1e4))));
    const harmless = chain((x) => tf.where(tf.less(x, 1e9), x, tf.exp(tf.fill(x.shape, 1e4))));
    expect(await reportOf(harmless, { compile: { execution } })).toBeUndefined();
    expect(await reportOf(model, { compile: { execution } })).toMatchObject({ op: 'Exp', layer: 'fault' });
  });

  it('finds a bad batch of a group, and the update of good ones', async () => {
    const accumulateSteps = 2;
    const x = rowsOf(ROWS, 3);
    x[BAD] = [1e30, 0, 0];
    const batch = await reportOf(chain(tf.square), { x, batchSize: 2, compile: { execution, accumulateSteps } });
    expect(batch).toMatchObject({ op: 'Square', phase: 'forward', layer: 'fault', examples: [1], batchSize: 2 });
    expect(batch!.where).toContain('batch 3');
    const optimizer = new SGD({ learningRate: 1e38 });
    const y = rowsOf(ROWS, 1).map(([label]) => [1e4 * label!]);
    const update = await reportOf(chain(tf.tanh), {
      y,
      batchSize: 2,
      compile: { execution, accumulateSteps, optimizer },
    });
    expect(update).toMatchObject({ op: 'ResourceApplyGradientDescent', phase: 'update', kind: 'op', examples: 'all' });
    expect(update!.where).toContain('the update after batch 2');
  });
});

describe('locateNonFinite', () => {
  it('runs a step that reads on the host op by op', async () => {
    const logger = jestLogger();
    const model = sequential([
      layers.dense({ units: 3 }),
      new HostReader({ name: 'reader' }),
      layers.dense({ units: 1 }),
    ]);
    const report = await reportOf(model, { guard: new NonFiniteGuard({ onReport: () => undefined }) });
    logger.restore();
    expect(report).toMatchObject({ op: 'Log', layer: 'reader', mode: 'eager', confirmedEagerly: null });
  });

  it('says of a checkpointed layer that its second run made the value', async () => {
    const trap = (x: Tensor): Tensor => tf.where(tf.less(x, 1e9), x, tf.exp(tf.add(tf.square(x), 1e4)));
    const report = await reportOf(chain(trap), { compile: { checkpoint: 'all' } });
    expect(report).toMatchObject({
      op: 'Exp',
      phase: 'backward',
      layer: 'fault',
      recomputed: true,
      confirmedEagerly: true,
    });
    expect(report!.culprit).toContain('recomputation');
  });

  it.each(['mixed_float16', 'mixed_bfloat16'] as const)('knows the range of %s', async (precision) => {
    const x = rowsOf(ROWS, 3);
    x[BAD] = [300, 300, 300];
    const dense = () => layers.dense({ units: 3, kernelInitializer: 'ones', useBias: false });
    const model = sequential([dense(), dense(), dense(), dense(), dense(), dense(), layers.dense({ units: 1 })]);
    const report = await reportOf(model, { x, compile: { precision } });
    if (precision === 'mixed_bfloat16') {
      expect(report).toBeUndefined();
      return;
    }
    expect(report).toMatchObject({ op: 'BatchMatMulV2', phase: 'forward', examples: [BAD] });
    expect(report!.output!.dtype).toBe('float16');
    expect(report!.reason).toContain('65504');
  });

  it('reads as lines, and as JSON', async () => {
    const report = await reportOf(chain((x) => tf.log(tf.mul(x, 0))));
    const lines = String(report).split('\n');
    expect(lines.slice(0, 6)).toEqual([
      'Not finite: epoch 1, batch 1 of model "sequential"',
      '  first     Log in the forward pass of layer "fault"',
      '  reason    log of 0: 24 of 24 numbers of the input are 0',
      '  fix       compute from logits, or add a small number: tf.log(tf.add(x, 1e-7))',
      '  examples  the whole batch of 8',
      '  checked   run again as its graph (recorded); op by op the same op is first',
    ]);
    expect(lines.at(-3)).toMatch(/in .*Mul of fault .*float32 .*\[8, 3\] .*24 │$/);
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({ op: 'Log', inputs: [{ dtype: 'float32', zeros: 24 }] });
  });
});

/** The warning that a step runs op by op is expected. */
function jestLogger(): { restore(): void } {
  const { warn } = console;
  console.warn = () => undefined;
  return { restore: () => void (console.warn = warn) };
}
