import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTfLayers } from '../../../src/compat/read-tf-layers.js';
import { DataError } from '../../../src/core/errors.js';
import { currentServices } from '../../../src/core/services.js';
import { layers } from '../../../src/layers/layers.js';
import { ClassLookup } from '../../../src/model/class-lookup.js';
import { makeModel } from '../../../src/model/load-model.js';
import { MODEL_FILE, WEIGHTS_FILE } from '../../../src/model/save-model.js';
import { sequential } from '../../../src/model/sequential.js';
import { isJsonObject, parseJson } from '../../../src/storage/checked-json.js';
import { decodeSafetensors } from '../../../src/storage/safetensors.js';
import { mutated } from './hostile-bytes.js';
import type { Target } from './run-fuzz.js';

const SHARD = 'group1-shard1of1.bin';
const FILE = 'the file';

/** Readers of whole models, which build what they read; `import` the composition root before. */
export async function makeModelTargets(): Promise<{ targets: Target[]; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'adjoint-fuzz-'));
  const model = sequential([
    layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [6, 6, 1] }),
    layers.batchNormalization(),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    layers.dropout({ rate: 0.5 }),
    layers.dense({ units: 3, kernelRegularizer: 'l2' }),
  ]);
  model.build([null, 6, 6, 1]);
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['mean'] });
  await model.save(folder);
  model.dispose();
  const config = await readFile(join(folder, MODEL_FILE));
  const { tensors } = decodeSafetensors(new Uint8Array(await readFile(join(folder, WEIGHTS_FILE))), FILE);
  const classes = new ClassLookup([], currentServices().registries);
  await writeFile(join(folder, SHARD), new Uint8Array(4 * (2 * 3 + 3 + 3 * 1 + 1)));
  const targets: Target[] = [
    {
      name: 'model.json, mutated',
      percent: 7,
      inputs: mutated([new Uint8Array(config)]),
      read: (bytes) =>
        makeModel({ json: parseJson(bytes, FILE), tensors, classes, file: FILE, compile: true }).dispose(),
    },
    {
      name: 'model.json of tf.layers, mutated',
      percent: 3,
      inputs: mutated([new TextEncoder().encode(JSON.stringify(tfLayersModel()))]),
      read: async (bytes) => {
        const json = parseJson(bytes, FILE);
        if (!isJsonObject(json)) throw new DataError('json', { where: FILE });
        (await readTfLayers(folder, json, FILE)).dispose();
      },
    },
  ];
  return { targets, remove: () => rm(folder, { recursive: true, force: true }) };
}

function tfLayersModel(): object {
  const dense = (name: string, units: number) => ({
    class_name: 'Dense',
    config: { name, units, activation: 'relu', use_bias: true, trainable: true },
  });
  const first = dense('dense_1', 3);
  const list = [{ ...first, config: { ...first.config, batch_input_shape: [null, 2] } }, dense('dense_2', 1)];
  const weight = (name: string, shape: number[]) => ({ name, shape, dtype: 'float32' });
  const weights = [weight('dense_1/kernel', [2, 3]), weight('dense_1/bias', [3]), weight('dense_2/kernel', [3, 1])];
  return {
    format: 'layers-model',
    modelTopology: { class_name: 'Sequential', config: { name: 'digits', layers: list }, keras_version: '4' },
    weightsManifest: [{ paths: [SHARD], weights: [...weights, weight('dense_2/bias', [1])] }],
  };
}
