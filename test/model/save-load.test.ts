import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { IsInt, Min } from 'class-validator';
import { loadModel } from '../../src/compat/load-model.js';
import { createAdjoint } from '../../src/container.js';
import type { AdjointError } from '../../src/core/errors.js';
import type { HostArrayInput } from '../../src/data/host-array.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { initializers } from '../../src/initializers/resolve-initializer.js';
import { Dense } from '../../src/layers/dense.js';
import type { BaseLayer } from '../../src/layers/base-layer.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { BaseLayer as LayerBase } from '../../src/layers/base-layer.js';
import { Child, Layer, Weight } from '../../src/layers/declarations.js';
import { LayerOptions } from '../../src/layers/layer-options.js';
import { layers } from '../../src/layers/layers.js';
import { regularizers } from '../../src/layers/regularizers.js';
import type { WeightHandle } from '../../src/layers/weight-handle.js';
import { BinaryCrossentropy } from '../../src/losses/binary-crossentropy.js';
import { BaseModel } from '../../src/model/base-model.js';
import { elementsOf } from '../../src/model/chain-elements.js';
import { Model } from '../../src/model/declarations.js';
import { sequential, type Sequential } from '../../src/model/sequential.js';
import { AdamW } from '../../src/optimizers/adam-w.js';
import { clipByGlobalNorm } from '../../src/optimizers/clip-by-global-norm.js';
import { CosineDecay } from '../../src/optimizers/schedules/cosine-decay.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { StepContext } from '../../src/training/step-context.js';
import { useTestEngine } from '../helpers/engine.js';
import { rejectionOf, rowsOf, scattered, taken, weightsOf } from '../helpers/models.js';
import { useTemporaryFolder } from '../helpers/temporary-folder.js';

useTestEngine();
const folder = useTemporaryFolder();

class ScaleOptions extends LayerOptions {
  /** Copies of the factor. Default 1. */
  @IsInt()
  @Min(1)
  times = 1;
}

@Layer('test/scale', ScaleOptions)
class Scale extends LayerBase<ScaleOptions> {
  @Weight<Scale>((_layer, input) => ({ shape: [input.at(-1)], initializer: 'ones' })) factor!: WeightHandle;
  call(x: Tensor): Tensor {
    return tf.mul(x, tf.mul(this.factor.value, this.options.times));
  }
}

class TowerOptions extends LayerOptions {
  /** Width of each tower. Default 3. */
  @IsInt()
  @Min(1)
  width = 3;
}

@Model('test/towers', TowerOptions)
class Towers extends BaseModel<TowerOptions> {
  @Child() left: BaseLayer = new Dense({ units: this.options.width, activation: 'tanh' });
  @Child() right: BaseLayer = sequential([new Dense({ units: this.options.width }), new Scale({ times: 2 })]);
  @Child() head = new Dense({ units: 1 });
  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(tf.add(this.left.call(x, context), this.right.call(x, context)), context);
  }
}

/** A step of its own with a layer that `call` does not use. */
@Model('test/probed')
class Probed extends BaseModel {
  @Child() head = new Dense({ units: 2 });
  @Child() probe = new Dense({ units: 1 });
  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(x, context);
  }
  override trainStep({ x }: DeviceBatch, step: StepContext): Record<string, Tensor> {
    return {
      loss: step.minimize(() => tf.mean(tf.square(this.probe.call(this.head.call(x, step.call), step.call)))),
    };
  }
}

const images = (): Tensor => tf.tensor(scattered(4 * 6 * 6 * 2), [4, 6, 6, 2]);

async function predictionsOf(model: BaseModel, x: HostArrayInput): Promise<number[]> {
  return taken(await model.predict(x));
}

/** Saves, loads, and expects weights and predictions to be equal to the bit. */
async function expectSame(
  model: BaseModel,
  x: HostArrayInput,
  options?: Parameters<typeof loadModel>[1],
): Promise<BaseModel> {
  await model.save(folder.at('model'));
  const loaded = await loadModel(folder.at('model'), options);
  expect(loaded.constructor).toBe(model.constructor);
  expect(loaded.layers.map(({ path }) => path)).toEqual(model.layers.map(({ path }) => path));
  await loaded.save(folder.at('again'));
  for (const file of ['model.json', 'weights.safetensors']) {
    expect(readFileSync(folder.at(`again/${file}`)).equals(readFileSync(folder.at(`model/${file}`)))).toBe(true);
  }
  expect(weightsOf(loaded)).toEqual(weightsOf(model));
  expect(await predictionsOf(loaded, x)).toEqual(await predictionsOf(model, x));
  return loaded;
}

const failure = async (promise: Promise<unknown>) => (await rejectionOf(promise)) as AdjointError;

describe('a saved and loaded model', () => {
  it('is the sequential one that was trained: layers, options, statistics and weights', async () => {
    const model = sequential(
      [
        layers.conv2d({
          filters: 3,
          kernelSize: [3, 2],
          padding: 'same',
          activation: 'relu',
          kernelInitializer: initializers.varianceScaling({ scale: 2, mode: 'fanOut' }),
          kernelRegularizer: regularizers.l1l2({ l1: 1e-4, l2: 1e-3 }),
        }),
        layers.batchNormalization({ momentum: 0.5 }),
        layers.maxPooling2d(),
        layers.residual({ body: [layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' })], name: 'block' }),
        layers.globalAveragePooling2d(),
        layers.dropout({ rate: 0.25 }),
        layers.dense({ units: 5, biasInitializer: 'ones', trainable: false, name: 'head' }),
        layers.activation({ activation: 'softmax' }),
      ],
      { name: 'classifier' },
    );
    model.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], optimizer: 'adam', seed: 3 });
    const x = images();
    await model.fit(x, [0, 1, 2, 3], { epochs: 2, batchSize: 4, verbose: 0 });
    const loaded = await expectSame(model, x);
    expect(loaded.name).toBe('classifier');
    expect(Object.keys(weightsOf(loaded))).toContain('batch_normalization/movingMean');
    expect(await loaded.evaluate(x, [0, 1, 2, 3])).toEqual(await model.evaluate(x, [0, 1, 2, 3]));
    const fit = { epochs: 1, batchSize: 4, verbose: 0 } as const;
    await loaded.fit(x, [0, 1, 2, 3], fit);
    expect(weightsOf(loaded)['conv2d/kernel']).not.toEqual(weightsOf(model)['conv2d/kernel']);
    expect(weightsOf(loaded)['head/kernel']).toEqual(weightsOf(model)['head/kernel']);
    tf.dispose(x);
    model.dispose();
    loaded.dispose();
  });

  it('is an object of the class that declares it, with layers and options of its own', async () => {
    const model = new Towers({ width: 5, name: 'towers' });
    const x = tf.tensor2d(rowsOf(3, 4));
    model.build([null, 4]);
    model.getLayer('left').trainable = false;
    const error = await model.save(folder.at('unknown')).then(() => failure(loadModel(folder.at('unknown'))));
    expect([error.name, error.kind, error.received]).toEqual(['LookupError', 'unknown-class', '"test/towers"']);
    expect(error.fix).toContain('{ classes: [...] }');
    const loaded = await expectSame(model, x, { classes: [Towers, Scale] });
    expect((loaded as Towers).options.width).toBe(5);
    expect(loaded.getLayer('left').trainable).toBe(false);
    expect(loaded.getLayer('right').trainable).toBe(true);
    const adjoint = createAdjoint();
    adjoint.register(Towers, Scale);
    const again = await adjoint.create(() => loadModel(folder.at('model')));
    expect(again).toBeInstanceOf(Towers);
    for (const made of [model, loaded, again, x]) made.dispose();
  });

  it('has one layer where one was used twice, also across models', async () => {
    const shared = new Dense({ units: 4, activation: 'tanh' });
    const inner = sequential([new Dense({ units: 4 }), shared]);
    const x = tf.tensor2d(rowsOf(3, 4));
    const other = new Towers({ width: 4 });
    const chain = sequential([shared, inner, layers.residual({ body: [inner, shared] }), other.left as Dense]);
    const all = sequential([other as unknown as Dense, layers.dense({ units: 4 }), other.left as Dense, shared, chain]);
    all.build([null, 4]);
    const loaded = (await expectSame(all, x, { classes: [Towers, Scale] })) as Sequential;
    const elements = elementsOf(loaded)!;
    expect(elements[2]).toBe((elements[0] as unknown as Towers).left);
    expect(elements[3]).toBe(elementsOf(elements[4]!)![0]);
    for (const made of [all, loaded, x]) made.dispose();
  });

  it('knows a layer that a class makes only after the class', async () => {
    const towers = new Towers({ width: 4 });
    const model = sequential([towers.left as Dense, towers as unknown as Dense]);
    model.build([null, 4]);
    const error = await failure(model.save(folder.at('model')));
    expect([error.name, error.kind]).toEqual(['SetupError', 'not-serialisable']);
    expect(error.fix).toContain('take it as an option of the class');
    model.dispose();
  });

  it('has the layers that only its own training step calls', async () => {
    const model = new Probed();
    model.compile({ optimizer: 'sgd' });
    const x = tf.tensor2d(rowsOf(4, 3));
    await model.fit({ x }, { epochs: 1, verbose: 0, batchSize: 4 });
    const loaded = await expectSame(model, x, { classes: [Probed] });
    expect(loaded.getLayer('probe').built).toBe(true);
    await loaded.fit({ x }, { epochs: 1, verbose: 0, batchSize: 4 });
    for (const made of [model, loaded, x]) made.dispose();
  });

  it('may be saved while it is training', async () => {
    const model = sequential([new Dense({ units: 1 })]);
    model.compile({ loss: 'meanSquaredError' });
    const x = rowsOf(64, 3);
    const fit = model.fit(
      x,
      x.map(() => [1]),
      { epochs: 20, batchSize: 8, verbose: 0 },
    );
    await model.save(folder.at('model'));
    await fit;
    const loaded = await loadModel(folder.at('model'));
    expect(loaded.countParams()).toBe(4);
    model.dispose();
    loaded.dispose();
  });
});

describe('the settings of compile', () => {
  const x = rowsOf(8, 3);
  const y = x.map(([a]) => [a! > 0 ? 1 : 0]);
  const small = (): Sequential =>
    sequential([
      new Dense({ units: 4, activation: 'tanh', name: 'body' }),
      new Dense({ units: 1, name: 'head', activation: 'sigmoid' }),
    ]);

  it('are those of before: the two models train alike to the bit', async () => {
    const model = small();
    model.compile({
      optimizer: new AdamW({
        learningRate: new CosineDecay({ initialLearningRate: 0.1, decaySteps: 20 }),
        excludeFromWeightDecay: [/bias$/, 'head'],
      }),
      loss: new BinaryCrossentropy({ labelSmoothing: 0.1 }),
      metrics: ['accuracy'],
      clip: { globalNorm: 0.5, only: /kernel$/ },
      weightAverage: { decay: 0.9 },
      gradientNoise: { eta: 0.01 },
      centralizeGradients: true,
      checkpoint: 'sqrt',
      seed: 7,
      execution: 'eager',
    });
    model.build([null, 3]);
    const loaded = await expectSame(model, x);
    const options = { epochs: 2, batchSize: 4, verbose: 0 } as const;
    const [before, after] = [await model.fit(x, y, options), await loaded.fit(x, y, options)];
    expect(after.history).toEqual(before.history);
    expect(Object.keys(after.history)).toContain('accuracy');
    expect(weightsOf(loaded)).toEqual(weightsOf(model));
    model.dispose();
    loaded.dispose();
  });

  it('have the learning rate that was in force', async () => {
    const model = small();
    const optimizer = new SGD({ learningRate: 0.5 });
    model.compile({ optimizer, loss: 'binaryCrossentropy', precision: 'mixed_bfloat16', float32Layers: 'head' });
    model.build([null, 3]);
    optimizer.learningRate = 0.125;
    await model.save(folder.at('model'));
    const text = readFileSync(folder.at('model/model.json'), 'utf8');
    expect(text).toContain('"learningRate": 0.125');
    expect(text).toContain('"precision": "mixed_bfloat16"');
    const loaded = await loadModel(folder.at('model'));
    const given = tf.tensor2d(x);
    expect(await predictionsOf(loaded, given)).toEqual(await predictionsOf(model, given));
    for (const made of [model, loaded, given]) made.dispose();
  });

  it('are left out by the one who saves or by the one who loads', async () => {
    const model = small();
    model.compile({ loss: 'binaryCrossentropy' });
    model.build([null, 3]);
    await model.save(folder.at('with'));
    await model.save(folder.at('without'), { compile: false });
    for (const loaded of [
      await loadModel(folder.at('with'), { compile: false }),
      await loadModel(folder.at('without')),
    ]) {
      expect((await failure(loaded.evaluate(x, y))).kind).toBe('not-compiled');
      loaded.dispose();
    }
    model.dispose();
  });

  it.each([
    ['a loss function', { loss: (a: Tensor, b: Tensor) => tf.sub(a, b) }, 'option "loss" of compile'],
    [
      'a metric function',
      { loss: 'mse', metrics: ['mean', (a: Tensor) => tf.mean(a, -1)] },
      'option "metrics[1]" of compile',
    ],
    [
      'a transform',
      { loss: 'mse', gradientTransforms: [clipByGlobalNorm(1)] },
      'option "gradientTransforms[0].transform" of compile',
    ],
    ['a predicate', { loss: 'mse', clip: { value: 1, only: () => true } }, 'option "clip.only" of compile'],
    ['a wild expression', { loss: 'mse', float32Layers: /(a+)+b/ }, 'option "float32Layers" of compile'],
  ])('are refused where they hold %s', async (_, options, where) => {
    const model = small();
    model.build([null, 3]);
    if (!('float32Layers' in options)) model.compile(options as never);
    else model.compile({ ...options, float32Layers: /(e+)+a/ } as never);
    const error = await failure(model.save(folder.at('model')));
    expect([error.name, error.kind, error.where]).toEqual(['SetupError', 'not-serialisable', where]);
    expect(error.fix).toContain('model.save(directory, { compile: false })');
    await model.save(folder.at('model'), { compile: false });
    model.dispose();
  });
});

describe('what no file can hold', () => {
  class Plain extends LayerBase {
    call(x: Tensor): Tensor {
      return tf.clone(x);
    }
  }
  const custom = {
    name: 'mine',
    values: (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1)),
  };

  it.each([
    [
      'an activation',
      () => new Dense({ units: 1, activation: (x: Tensor) => tf.mul(x, 2) }),
      'option "activation" of layer "dense"',
    ],
    [
      'an initializer',
      () => new Dense({ units: 1, kernelInitializer: custom }),
      'option "kernelInitializer.values" of layer "dense"',
    ],
    ['a class without a name', () => new Plain(), 'layer "plain" (Plain)'],
  ])('is refused when it is saved: %s', async (_, make, where) => {
    const model = sequential([make() as Dense, layers.dense({ units: 1 })]);
    model.build([null, 2]);
    const error = await failure(model.save(folder.at('model')));
    expect([error.name, error.kind]).toEqual(['SetupError', 'not-serialisable']);
    expect(error.where).toContain(where);
    expect(error.fix).toContain('keep the weights alone: model.saveWeights(path)');
    expect((await failure(loadModel(folder.at('model')))).kind).toBe('not-a-folder');
    model.dispose();
  });

  it('is a model that was not built, or was disposed', async () => {
    const model = sequential([layers.dense({ units: 1 })]);
    expect((await failure(model.save(folder.at('model')))).kind).toBe('not-built');
    expect((await failure(model.saveWeights(folder.at('weights')))).kind).toBe('not-built');
    model.dispose();
    expect((await failure(model.save(folder.at('model')))).kind).toBe('disposed');
  });
});
