import { describe, expect, it } from '@jest/globals';
import { float32 } from '../../src/autodiff/float32.js';
import { setOpPrecision } from '../../src/engine/precision/precision-table.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { layers } from '../../src/layers/layers.js';
import type { LossFunction } from '../../src/losses/function-loss.js';
import { BaseModel } from '../../src/model/base-model.js';
import { findLearningRate } from '../../src/model/find-learning-rate.js';
import { sequential } from '../../src/model/sequential.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { StepContext } from '../../src/training/step-context.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, rejectionOf, thrownBy, weightsOf } from '../helpers/models.js';
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
  override trainStep({ x: input, y: label }: DeviceBatch, step: StepContext) {
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

  it.each<[string, LossFunction]>([
    ['several for an example', (_labels, predictions) => tf.concat([predictions, predictions])],
    ['a mean over the examples', (labels, predictions) => tf.mean(tf.squaredDifference(labels, predictions), 0)],
  ])('a loss function without a loss for each example: %s', async (_name, loss) => {
    const model = sequential([layers.dense({ units: 1, inputShape: [3] })], { name: 'digits' });
    model.compile({ loss, accumulateSteps: 2 });
    const weights = weightsOf(model);
    for (const sampleWeight of [undefined, y.map(() => 1)]) {
      const { message } = await rejectionOf(model.fit(x, y, { batchSize: 4, sampleWeight, verbose: 0 }));
      expect(message).toMatch(/\[loss-shape\] loss "loss"[^]*a first dimension of 4/);
    }
    expect(weightsOf(model)).toEqual(weights);
    model.dispose();
  });

  it('what is no tensor by float32, and no name by setOpPrecision', () => {
    expect(thrownBy(() => float32(5 as never)).message).toMatchInlineSnapshot(`
     "GradientError [not-a-tensor] float32
       expected  a tensor
       received  5"
    `);
    expect(thrownBy(() => setOpPrecision(5 as never, 'half')).message).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] setOpPrecision
       expected  the name of a TensorFlow op, e.g. 'Erf'
       received  5"
    `);
  });

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
