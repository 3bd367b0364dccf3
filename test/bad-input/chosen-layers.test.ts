import { describe, expect, it } from '@jest/globals';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { findLearningRate } from '../../src/model/find-learning-rate.js';
import { sequential } from '../../src/model/sequential.js';
import type { StepBatch, StepContext } from '../../src/training/step-context.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, rejectionOf } from '../helpers/models.js';
import { refusal } from '../helpers/refusal.js';

const { x, y } = linearData(8);
const chain = (count: number) => [
  ...Array.from({ length: count }, () => layers.dense({ units: 4, activation: 'gelu' })),
  layers.dense({ units: 1 }),
];

/** A model with a training step of its own. */
class Own extends BaseModel {
  body = sequential(chain(8));
  override children() {
    return [['body', this.body]] as unknown as ReturnType<BaseModel['children']>;
  }
  call(input: Tensor, context: CallContext): Tensor {
    return this.body.call(input, context);
  }
  override trainStep({ x: input, y: label }: StepBatch, step: StepContext) {
    return { loss: step.minimize(() => tf.mean(tf.squaredDifference(label!, this.call(input, step.call)))) };
  }
}

const wrong: object[] = [
  { checkpoint: 'boddy' },
  { checkpoint: () => false },
  { precision: 'mixed_bfloat16', float32Layers: 'boddy' },
];

describe('layers that are not there are refused', () => {
  useTestEngine();

  it.each([
    ['of a chain, which is built by the first fit', () => sequential(chain(2), { name: 'digits' })],
    ['of a model with a trainStep of its own', () => new Own()],
  ])('%s, each time', async (_name, make) => {
    for (const options of wrong) {
      const model = make();
      model.compile({ loss: 'meanSquaredError', ...options });
      const refused = async () => (await rejectionOf(model.fit(x, y, { verbose: 0 }))).message;
      const first = await refused();
      expect(first).toMatch(/\[invalid-option\] option "(checkpoint|float32Layers)" of compile/);
      expect(await refused()).toBe(first);
      model.dispose();
    }
  });

  it('and the compile before goes on to hold', async () => {
    const model = sequential(chain(8), { name: 'digits' });
    model.compile({ loss: 'meanSquaredError', checkpoint: 'sqrt' });
    await model.fit(x, y, { verbose: 0 });
    const kept = async () => (await model.memoryReport({ batchSize: 512 })).activations;
    const before = await kept();
    for (const options of wrong) {
      await refusal(model, () => model.compile({ loss: 'meanSquaredError', ...options }));
    }
    expect(await kept()).toBe(before);
    model.dispose();
  });
});

describe('a model with a trainStep of its own', () => {
  useTestEngine();

  it('has its budget of activations measured, and one that is too small refused', async () => {
    const model = new Own();
    const report = async (maxActivationMb: number) => {
      model.compile({ loss: 'meanSquaredError', checkpoint: { maxActivationMb } });
      await model.fit(x, y, { verbose: 0 });
      return model.memoryReport({ batchSize: 1000 });
    };
    const { activations, activationsWithoutPolicy } = await report(0.2);
    expect(activations).toBeLessThan(0.7 * activationsWithoutPolicy);
    expect((await rejectionOf(report(1e-6))).message).toMatch(/\[invalid-option\][^]*the least is about/);
    model.dispose();
  });
});

describe('refused is', () => {
  useTestEngine();

  it('what is no function where averages are wanted, and no model where a rate is', async () => {
    const model = sequential([layers.dense({ units: 1, inputShape: [3] })], { name: 'digits' });
    model.compile({ loss: 'meanSquaredError', weightAverage: {} });
    model.countParams();
    expect(await refusal(model, () => model.withAveragedWeights(5 as never))).toMatchInlineSnapshot(`
     "OptionsError [not-a-function] withAveragedWeights of model "digits"
       expected  a function that uses the averaged weights
       received  5
       fix       write withAveragedWeights(() => model.evaluate(x, y))"
    `);
    expect(await refusal(model, () => findLearningRate({} as never, x, y))).toMatchInlineSnapshot(`
     "OptionsError [not-a-model] findLearningRate
       expected  a compiled model, then its data
       received  an object with keys (none)
       fix       write findLearningRate(model, x, y)"
    `);
    model.dispose();
  });
});
