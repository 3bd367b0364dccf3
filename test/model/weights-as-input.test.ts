import { describe, expect, it } from '@jest/globals';
import { grad } from '../../src/autodiff/grad.js';
import { hessian } from '../../src/autodiff/hessian.js';
import { hvp } from '../../src/autodiff/hvp.js';
import { perExampleGrads } from '../../src/autodiff/per-example-grads.js';
import { stopGradient } from '../../src/autodiff/stop-gradient.js';
import { mapTree } from '../../src/autodiff/tensor-tree.js';
import { valueAndGrad } from '../../src/autodiff/value-and-grad.js';
import { recorded } from '../../src/engine/record/recorded.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { StepContext } from '../../src/training/step-context.js';
import { expectClose } from '../helpers/close.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES } from '../helpers/execution-modes.js';
import '../../src/container.js';

type Weights = Record<string, Tensor>;
const RATE = 0.1;

/** One linear unit without bias: `w x`. */
const linear = () => {
  const model = sequential([layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones' })]);
  model.build([null, 1]);
  return model;
};
const KERNEL = 'dense/kernel';
const lossOf = (model: BaseModel, x: Tensor, y: Tensor) => (w: Weights) =>
  model.withWeights(w, () => tf.mean(tf.square(tf.sub(model.call(x), y))));
const descend = (weights: Weights, gradient: Weights) =>
  mapTree((w, g) => tf.sub(w, tf.mul(RATE, g)), weights, gradient);

describe.each(MODES)("functions of a model's weights, %s", (_mode, execute) => {
  useTestEngine();

  it('differentiates through a step of training, exactly and to first order (MAML)', async () => {
    const model = linear();
    const inputs = [tf.tensor2d([[2]]), tf.tensor2d([[3]]), tf.tensor2d([[1]])];
    const results = await execute((x, y, w) => {
      const loss = lossOf(model, x!, y!);
      const after = (weights: Weights) => loss(descend(weights, grad(loss)(weights)));
      const firstOrder = (weights: Weights) => loss(descend(weights, stopGradient(grad(loss)(weights))));
      const start = { [KERNEL]: w! };
      return [grad(after)(start)[KERNEL]!, grad(firstOrder)(start)[KERNEL]!, hvp(loss, start, start).product[KERNEL]!];
    }, inputs);
    // l(w) = (2w - 3)^2, l' = 4 (2w - 3) = -4, l'' = 8; one step leads to 1.4, where l' = -0.8.
    expectClose(results[0]!, [-0.8 * (1 - 0.1 * 8)]);
    expectClose(results[1]!, [-0.8]);
    expectClose(results[2]!, [8]);
    tf.dispose(inputs);
    model.dispose();
  });
});

describe('model.withWeights', () => {
  useTestEngine();

  it('sums over the uses of a weight, also in two models', () => {
    const shared = layers.dense({ units: 2, useBias: false, name: 'shared' });
    const one = sequential([shared]);
    const two = sequential([shared, layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones' })]);
    one.build([null, 2]);
    two.build([null, 2]);
    const x = tf.tensor2d([[1, 2]]);
    const weights = one.trainableWeightTensors();
    const run = (w: Weights) => one.withWeights(w, () => tf.add(tf.sum(one.call(x)), tf.mul(3, tf.sum(two.call(x)))));
    const gradient = grad(run)(weights);
    expectClose(gradient['shared/kernel']!.dataSync(), [4, 4, 8, 8]);
    tf.dispose([x, weights, gradient]);
    two.dispose();
    one.dispose();
  });

  it('goes on under the weights of another model inside', () => {
    const [outer, inner] = [linear(), linear()];
    const x = tf.tensor2d([[1]]);
    const at = (value: number): Weights => ({ [KERNEL]: tf.tensor2d([[value]]) });
    const total = tf.tidy(() =>
      outer.withWeights(at(5), () =>
        inner.withWeights(at(7), () => tf.add(tf.mul(10, outer.call(x)), inner.call(x)).dataSync()[0]),
      ),
    );
    expect(total).toBe(57);
    expect(tf.tidy(() => outer.call(x).dataSync()[0])).toBe(1);
    x.dispose();
    outer.dispose();
    inner.dispose();
  });

  it('agrees with model.gradients, counts weights, and leaves a partial record the rest', async () => {
    const model = sequential([layers.dense({ units: 3, activation: 'tanh' }), layers.dense({ units: 1 })]);
    model.compile({ loss: 'meanSquaredError' });
    model.build([null, 2]);
    model.getLayer('dense').trainable = false;
    const all = model.trainableWeightTensors();
    expect(Object.keys(all)).toEqual(['dense_1/kernel', 'dense_1/bias']);
    const x = tf.tensor2d([
      [1, 2],
      [3, -1],
    ]);
    const y = tf.tensor2d([[1], [0]]);
    const own = await model.gradients(x, y);
    const { value, gradient } = valueAndGrad(lossOf(model, x, y))(all);
    expectClose(gradient['dense_1/kernel']!.dataSync(), own['dense_1/kernel']!.dataSync());
    const bias = { 'dense_1/bias': all['dense_1/bias']! };
    const square = hessian(lossOf(model, x, y))(bias);
    expectClose(square['dense_1/bias']!['dense_1/bias']!.dataSync(), [2]);
    const each = perExampleGrads((w: Weights, at: Tensor, to: Tensor) => lossOf(model, at, to)(w))(all, x, y);
    const mean = tf.tidy(() => tf.mean(each['dense_1/kernel']!, 0).dataSync());
    expectClose(mean, own['dense_1/kernel']!.dataSync());
    tf.dispose([all, x, y, own, value, gradient, square, each] as unknown as tf.TensorContainer);
    model.dispose();
  });

  it('reads the weights at every call of a recorded function', async () => {
    const model = linear();
    const loss = (w: Weights, x: Tensor) => model.withWeights(w, () => tf.sum(tf.square(model.call(x))));
    const gradient = recorded((x: Tensor) => {
      const weights = model.trainableWeightTensors();
      return grad(loss)(weights, x)[KERNEL]!;
    });
    const x = tf.tensor2d([[2]]);
    const five = tf.tensor2d([[5]]);
    const results = [await gradient(x)];
    model.setWeights([five]);
    results.push(await gradient(x));
    expect(results.map((result) => result.dataSync()[0])).toEqual([8, 40]);
    tf.dispose([x, five, ...results]);
    gradient.dispose();
    model.dispose();
  });

  it.each(['eager', 'recorded'] as const)(
    "stands in a training step of one's own: a gradient penalty, %s",
    async (execution) => {
      @Model('test/penalised')
      class Penalised extends BaseModel {
        @Child() body = layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones' });
        call(x: Tensor, context?: CallContext): Tensor {
          return this.body.call(x, context);
        }
        override trainStep({ x }: DeviceBatch, step: StepContext) {
          const slope = (): Tensor => grad((at: Tensor) => tf.sum(this.body.call(at, step.call)))(x);
          return { loss: step.minimize(() => tf.mean(tf.square(slope()))) };
        }
      }
      const model = new Penalised();
      model.compile({ optimizer: new SGD({ learningRate: RATE }), execution });
      const { loss } = await model.trainOnBatch([[3]]);
      // The slope is w = 1, the penalty w^2, its gradient 2.
      expect(loss).toBe(1);
      const [kernel] = model.getWeights();
      expectClose(kernel!.dataSync(), [0.8]);
      kernel!.dispose();
      model.dispose();
    },
  );

  it('refuses what is no weight', () => {
    const model = linear();
    const bad = tf.ones([2]);
    const good = tf.ones([1, 1]);
    const nothing = () => 1;
    expect(() => model.withWeights({ 'dense/kernal': good }, nothing)).toThrow(/\[unknown-weight\][^]*"dense\/kernel"/);
    expect(() => model.withWeights({ [KERNEL]: bad }, nothing)).toThrow(/\[weight-shape\][^]*\[1, 1\][^]*\[2\]/);
    expect(() => model.withWeights({ [KERNEL]: 1 as never }, nothing)).toThrow(/not a tensor/);
    expect(() => model.withWeights([good] as never, nothing)).toThrow(/\[weights\]/);
    expect(() => model.withWeights(new Map([[KERNEL, good]]) as never, nothing)).toThrow(/\[weights\]/);
    expect(() => model.withWeights({ [KERNEL]: good }, 3 as never)).toThrow(/\[not-a-function\]/);
    expect(() => model.withWeights({ [KERNEL]: good }, async () => 1)).toThrow(/\[async-weights\]/);
    good.dispose();
    expect(() => model.withWeights({ [KERNEL]: good }, nothing)).toThrow(/disposed/);
    const unbuilt = sequential([layers.dense({ units: 1 })]);
    expect(() => unbuilt.trainableWeightTensors()).toThrow(/\[not-built\]/);
    expect(() => unbuilt.withWeights({}, nothing)).toThrow(/\[not-built\]/);
    bad.dispose();
    model.dispose();
  });
});
