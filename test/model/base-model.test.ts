import { describe, expect, it } from '@jest/globals';
import { AdjointError } from '../../src/core/errors.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, liveObjects, rejectionOf, smallModel, taken, thrownBy, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(6);

describe('weights of a model', () => {
  useTestEngine();

  it('are read as copies and written in the same order', () => {
    const [a, b] = [smallModel(), smallModel()];
    a.build([null, 3], 1);
    b.build([null, 3], 2);
    const values = a.getWeights();
    expect(values.map(({ shape }) => shape)).toEqual([[3, 4], [4], [4, 1], [1]]);
    b.setWeights(values);
    expect(weightsOf(b)).toEqual(weightsOf(a));
    tf.dispose(values);
    expect(weightsOf(b)).toEqual(weightsOf(a));
    a.dispose();
    b.dispose();
  });

  it('are all checked before the first is written', () => {
    const model = smallModel();
    model.build([null, 3]);
    const before = weightsOf(model);
    const good = model.getWeights();
    const [changed, integer] = [tf.ones([3, 4]), tf.zeros([1], 'int32')];
    const messages = [
      [changed, ...good.slice(1, 3)],
      [changed, good[1]!, good[3]!, good[2]!],
      [changed, good[1]!, good[2]!, integer],
      [changed, good[1]!, good[2]!, 7 as unknown as Tensor],
    ].map((weights) => thrownBy(() => model.setWeights(weights)).message);
    expect(messages).toMatchInlineSnapshot(`
     [
       "ShapeError [weight-count] setWeights of model "small"
       expected  4 tensors: dense/kernel, dense/bias, dense_1/kernel, dense_1/bias
       received  3",
       "ShapeError [weight-shape] weight "dense_1/kernel" of model "small"
       expected  float32 [4, 1]
       received  float32 [1]",
       "ShapeError [weight-shape] weight "dense_1/bias" of model "small"
       expected  float32 [1]
       received  int32 [1]",
       "ShapeError [weight-shape] weight "dense_1/bias" of model "small"
       expected  float32 [1]
       received  7, not a tensor",
     ]
    `);
    expect(weightsOf(model)).toEqual(before);
    tf.dispose([...good, changed, integer]);
    model.dispose();
  });

  it('are counted, statistics included', () => {
    const model = sequential([layers.dense({ units: 4 }), layers.batchNormalization()]);
    model.build([null, 3]);
    expect(model.countParams()).toBe(3 * 4 + 4 + 4 * 4);
    model.dispose();
  });
});

describe('summary, layers and getLayer', () => {
  useTestEngine();
  const model = () =>
    sequential(
      [
        sequential([layers.conv2d({ filters: 2, kernelSize: 3 }), layers.batchNormalization()], { name: 'body' }),
        layers.flatten(),
        layers.dense({ units: 10, trainable: false }),
      ],
      { name: 'digits' },
    );

  it('print a table', () => {
    const net = model();
    net.build([null, 6, 6, 1]);
    const lines: string[] = [];
    net.summary((text) => lines.push(text));
    expect(lines.join('\n')).toMatchInlineSnapshot(`
     "Model "digits" (Sequential)
     ┌───────────────────────────────────────────────┬──────────────────┬────────────┐
     │ layer                                         │ output           │ parameters │
     ├───────────────────────────────────────────────┼──────────────────┼────────────┤
     │ body (Sequential)                             │ [batch, 4, 4, 2] │          0 │
     │ body/conv2d (Conv2D)                          │ [batch, 4, 4, 2] │         20 │
     │ body/batch_normalization (BatchNormalization) │ [batch, 4, 4, 2] │          8 │
     │ flatten (Flatten)                             │ [batch, 32]      │          0 │
     │ dense (Dense)                                 │ [batch, 10]      │        330 │
     └───────────────────────────────────────────────┴──────────────────┴────────────┘
     Parameters: 358 (24 trainable, 334 not), 1.4 kB in float32"
    `);
    net.dispose();
  });

  it('find a layer by path and by a name that one layer has', () => {
    const net = model();
    expect(net.layers.map(({ path }) => path)).toEqual([
      'body',
      'body/conv2d',
      'body/batch_normalization',
      'flatten',
      'dense',
    ]);
    expect(net.getLayer('body/conv2d')).toBe(net.layers[1]);
    expect(net.getLayer('conv2d')).toBe(net.layers[1]);
    const twins = sequential([
      sequential([layers.flatten()], { name: 'a' }),
      sequential([layers.flatten()], { name: 'b' }),
    ]);
    expect([net, twins].map((each) => thrownBy(() => each.getLayer(each === net ? 'conv2' : 'flatten')).message))
      .toMatchInlineSnapshot(`
     [
       "OptionsError [unknown-layer] getLayer of model "digits"
       expected  the path of a layer, or a name that one layer has
       received  "conv2"
       fix       did you mean "conv2d" or "body/conv2d"?",
       "OptionsError [unknown-layer] getLayer of model "sequential"
       expected  the path of a layer, or a name that one layer has
       received  "flatten"
       fix       did you mean "a/flatten" or "b/flatten"?",
     ]
    `);
  });
});

describe('dispose', () => {
  useTestEngine();

  it('frees all that compile, fit, evaluate and predict made; a second call does nothing', async () => {
    const before = liveObjects();
    const model = sequential([layers.dense({ units: 3 }), layers.batchNormalization(), layers.dense({ units: 1 })]);
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['mean'] });
    await model.fit(x, y, { epochs: 2, validationSplit: 0.5, verbose: 0 });
    taken(await model.predict(x));
    await model.evaluate(x, y);
    expect(liveObjects().variables).toBeGreaterThan(before.variables);
    model.dispose();
    model.dispose();
    expect(liveObjects()).toEqual(before);
  });

  it('happens at the end of a using block', async () => {
    const before = liveObjects();
    {
      using model = smallModel();
      model.compile({ loss: 'meanSquaredError' });
      await model.fit(x, y, { verbose: 0 });
    }
    expect(liveObjects()).toEqual(before);
  });

  it('compiling again frees the state before and keeps the weights', async () => {
    const model = smallModel();
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
    await model.fit(x, y, { verbose: 0 });
    const weights = weightsOf(model);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    expect(weightsOf(model)).toEqual(weights);
    expect(liveObjects().variables).toBe(4);
    await model.fit(x, y, { verbose: 0 });
    model.dispose();
  });
});

describe('a build that a layer refuses', () => {
  useTestEngine();

  it('leaves no weight behind, and the next one starts afresh', async () => {
    const before = liveObjects();
    const model = sequential([layers.dense({ units: 4 }), layers.conv2d({ filters: 2, kernelSize: 3 })]);
    expect(thrownBy(() => model.build([null, 3]))).toBeInstanceOf(AdjointError);
    expect(model.built).toBe(false);
    expect(liveObjects()).toEqual(before);
    model.build([null, 5, 5, 7]);
    expect(model.weightTree().get('dense/kernel')!.handle.shape).toEqual([7, 4]);
    model.dispose();

    const flat = sequential([
      layers.dense({ units: 4 }),
      layers.batchNormalization(),
      layers.conv2d({ filters: 1, kernelSize: 1 }),
    ]);
    flat.compile({ loss: 'meanSquaredError' });
    await rejectionOf(flat.fit(x, y, { verbose: 0 }));
    await rejectionOf(flat.predict(x));
    expect(liveObjects()).toEqual(before);
    flat.dispose();
  });
});

describe('a layer that call() uses without declaring it', () => {
  useTestEngine();

  it('is refused by name, because it would not be trained', async () => {
    const hidden = layers.dense({ units: 2, name: 'hidden' });
    class Careless extends BaseModel {
      private readonly inner = hidden;
      call(input: Tensor, context: CallContext): Tensor {
        return this.inner.call(input, context);
      }
    }
    const model = new Careless();
    model.compile({ loss: 'meanSquaredError' });
    expect((await rejectionOf(model.fit(x, y, { verbose: 0 }))).message).toMatchInlineSnapshot(`
     "SetupError [undeclared-child] layer "hidden" (Dense)
       expected  layers called inside another layer to be declared as its children
       received  a call from a layer that does not declare it: its weights would not be trained
       fix       hold it in a field decorated with @Child()"
    `);
    model.dispose();
  });
});
