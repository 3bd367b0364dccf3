import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { Dense } from '../../src/layers/dense.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, rejectionOf, thrownBy } from '../helpers/models.js';
import { refusal } from '../helpers/refusal.js';

const { x, y } = linearData(4);

const built = (): BaseModel => sequential([layers.dense({ units: 1, inputShape: [3] })], { name: 'digits' });

describe('refused are', () => {
  useTestEngine();

  it('training before compile', async () => {
    const model = built();
    model.summary(() => undefined);
    expect(await refusal(model, () => model.fit(x, y))).toMatchInlineSnapshot(`
     "StateError [not-compiled] fit of model "digits"
       expected  a compiled model
       received  a model that was not compiled
       fix       call model.compile({ optimizer, loss }) first"
    `);
    expect(await refusal(model, () => model.evaluate(x, y))).toMatchInlineSnapshot(`
     "StateError [not-compiled] evaluate of model "digits"
       expected  a compiled model
       received  a model that was not compiled
       fix       call model.compile({ optimizer, loss }) first"
    `);
    expect(await refusal(model, () => model.trainOnBatch(x, y))).toMatchInlineSnapshot(`
     "StateError [not-compiled] trainOnBatch of model "digits"
       expected  a compiled model
       received  a model that was not compiled
       fix       call model.compile({ optimizer, loss }) first"
    `);
    expect(await refusal(model, () => model.gradients(x, y))).toMatchInlineSnapshot(`
     "StateError [not-compiled] gradients of model "digits"
       expected  a compiled model
       received  a model that was not compiled
       fix       call model.compile({ optimizer, loss }) first"
    `);
    model.dispose();
  });

  it('a second fit at once', async () => {
    const model = built();
    model.compile({ loss: 'meanSquaredError' });
    let message = '';
    const callback = new LambdaCallback({
      onBatchBegin: async () => {
        message = await refusal(model, () => model.fit(x, y));
      },
    });
    await model.fit(x, y, { verbose: 0, callbacks: [callback] });
    expect(message).toMatchInlineSnapshot(`
     "StateError [already-training] fit of model "digits"
       expected  one training at a time
       received  fit while fit is running
       fix       await the running fit first"
    `);
    model.dispose();
  });

  it('a use after dispose', async () => {
    const model = built();
    model.compile({ loss: 'meanSquaredError' });
    const dense = model.getLayer('dense') as unknown as Dense;
    model.dispose();
    expect(model.disposed).toBe(true);
    const uses: (() => unknown)[] = [
      () => model.compile({ loss: 'meanSquaredError' }),
      () => model.getWeights(),
      () => model.setWeights([]),
      () => model.countParams(),
      () => model.summary(),
      () => model.build([null, 3]),
      () => tf.tidy(() => model.call(tf.ones([1, 3]), undefined as never)),
      () => dense.kernel.value,
    ];
    expect(uses.map((use) => thrownBy(use).message.split('\n')[0])).toMatchInlineSnapshot(`
     [
       "StateError [disposed] model "digits"",
       "StateError [disposed] model "digits"",
       "StateError [disposed] model "digits"",
       "StateError [disposed] model "digits"",
       "StateError [disposed] model "digits"",
       "StateError [disposed] model "digits"",
       "StateError [disposed] model "digits"",
       "StateError [weight-disposed] weight "kernel" of layer "dense" (Dense) of model "digits"",
     ]
    `);
    const runs = [
      model.fit(x, y),
      model.evaluate(x, y),
      model.predict(x),
      model.trainOnBatch(x, y),
      model.gradients(x, y),
    ];
    const messages = await Promise.all(runs.map(async (run) => (await rejectionOf(run)).message));
    expect([...new Set(messages)]).toMatchInlineSnapshot(`
     [
       "StateError [disposed] model "digits"
       expected  a layer in use
       received  a use after dispose()
       fix       make a new one, or dispose later",
     ]
    `);
  });

  it('weights that do not exist yet', () => {
    const model = sequential([layers.dense({ units: 1 })], { name: 'digits' });
    const dense = model.layers[0] as unknown as Dense;
    expect(thrownBy(() => dense.kernel.value).message).toMatchInlineSnapshot(`
     "StateError [weight-not-built] weight "kernel" of layer "dense" (Dense) of model "digits"
       expected  a built layer
       received  a read before its first call
       fix       call the model on data, or model.build(inputShape), first"
    `);
    expect(thrownBy(() => model.getWeights()).message).toMatchInlineSnapshot(`
     "StateError [not-built] getWeights of model "digits"
       expected  a model whose weights exist
       received  a model that was not built
       fix       call model.build([null, ...inputShape]), fit or predict first, or give the first layer an inputShape"
    `);
    expect(thrownBy(() => model.summary()).message).toMatchInlineSnapshot(`
     "StateError [not-built] summary of model "digits"
       expected  a model whose weights exist
       received  a model that was not built
       fix       call model.build([null, ...inputShape]), fit or predict first, or give the first layer an inputShape"
    `);
  });

  it('two layers of one name', () => {
    const chain = () =>
      sequential([layers.dense({ units: 1, name: 'out' }), layers.dense({ units: 1, name: 'out' })], {
        name: 'digits',
      });
    expect(thrownBy(chain).message).toMatchInlineSnapshot(`
     "SetupError [duplicate-name] model "digits"
       expected  layers of different names
       received  two named "out"
       fix       give one of them another name option"
    `);
    class Twins extends BaseModel {
      a = layers.dense({ units: 1, name: 'out' });
      b = layers.dense({ units: 1, name: 'out' });
      override children() {
        return [this.a, this.b].map(
          (layer) => [layer.options.name, layer] as unknown as ReturnType<BaseModel['children']>[0],
        );
      }
      call(input: Tensor): Tensor {
        return this.b.call(this.a.call(input));
      }
    }
    expect(thrownBy(() => new Twins().build([null, 3])).message).toMatchInlineSnapshot(`
     "SetupError [duplicate-name] model "twins"
       expected  children of different names
       received  two named "out"
       fix       give one of them another name option"
    `);
  });

  it('a chain that is none', () => {
    const make = (chain: unknown) => thrownBy(() => sequential(chain as [])).message;
    expect([make([layers.dense]), make([5]), make(5), make([{ units: 1 }])]).toMatchInlineSnapshot(`
     [
       "SetupError [child-type] element 0 of model "sequential"
       expected  a layer
       received  the function dense
       fix       call the factory, or make an instance with new",
       "SetupError [child-type] element 0 of model "sequential"
       expected  a layer
       received  5",
       "SetupError [no-layers] model "sequential"
       expected  an array of layers
       received  5
       fix       write sequential([layers.dense({ units: 10 })])",
       "SetupError [child-type] element 0 of model "sequential"
       expected  a layer
       received  an object with keys units",
     ]
    `);
    expect(thrownBy(() => sequential([]).build([null, 3])).message).toMatchInlineSnapshot(`
     "SetupError [no-layers] model "sequential"
       expected  at least one layer
       received  none
       fix       pass them to sequential([...]) or add() them"
    `);
    const model = built();
    model.countParams();
    expect(thrownBy(() => (model as ReturnType<typeof sequential>).add(layers.flatten())).message)
      .toMatchInlineSnapshot(`
     "StateError [already-built] add of model "digits"
       expected  a model that was not built
       received  one that has its weights
       fix       add all layers before compile, fit, predict and summary"
    `);
    model.dispose();
  });

  it('an unknown layer of a model', () => {
    const model = built();
    expect(thrownBy(() => model.getLayer('dens')).message).toMatchInlineSnapshot(`
     "OptionsError [unknown-layer] getLayer of model "digits"
       expected  the path of a layer, or a name that one layer has
       received  "dens"
       fix       did you mean "dense"?"
    `);
    expect(thrownBy(() => model.setTrainable(5 as never, false)).message).toMatchInlineSnapshot(`
     "OptionsError [path-predicate] path predicate
       expected  a glob string, a RegExp, a function of the path, or a list of these
       received  5"
    `);
    model.dispose();
  });

  it('objects that are no callbacks', async () => {
    const model = built();
    model.compile({ loss: 'meanSquaredError' });
    const fit = (callbacks: unknown) =>
      refusal(model, () => model.fit(x, y, { verbose: 0, callbacks: callbacks as [] }));
    expect(await fit([{ onEpochEnd: () => undefined }])).toMatchInlineSnapshot(`
     "OptionsError [not-a-callback] option "callbacks"
       expected  objects of classes that extend BaseCallback
       received  an object with keys onEpochEnd
       fix       wrap functions in new LambdaCallback({ onEpochEnd: ... })"
    `);
    expect(await fit([LambdaCallback])).toMatchInlineSnapshot(`
     "OptionsError [not-a-callback] option "callbacks"
       expected  objects of classes that extend BaseCallback
       received  the function LambdaCallback
       fix       write new LambdaCallback()"
    `);
    expect(await fit({ onEpochEnd: () => undefined })).toMatchInlineSnapshot(`
     "OptionsError [invalid-option] option "callbacks" of fit of model "digits"
       expected  an array
       received  an object with keys onEpochEnd"
    `);
    const twice = new LambdaCallback();
    expect(await fit([twice, twice])).toMatchInlineSnapshot(`
     "StateError [callback-attached] callback "LambdaCallback"
       expected  a callback that takes part in one run at a time, once
       received  one that is attached to a run of model "digits" already
       fix       make one callback for each fit(), and list it once"
    `);
    model.dispose();
  });

  it('names that layers do not know', () => {
    const messages = [
      () => layers.dense({ units: 4, activation: 'rleu' as never }),
      () => layers.dense({ units: 4, kernelInitializer: 'heNormall' as never }),
      () => layers.dense({ units: 4, kernelRegularizer: 'l22' as never }),
      () => layers.dense({ unit: 4 } as never),
      () => layers.conv2d({ filters: 4, kernelsize: 3 } as never),
    ].map((make) => thrownBy(make).message);
    expect(messages).toMatchInlineSnapshot(`
     [
       "OptionsError [invalid-option] option "activation" of layer Dense
       expected  the name of an activation; did you mean "elu" or "relu"?
       received  "rleu"",
       "OptionsError [invalid-option] option "kernelInitializer" of layer Dense
       expected  the name of an initializer; did you mean "heNormal"?
       received  "heNormall"",
       "OptionsError [invalid-option] option "kernelRegularizer" of layer Dense
       expected  the name of a regularizer; did you mean "l2" or "l1" or "l1l2"?
       received  "l22"",
       "OptionsError [unknown-option] option "unit" of layer Dense
       expected  a known option
       received  "unit"
       fix       did you mean "units"?",
       "OptionsError [unknown-option] option "kernelsize" of layer Conv2D
       expected  a known option
       received  "kernelsize"
       fix       did you mean "kernelSize"?",
     ]
    `);
  });
});
