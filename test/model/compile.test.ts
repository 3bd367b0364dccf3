import { describe, expect, it } from '@jest/globals';
import { IsNumber } from 'class-validator';
import { BaseCallback } from '../../src/callbacks/callback.js';
import { Callback } from '../../src/callbacks/declarations.js';
import { createAdjoint } from '../../src/container.js';
import { LookupError } from '../../src/core/errors.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLoss } from '../../src/losses/base-loss.js';
import { Loss } from '../../src/losses/declarations.js';
import type { MetricSums } from '../../src/metrics/base-metric.js';
import { BaseMetric } from '../../src/metrics/base-metric.js';
import { Metric } from '../../src/metrics/declarations.js';
import { BaseOptimizer, type WeightUpdate } from '../../src/optimizers/base-optimizer.js';
import { Optimizer } from '../../src/optimizers/declarations.js';
import { OptimizerOptions } from '../../src/optimizers/optimizer-options.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, MODES, rejectionOf, smallModel, thrownBy, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(9);
/** A mean of 9 float32 numbers, added up in another order. */
const DIGITS = 6;

class SignOptions extends OptimizerOptions {
  @IsNumber() override learningRate = 0.125;
}

/** Steps of one size, and a slot that counts them. */
@Optimizer('test/sign-descent', SignOptions)
class SignDescent extends BaseOptimizer<SignOptions> {
  override slots() {
    return { count: 0 };
  }
  apply({ variable, value, gradient, slots, learningRate }: WeightUpdate): void {
    slots['count']!.assignAdd(tf.onesLike(gradient));
    variable.assign(tf.sub(value, tf.mul(learningRate, tf.sign(gradient))));
  }
}

@Loss('test/absolute-error')
class AbsoluteError extends BaseLoss {
  perExample(labels: Tensor, predictions: Tensor): Tensor {
    return tf.mean(tf.abs(tf.sub(labels, predictions)), -1);
  }
}

/** Not a mean: it needs its own sums. */
@Metric('test/largest-count')
class Positives extends BaseMetric {
  readonly sums = ['positive', 'all'];
  measure(_labels: Tensor, predictions: Tensor): Record<string, Tensor> {
    return {
      positive: tf.sum(tf.cast(tf.greater(predictions, 0), 'float32')),
      all: tf.scalar(predictions.size),
    };
  }
  result(sums: MetricSums): number {
    return sums['all']!;
  }
}

@Callback('test/counter')
class Counter extends BaseCallback {
  steps = 0;
  override onBatchBegin(): void {
    this.steps++;
  }
}

describe.each(MODES)("a user's own classes, %s", (execution) => {
  useTestEngine();

  it('train by name, in the instance that they are registered in', async () => {
    const adjoint = createAdjoint();
    adjoint.register(SignDescent, AbsoluteError, Positives, Counter);
    const model = adjoint.create(smallModel);
    model.compile({
      optimizer: 'test/sign-descent',
      loss: 'test/absolute-error',
      metrics: ['test/largest-count'],
      execution,
    });
    model.build([null, 3]);
    const before = weightsOf(model);
    const counter = new Counter();
    const { history } = await model.fit(x, y, { batchSize: 4, verbose: 0, callbacks: [counter] });
    expect(history['positives']).toEqual([9]);
    expect(counter.steps).toBe(3);
    const after = weightsOf(model);
    for (const [path, values] of Object.entries(after)) {
      for (const [i, value] of values.entries()) {
        // Three steps of an eighth each way.
        const eighths = (value - before[path]![i]!) * 8;
        expect(Math.abs(eighths - Math.round(eighths))).toBeLessThan(1e-5);
        expect(Math.abs(Math.round(eighths))).toBeLessThanOrEqual(3);
      }
    }
    model.dispose();

    const elsewhere = smallModel();
    const error = thrownBy(() => elsewhere.compile({ loss: 'test/absolute-eror' }));
    expect(error).toBeInstanceOf(LookupError);
    expect(thrownBy(() => adjoint.create(smallModel).compile({ loss: 'test/absolute-eror' })).message).toMatch(
      /did you mean "test\/absolute-error"\?/,
    );
  });

  it('losses and metrics may be plain functions, per example or a mean', async () => {
    const perExample = (labels: Tensor, predictions: Tensor): Tensor =>
      tf.mean(tf.square(tf.sub(labels, predictions)), -1);
    const asMean = (labels: Tensor, predictions: Tensor): Tensor => tf.mean(tf.square(tf.sub(labels, predictions)));
    const results = [];
    for (const loss of ['meanSquaredError', perExample, asMean]) {
      const model = smallModel();
      model.compile({ loss, metrics: [perExample, asMean], seed: 2, execution });
      const { history } = await model.fit(x, y, { epochs: 2, batchSize: 4, verbose: 0 });
      expect(Object.keys(history)).toEqual(['loss', 'perExample', 'asMean']);
      for (const name of ['perExample', 'asMean']) expect(history[name]![0]).toBeCloseTo(history['loss']![0]!, DIGITS);
      results.push(history['loss']!);
      model.dispose();
    }
    for (const losses of results.slice(1)) {
      for (const [i, loss] of losses.entries()) expect(loss).toBeCloseTo(results[0]![i]!, DIGITS);
    }
  });

  it('a loss function that returns the mean refuses weights', async () => {
    const model = smallModel();
    const mean = (labels: Tensor, predictions: Tensor): Tensor => tf.mean(tf.square(tf.sub(labels, predictions)));
    model.compile({ loss: mean, execution });
    const error = await rejectionOf(model.fit(x, y, { sampleWeight: x.map(() => 1), verbose: 0 }));
    expect(error.message).toMatch(/ShapeError \[loss-rank\] loss function "mean"[^]*received {2}a scalar/);
    model.dispose();
  });

  it('reads nothing on the host but falls back, told once, where a function does', async () => {
    const warnings: string[] = [];
    const adjoint = createAdjoint({
      logger: { info: () => undefined, warn: (message) => void warnings.push(message) },
    });
    const model = adjoint.create(smallModel);
    const reading = (labels: Tensor, predictions: Tensor): Tensor => {
      const scale = predictions.dataSync().length > 0 ? 1 : 2;
      return tf.mul(tf.mean(tf.square(tf.sub(labels, predictions)), -1), scale);
    };
    model.compile({ loss: reading, execution: execution === 'eager' ? 'eager' : 'auto' });
    const history = await model.fit(x, y, { epochs: 2, verbose: 0 });
    expect(history.mode).toEqual(['eager', 'eager']);
    expect(warnings).toHaveLength(execution === 'eager' ? 0 : 1);
    model.dispose();
  });
});
