import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadModel } from '../../src/compat/load-model.js';
import type { AdjointError } from '../../src/core/errors.js';
import { tf } from '../../src/engine/tfjs.js';
import '../../src/container.js';
import { useTestEngine } from '../helpers/engine.js';
import { rejectionOf, scattered, taken } from '../helpers/models.js';
import { useTemporaryFolder } from '../helpers/temporary-folder.js';

/** Sums of at most 200 float32 products in another order, over four layers. */
const TOLERANCE = 5e-6;

useTestEngine();
const folder = useTemporaryFolder();
const failure = async (promise: Promise<unknown>) => (await rejectionOf(promise)) as AdjointError;

type Artifacts = tf.io.ModelArtifacts;

/** A model of tf.layers written as its file handlers write it, in two shards. */
async function written(
  model: tf.LayersModel,
  change: (json: Record<string, unknown>) => void = () => {},
): Promise<string> {
  let artifacts: Artifacts | undefined;
  const handler = tf.io.withSaveHandler(async (given) => {
    artifacts = given;
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await model.save(handler);
  const { modelTopology, weightSpecs, weightData, format, generatedBy } = artifacts!;
  const bytes = Buffer.from(weightData as ArrayBuffer);
  const path = folder.at('tf-layers');
  mkdirSync(path, { recursive: true });
  const half = Math.floor(bytes.length / 8) * 4 + 2;
  writeFileSync(`${path}/weights.1.bin`, bytes.subarray(0, half));
  writeFileSync(`${path}/weights.2.bin`, bytes.subarray(half));
  const weightsManifest = [{ paths: ['weights.1.bin', 'weights.2.bin'], weights: weightSpecs }];
  const json = JSON.parse(
    JSON.stringify({ format, generatedBy, convertedBy: null, modelTopology, weightsManifest }),
  ) as Record<string, unknown>;
  change(json);
  writeFileSync(`${path}/model.json`, JSON.stringify(json));
  return path;
}

function scramble(model: tf.LayersModel): void {
  const weights = model
    .getWeights()
    .map((weight, i) =>
      tf.tidy(() =>
        tf.add(tf.tensor(scattered(weight.size, 5 * i + 1), weight.shape), weight.shape.length === 1 ? 1.5 : 0),
      ),
    );
  model.setWeights(weights);
  tf.dispose(weights);
}

const images = (): tf.Sequential =>
  tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 6, 2],
        filters: 3,
        kernelSize: [3, 2],
        padding: 'same',
        activation: 'relu',
        kernelRegularizer: tf.regularizers.l2({ l2: 0.01 }),
      }),
      tf.layers.batchNormalization(),
      tf.layers.maxPooling2d({ poolSize: [2, 2], strides: [2, 2] }),
      tf.layers.conv2d({ filters: 4, kernelSize: 2, dilationRate: [1, 2], useBias: false, activation: 'swish' }),
      tf.layers.activation({ activation: 'selu' }),
      tf.layers.flatten(),
      tf.layers.dropout({ rate: 0.3 }),
      tf.layers.reshape({ targetShape: [4, 3] }),
      tf.layers.dense({ units: 5, activation: 'softplus' }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: 'softmax', name: 'the_head' }),
    ],
  });
const pooled = (): tf.Sequential =>
  tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [5, 5, 1], filters: 3, kernelSize: 2, strides: 2, activation: 'elu' }),
      tf.layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }),
      tf.layers.dense({ units: 2 }),
    ],
  });

describe('a model of tf.layers', () => {
  it.each([
    ['with images', images, [3, 8, 6, 2]],
    ['with pooled channels', pooled, [3, 5, 5, 1]],
  ])('%s predicts here as there', async (_, make, shape) => {
    const model = make();
    scramble(model);
    const x = tf.tensor(scattered(shape.reduce((a, b) => a * b, 1)), shape);
    const expected = taken(model.predict(x) as tf.Tensor);
    const loaded = await loadModel(await written(model));
    const actual = taken(await loaded.predict(x));
    expect(Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThanOrEqual(TOLERANCE);
    expect(loaded.countParams()).toBe(model.countParams());
    x.dispose();
    model.dispose();
    loaded.dispose();
  });

  it('may be saved here, and trained', async () => {
    const theirs = pooled();
    const model = await loadModel(await written(theirs));
    model.compile({ loss: 'meanSquaredError' });
    const x = tf.ones([4, 5, 5, 1]);
    const y = Array.from({ length: 4 }, () => [0, 1]);
    await model.fit(x, y, { epochs: 1, verbose: 0, batchSize: 4 });
    await model.save(folder.at('ours'));
    const again = await loadModel(folder.at('ours'));
    expect(taken(await again.predict(x))).toEqual(taken(await model.predict(x)));
    for (const made of [theirs, model, again, x]) made.dispose();
  });

  it.each<[string, () => tf.LayersModel, string, string]>([
    ['a layer', () => tf.sequential({ layers: [tf.layers.lstm({ units: 2, inputShape: [3, 2] })] }), 'lstm', '"LSTM"'],
    [
      'an activation',
      () => tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3], activation: 'relu6' })] }),
      '"activation"',
      '"relu6"',
    ],
    [
      'a constraint',
      () => tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3], kernelConstraint: 'nonNeg' })] }),
      '"kernel_constraint"',
      'class_name',
    ],
    [
      'channels first',
      () => tf.sequential({ layers: [tf.layers.flatten({ inputShape: [3, 2, 2], dataFormat: 'channelsFirst' })] }),
      '"data_format"',
      'channels',
    ],
    [
      'another axis',
      () => tf.sequential({ layers: [tf.layers.batchNormalization({ axis: 1, inputShape: [3, 2] })] }),
      '"axis"',
      '1',
    ],
    [
      'a graph of layers',
      () => {
        const input = tf.input({ shape: [3] });
        return tf.model({ inputs: input, outputs: tf.layers.dense({ units: 1 }).apply(input) as tf.SymbolicTensor });
      },
      'model.json',
      'odel"',
    ],
  ])('is refused for %s that there is none of here, by name', async (_, make, where, received) => {
    const model = make();
    const error = await failure(loadModel(await written(model)));
    expect([error.name, error.kind]).toEqual(['DataError', 'unsupported-layer']);
    expect(error.where).toContain(where);
    expect(error.received).toContain(received);
    model.dispose();
  });

  type Manifest = {
    paths: string[];
    weights: { name: string; shape: number[]; dtype: string; quantization?: object }[];
  }[];
  const manifestOf = (json: Record<string, unknown>) => (json.weightsManifest as Manifest)[0]!;
  it.each<[string, (json: Record<string, unknown>) => void, string]>([
    ['a path out of the folder', (json) => (manifestOf(json).paths[0] = '../weights.bin'), 'model-config'],
    ['an absolute path', (json) => (manifestOf(json).paths[0] = '/etc/passwd'), 'model-config'],
    ['an address', (json) => (manifestOf(json).paths[0] = 'https://example.org/w.bin'), 'model-config'],
    ['a file that is not there', (json) => (manifestOf(json).paths[0] = 'weights.3.bin'), 'no-such-file'],
    ['a shard too few', (json) => manifestOf(json).paths.pop(), 'weights-size'],
    ['a huge weight', (json) => (manifestOf(json).weights[0]!.shape = [1e9, 1e9]), 'model-config'],
    ['a larger weight', (json) => (manifestOf(json).weights[0]!.shape = [1e9]), 'weights-size'],
    ['another type', (json) => (manifestOf(json).weights[0]!.dtype = 'int32'), 'unsupported-weights'],
    ['quantised weights', (json) => (manifestOf(json).weights[0]!.quantization = { scale: 1 }), 'unsupported-weights'],
    ['a weight of another layer', (json) => (manifestOf(json).weights[0]!.name = 'other/kernel'), 'weights-differ'],
    [
      'the same weight twice',
      (json) => (manifestOf(json).weights[1]!.name = manifestOf(json).weights[0]!.name),
      'model-config',
    ],
    ['no topology', (json) => delete json.modelTopology, 'model-config'],
    ['no manifest', (json) => delete json.weightsManifest, 'model-config'],
    ['a graph', (json) => (json.format = 'graph-model'), 'other-format'],
    ['no format', (json) => delete json.format, 'other-format'],
  ])('is refused with %s', async (_, change, kind) => {
    const model = pooled();
    const error = await failure(loadModel(await written(model, change)));
    expect([error.name, error.kind]).toEqual(['DataError', kind]);
    model.dispose();
  });

  it('is refused for options that no memory holds, and for a shape that no input has', async () => {
    const model = pooled();
    const path = await written(model);
    const text = readFileSync(`${path}/model.json`, 'utf8');
    writeFileSync(`${path}/model.json`, text.replace('"units":2', '"units":1000000000000000'));
    expect((await failure(loadModel(path))).kind).toBe('model-config');
    writeFileSync(`${path}/model.json`, text.replace('[null,5,5,1]', '[null,50000,50000,1]'));
    expect((await failure(loadModel(path))).kind).toBe('model-config');
    model.dispose();
  });
});
