import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { float32 } from '../../src/autodiff/float32.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { dataTypeName } from '../../src/engine/ffi/data-types.js';
import type { Precision } from '../../src/engine/precision/precision-names.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer, Weight } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import type { WeightHandle } from '../../src/layers/weight-handle.js';
import type { BaseModel } from '../../src/model/base-model.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { useTestEngine } from '../helpers/engine.js';

useTestEngine();

const MODES = ['eager', 'recorded'] as const;
const ROWS = 24;
const X = Array.from({ length: ROWS }, (_, i) => Array.from({ length: 6 }, (_, j) => Math.sin(5 * i + 3 * j)));
const LABELS = Array.from({ length: ROWS }, (_, i) => (i * i) % 3);
const quiet = { batchSize: 8, verbose: 0, shuffle: false } as const;
/**
 * Recorded, TensorFlow runs product, bias and activation as one kernel, which rounds to half precision once and not
 * three times: 2^-9 of a number near 1 in bfloat16, and twelve steps of it.
 */
const MODES_TOLERANCE = 5e-3;

function classifier(options: Partial<CompileOptions>): BaseModel {
  const model = sequential([
    layers.dense({ units: 16, activation: 'relu' }),
    layers.batchNormalization({}),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 3 }),
    layers.activation({ activation: 'softmax' }),
  ]);
  const optimizer = new Adam({ learningRate: 0.01 });
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], seed: 5, ...options });
  return model;
}

function weightsOf(model: BaseModel): number[] {
  return model.getWeights().flatMap((tensor) => {
    const values = Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });
}

const typeOf = (tensor: Tensor): string => {
  const { backend } = engine();
  return dataTypeName(backend.binding.trueType(backend.nativeId(tensor)));
};

describe.each<Precision>(['mixed_bfloat16', 'mixed_float16'])('%s', (precision) => {
  it('trains alike eagerly and recorded, and near float32', async () => {
    const train = async (execution: 'eager' | 'recorded', chosen: Precision) => {
      const model = classifier({ execution, precision: chosen });
      const { history } = await model.fit(X, LABELS, { ...quiet, epochs: 4 });
      const weights = weightsOf(model);
      const evaluated = await model.evaluate(X, LABELS);
      const predicted = await model.predict(X);
      const probabilities = Array.from(predicted.dataSync());
      expect(typeOf(predicted)).toBe('float32');
      predicted.dispose();
      model.dispose();
      return { losses: history.loss!, weights, evaluated, probabilities };
    };
    const eager = await train('eager', precision);
    const recorded = await train('recorded', precision);
    const single = await train('recorded', 'float32');
    for (const key of ['losses', 'weights', 'probabilities'] as const) {
      recorded[key].forEach((value, i) => expect(Math.abs(value - eager[key][i]!)).toBeLessThan(MODES_TOLERANCE));
    }
    expect(recorded.weights).not.toEqual(single.weights);
    // bfloat16 keeps eight bits; a dozen steps add up to less than a tenth of the loss.
    single.losses.forEach((loss, i) => expect(Math.abs(loss - recorded.losses[i]!)).toBeLessThan(0.1 * loss));
  });

  it('keeps gradients and weights in float32', async () => {
    const model = classifier({ precision });
    const gradients = await model.gradients(X.slice(0, 8), LABELS.slice(0, 8));
    expect(Object.values(gradients).map((gradient) => typeOf(gradient!))).toEqual(
      Object.keys(gradients).map(() => 'float32'),
    );
    tf.dispose(Object.values(gradients) as Tensor[]);
    model.dispose();
  });
});

/** Notes the types that its call computes in. */
@Layer('test/typed')
class Typed extends BaseLayer {
  @Weight((_, input) => ({ shape: [input.at(-1)!, 4], initializer: 'glorotUniform' })) kernel!: WeightHandle;
  readonly types: string[] = [];

  call(x: Tensor): Tensor {
    const product = tf.matMul(x as never, this.kernel.value as never) as Tensor;
    const wide = float32(product);
    this.types.push(typeOf(product), typeOf(wide), typeOf(tf.add(wide, 1)));
    return wide;
  }
}

describe('where single precision is asked for', () => {
  it('float32(x) widens, and passes gradients', async () => {
    const typed = new Typed();
    const model = sequential([typed, layers.dense({ units: 1 })]);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', precision: 'mixed_bfloat16', execution: 'eager' });
    const gradients = await model.gradients(
      X,
      LABELS.map((label) => [label]),
    );
    expect(typed.types.slice(-3)).toEqual(['bfloat16', 'float32', 'float32']);
    expect(gradients['typed/kernel']).not.toBeNull();
    tf.dispose(Object.values(gradients) as Tensor[]);
    model.dispose();
  });

  it('float32Layers names layers by path', async () => {
    const typed = new Typed();
    const model = sequential([typed, layers.dense({ units: 1 })]);
    const precision = { precision: 'mixed_bfloat16', float32Layers: 'typed' } as const;
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'eager', ...precision });
    tf.dispose(
      Object.values(
        await model.gradients(
          X,
          LABELS.map((label) => [label]),
        ),
      ) as Tensor[],
    );
    expect(typed.types.slice(-3)).toEqual(['float32', 'float32', 'float32']);
    model.dispose();
  });
});

describe('loss scaling', () => {
  const TINY = 2 ** -26;
  /** Its gradients lie below 6e-8, the least that float16 can hold. */
  const smallLoss = (labels: Tensor, predictions: Tensor): Tensor =>
    tf.mul(tf.mean(tf.squaredDifference(predictions, tf.cast(labels, 'float32')), -1), TINY);
  const Y = LABELS.map((label) => [label]);
  /** Keeps eleven bits of each factor; the sums of a gradient are in float32. */
  const FLOAT16_TOLERANCE = 0.01;

  const gradientOfKernel = async (options: Partial<CompileOptions>): Promise<number[]> => {
    const model = sequential([layers.dense({ units: 4 }), layers.dense({ units: 1 })]);
    model.compile({ optimizer: new SGD({ learningRate: 0.1 / TINY }), loss: smallLoss, seed: 3, ...options });
    model.build([null, 6]);
    const before = weightsOf(model);
    await model.fit(X, Y, { ...quiet, batchSize: ROWS });
    const after = weightsOf(model);
    model.dispose();
    return before.map((value, i) => value - after[i]!);
  };

  it.each(MODES)('saves gradients that vanish in float16 (%s)', async (execution) => {
    const norm = (values: readonly number[]) => Math.hypot(...values);
    const options = { execution, precision: 'mixed_float16' } as const;
    const exact = await gradientOfKernel({ execution });
    const unscaled = await gradientOfKernel({ ...options, lossScale: 1 });
    const fixed = await gradientOfKernel({ ...options, lossScale: 2 ** 20 });
    const dynamic = await gradientOfKernel(options);
    for (const scaled of [fixed, dynamic]) {
      const distance = norm(scaled.map((value, i) => value - exact[i]!));
      expect(distance).toBeLessThan(FLOAT16_TOLERANCE * norm(exact));
    }
    // The kernel and bias of the first layer, which cotangents in float16 come to.
    expect(norm(exact.slice(0, 28))).toBeGreaterThan(0.01);
    expect(norm(unscaled.slice(0, 28))).toBe(0);
  });

  /** Its label says how far it goes. */
  const weightedSquare = (labels: Tensor, predictions: Tensor): Tensor =>
    tf.reshape(tf.mul(tf.square(predictions), tf.cast(labels, 'float32')), [-1]);

  it.each(MODES)('leaves a step out that overflows, to the bit, and grows back (%s)', async (execution) => {
    const model = sequential([layers.dense({ units: 4 }), layers.batchNormalization({}), layers.dense({ units: 1 })]);
    const lossScale = { initial: 1024, growthInterval: 2 };
    const optimizer = new Adam({ learningRate: 0.01 });
    model.compile({ optimizer, loss: weightedSquare, seed: 3, execution, precision: 'mixed_bfloat16', lossScale });
    const scales: number[] = [];
    const weights: number[][] = [];
    const callbacks = [
      new LambdaCallback({
        onBatchEnd: (_, logs) => {
          scales.push(logs['lossScale']!);
          weights.push(weightsOf(model));
        },
      }),
    ];
    const labels = X.map((_, i) => [i >= 8 && i < 16 ? 3e38 : 1]);
    const { history } = await model.fit(X, labels, { ...quiet, epochs: 3, callbacks });
    // Each epoch: good, bad, good. The log tells the scale that the step was run with.
    expect(scales).toEqual([1024, 1024, 512, 512, 1024, 512, 512, 1024, 512]);
    expect(history['lossScale']).toEqual([512, 512, 512]);
    for (const epoch of [0, 1, 2]) {
      expect(weights[3 * epoch + 1]).toEqual(weights[3 * epoch]);
      expect(weights[3 * epoch + 2]).not.toEqual(weights[3 * epoch + 1]);
    }
    model.dispose();
  });

  it.each<[unknown]>([[0], [-1], [NaN], ['often'], [{ backoff: 2 }], [{ growthInterval: 0 }], [{ inital: 8 }]])(
    'refuses %p',
    (lossScale) => {
      const model = sequential([layers.dense({ units: 1 })]);
      expect(() => model.compile({ loss: 'meanSquaredError', lossScale: lossScale as never })).toThrow(/lossScale/);
      model.dispose();
    },
  );
});

it('refuses an unknown precision', () => {
  const model = sequential([layers.dense({ units: 1 })]);
  expect(() => model.compile({ loss: 'meanSquaredError', precision: 'bfloat16' as never })).toThrow(/precision/);
  model.dispose();
});
