import { describe, expect, it } from '@jest/globals';
import { StateError } from '../../src/core/errors.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, MODES, rowsOf, smallModel, taken, thrownBy, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(8);

describe('sequential', () => {
  useTestEngine();

  it('is built layer by layer as a tf.layers script does it', async () => {
    const model = sequential();
    model.add(layers.dense({ units: 4, inputShape: [3], activation: 'relu' }));
    model.add(layers.dense({ units: 1 }));
    const lines: string[] = [];
    model.summary((text) => lines.push(text));
    expect(lines.join('\n')).toMatch(/dense \(Dense\)[^]*\[batch, 4\][^]*dense_1 \(Dense\)[^]*21 trainable/);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    await model.fit(x, y, { epochs: 1, verbose: 0 });
    expect(thrownBy(() => model.add(layers.flatten()))).toBeInstanceOf(StateError);
    model.dispose();
  });

  it('takes { layers } and a name', () => {
    const model = sequential({ name: 'digits', layers: [layers.dense({ units: 2 })] });
    expect(model.name).toBe('digits');
    expect(sequential({ name: 'empty' }).layers).toEqual([]);
    model.dispose();
  });

  it('makes its weights in compile from an inputShape, by the seed given there', () => {
    const made = (seed: number) => {
      const model = sequential([layers.dense({ units: 2, inputShape: [3] })]);
      model.compile({ loss: 'meanSquaredError', seed });
      const weights = weightsOf(model);
      model.dispose();
      return weights;
    };
    expect(made(1)).toEqual(made(1));
    expect(made(1)).not.toEqual(made(2));
    const nested = sequential([sequential([layers.dense({ units: 2, inputShape: [3] })])]);
    expect(nested.countParams()).toBe(8);
    nested.dispose();
    const named = sequential([layers.dense({ units: 2 })], { inputShape: [5] });
    expect(named.countParams()).toBe(12);
    named.dispose();
  });

  it('names layers by class, around the names that are given', () => {
    const model = sequential([
      layers.dense({ units: 2 }),
      layers.dense({ units: 2, name: 'dense_1' }),
      layers.dense({ units: 2 }),
      layers.maxPooling2d(),
      layers.batchNormalization(),
    ]);
    expect(model.children().map(([name]) => name)).toEqual([
      'dense',
      'dense_1',
      'dense_2',
      'max_pooling2d',
      'batch_normalization',
    ]);
  });

  it('builds itself when it is called', () => {
    const model = smallModel();
    expect(tf.tidy(() => model.call(tf.zeros([2, 3]), undefined as unknown as CallContext).shape)).toEqual([2, 1]);
    expect(model.countParams()).toBe(21);
    model.dispose();
  });
});

const images = Array.from({ length: 12 }, (_, i) => rowsOf(6, 6, i).map((row) => row.map((value) => [value])));
const digits = images.map((_, i) => i % 3);
const stack = () =>
  [
    layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.batchNormalization(),
    layers.flatten(),
    layers.dropout({ rate: 0.25 }),
  ] as const;

@Model('test/digits')
class Digits extends BaseModel {
  @Child() conv2d = stack()[0];
  @Child() max_pooling2d = stack()[1];
  @Child() batch_normalization = stack()[2];
  @Child() flatten = stack()[3];
  @Child() dropout = stack()[4];
  @Child() dense = layers.dense({ units: 3, activation: 'softmax' });
  call(input: Tensor, context: CallContext): Tensor {
    const features = this.batch_normalization.call(
      this.max_pooling2d.call(this.conv2d.call(input, context), context),
      context,
    );
    return this.dense.call(this.dropout.call(this.flatten.call(features, context), context), context);
  }
}

describe.each(MODES)('a subclass and a chain with the same names, %s', (execution) => {
  useTestEngine();

  it('give the same losses, weights and predictions to the bit', async () => {
    const models = [new Digits(), sequential([...stack(), layers.dense({ units: 3, activation: 'softmax' })])];
    const results = [];
    for (const model of models) {
      model.compile({
        optimizer: 'adam',
        loss: 'sparseCategoricalCrossentropy',
        metrics: ['accuracy'],
        clip: { globalNorm: 1 },
        seed: 5,
        execution,
      });
      const { history } = await model.fit(images, digits, {
        epochs: 3,
        batchSize: 5,
        validationSplit: 0.25,
        verbose: 0,
      });
      results.push({ history, weights: weightsOf(model), outputs: taken(await model.predict(images)) });
      model.dispose();
    }
    expect(Object.keys(results[0]!.history)).toEqual(['loss', 'accuracy', 'val_loss', 'val_accuracy']);
    expect(results[1]).toEqual(results[0]);
  });
});
