import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { labelShuffleCheck, type LabelShuffleOptions } from '../../src/debug/label-shuffle-check.js';
import { overfitBatch, type OverfitBatchOptions } from '../../src/debug/overfit-batch.js';
import { stopGradient } from '../../src/autodiff/stop-gradient.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { StepContext } from '../../src/training/step-context.js';
import { useTestEngine } from '../helpers/engine.js';
import { liveObjects, MODES, rejectionOf, rowsOf, weightsOf } from '../helpers/models.js';

const x = rowsOf(128, 4);
const classes = x.map(([a, b]) => (a! + b! > 0 ? 1 : 0));
const sums = x.map((row) => [row.reduce((sum, value) => sum + value)]);

@Model('test/blind')
class Blind extends BaseModel {
  @Child() body = layers.dense({ units: 8, activation: 'relu' });
  @Child() last = layers.dense({ units: 1 });
  call(input: Tensor, context: CallContext): Tensor {
    return this.last.call(tf.mul(stopGradient(this.body.call(input, context)), 0), context);
  }
}

@Model('test/own-trial')
class OwnStep extends BaseModel {
  @Child() last = layers.dense({ units: 1 });
  call(input: Tensor, context: CallContext): Tensor {
    return this.last.call(input, context);
  }
  override trainStep({ x: input, y: labels }: DeviceBatch, step: StepContext) {
    return { loss: step.minimize(() => tf.mean(tf.squaredDifference(labels!, this.call(input, step.call)))) };
  }
}

describe.each(MODES)('trials, %s', (execution) => {
  useTestEngine();

  const classifier = (): BaseModel => {
    const model = sequential([
      layers.dense({ units: 16, activation: 'relu' }),
      layers.batchNormalization(),
      layers.dense({ units: 2, activation: 'softmax' }),
    ]);
    const optimizer = new Adam({ learningRate: 0.02 });
    model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], execution, seed: 2 });
    return model;
  };
  const blind = (): BaseModel => {
    const model = new Blind();
    model.compile({ optimizer: new Adam({ learningRate: 0.02 }), loss: 'meanSquaredError', execution, seed: 2 });
    return model;
  };

  it('overfitBatch tells a model that can learn a batch by heart from one that cannot', async () => {
    const healthy = classifier();
    const result = await overfitBatch(healthy, x, classes);
    expect(result).toMatchObject({ fits: true, accuracy: 1 });
    expect(result.losses).toHaveLength(200);
    expect(result.verdict).toMatch(/fits a batch of 32 examples: loss \S+ to \S+ in 200 steps/);
    healthy.dispose();
    const sick = blind();
    const other = await overfitBatch(sick, x, sums, { steps: 60 } satisfies Partial<OverfitBatchOptions>);
    expect(other.fits).toBe(false);
    expect(other.accuracy).toBeUndefined();
    expect(other.verdict).toMatch(/does not fit even 32 examples/);
    sick.dispose();
    const wild = sequential([layers.dense({ units: 1 })]);
    wild.compile({ optimizer: new Adam({ learningRate: 1e38 }), loss: 'meanSquaredError', execution });
    const endless = await overfitBatch(wild, x.slice(0, 8), sums.slice(0, 8));
    expect(endless.fits).toBe(false);
    expect(endless.losses.length).toBeLessThan(200);
    expect(endless.verdict).toMatch(/not finite .* same 8 examples/);
    wild.dispose();
  });

  it('labelShuffleCheck tells a model that learns from its inputs from one that does not', async () => {
    const healthy = classifier();
    const result = await labelShuffleCheck(healthy, x, classes, { epochs: 10, batchSize: 16 });
    expect(result.learns).toBe(true);
    expect(result.trueLogs['accuracy']).toBeGreaterThan(0.8);
    expect(result.shuffledLogs['accuracy']).toBeLessThan(0.8);
    expect(result.verdict).toMatch(/learns from its inputs: held-out loss/);
    healthy.dispose();
    const sick = blind();
    const other = await labelShuffleCheck(sick, x, sums, { epochs: 3 } satisfies Partial<LabelShuffleOptions>);
    expect(other.learns).toBe(false);
    expect(other.verdict).toMatch(/learns nothing from its inputs/);
    sick.dispose();
  });

  it('leave weights, statistics, optimizer, draws and the order of the data as they were', async () => {
    const trained = async (between: (model: BaseModel) => Promise<unknown>) => {
      const model = classifier();
      await model.fit(x, classes, { batchSize: 16, epochs: 2, verbose: 0 });
      const before = weightsOf(model);
      const objects = liveObjects();
      await between(model);
      expect(weightsOf(model)).toEqual(before);
      expect(liveObjects()).toEqual(objects);
      const { history } = await model.fit(x, classes, { batchSize: 16, epochs: 2, verbose: 0 });
      const after = weightsOf(model);
      model.dispose();
      return { history, after };
    };
    const plain = await trained(async () => {});
    expect(await trained((model) => overfitBatch(model, x, classes, { steps: 30 }))).toEqual(plain);
    expect(await trained((model) => labelShuffleCheck(model, x, classes, { epochs: 2 }))).toEqual(plain);
  });

  it('put weights back where they are aborted, and refuse what they cannot look at', async () => {
    const model = classifier();
    model.build([null, 4]);
    const before = weightsOf(model);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5);
    await rejectionOf(overfitBatch(model, x, classes, { steps: 100_000, signal: controller.signal }));
    expect(weightsOf(model)).toEqual(before);
    model.dispose();

    const own = new OwnStep();
    own.compile({ optimizer: 'sgd', execution });
    expect((await rejectionOf(overfitBatch(own, x, sums))).message).toMatch(/not-built/);
    expect((await rejectionOf(labelShuffleCheck(own, x, sums))).message).toMatch(/own-step/);
    own.build([null, 4]);
    const { fits } = await overfitBatch(own, x, sums, { steps: 5 });
    expect(fits).toBe(false);
    own.dispose();
    const raw = sequential([layers.dense({ units: 1 })]);
    expect((await rejectionOf(overfitBatch(raw, x, sums))).message).toMatch(/not-compiled/);
    raw.dispose();
  });
});
