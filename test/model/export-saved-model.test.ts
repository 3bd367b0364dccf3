import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import type { AdjointError } from '../../src/core/errors.js';
import { startEngine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { rejectionOf, scattered, taken } from '../helpers/models.js';
import { findPython, runPython } from '../helpers/python.js';
import { useTemporaryFolder } from '../helpers/temporary-folder.js';

/** Two ways to order sums of at most some hundred float32 products. */
const TOLERANCE = 1e-6;
const PYTHON_TIMEOUT = 120_000;

useTestEngine();
const folder = useTemporaryFolder();
const python = findPython('tensorflow');

const failure = async (promise: Promise<unknown>) => (await rejectionOf(promise)) as AdjointError;
const data = (shape: number[]): Tensor => tf.tensor(scattered(shape.reduce((a, b) => a * b, 1)), shape);

/** A tensor of the batch's shape, a reshape by the batch's size, and a sum over it. */
@Model('test/batch-shapes')
class BatchShapes extends BaseModel {
  @Child() inner = layers.dense({ units: 3, activation: 'gelu' });
  call(x: Tensor, context: CallContext): Tensor {
    const rows = this.inner.call(tf.reshape(x, [x.shape[0]! * 2, 2]), context);
    const pairs = tf.reshape(rows, [x.shape[0]!, 6]);
    return tf.add(pairs, tf.mul(tf.ones([x.shape[0]!, 6]), 0.5));
  }
}

/** Its numbers depend on the batch. */
@Model('test/batch-mean')
class BatchMean extends BaseModel {
  @Child() head = layers.dense({ units: 2 });
  call(x: Tensor, context: CallContext): Tensor {
    return tf.mul(this.head.call(x, context), 1 / Math.sqrt(x.shape[0]!));
  }
}

const image = (): BaseModel =>
  sequential([
    layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
    layers.batchNormalization(),
    layers.maxPooling2d(),
    layers.residual({ body: layers.conv2d({ filters: 6, kernelSize: 3, padding: 'same', dilationRate: 2 }) }),
    layers.flatten(),
    layers.dropout({ rate: 0.5 }),
    layers.dense({ units: 5, activation: 'softmax' }),
  ]);

const MODELS: readonly (readonly [string, () => BaseModel, number[]])[] = [
  ['of images', image, [8, 6, 2]],
  [
    'of sequences',
    () => sequential([layers.dense({ units: 4, activation: 'silu' }), layers.dense({ units: 2 })]),
    [5, 3],
  ],
  ['that reshapes the batch', () => new BatchShapes(), [4]],
];

/** Runs a SavedModel by the C library. */
function runHere(path: string, x: Tensor, [from, to]: readonly [string, string]): number[] {
  const { backend } = startEngine();
  const model = backend.binding.loadSavedModel(path, 'serve');
  const [output] = backend.binding.runSavedModel(model, [backend.nativeId(x)], from, to);
  const values = Array.from(backend.binding.tensorDataSync(output!.id) as Float32Array);
  backend.binding.deleteTensor(output!.id);
  backend.binding.deleteSavedModel(model);
  return values;
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  const largest = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  expect(largest).toBeLessThanOrEqual(TOLERANCE);
}

describe('an exported SavedModel', () => {
  it.each(MODELS)('of a model %s takes batches of any size, and is what predict computes', async (_, make, shape) => {
    const model = make();
    model.build([null, ...shape]);
    await model.exportSavedModel(folder.at('served'));
    await model.exportSavedModel(folder.at('served'));
    for (const size of [1, 4, 9]) {
      const x = data([size, ...shape]);
      const expected = taken(await model.predict(x));
      const outputs = namesOf(folder.at('served'));
      expectClose(runHere(folder.at('served'), x, outputs), expected);
      x.dispose();
    }
    model.dispose();
  });

  it('has the batch that is asked for where numbers depend on it', async () => {
    const model = new BatchMean();
    model.build([null, 3]);
    const error = await failure(model.exportSavedModel(folder.at('served')));
    expect([error.name, error.kind]).toEqual(['TraceError', 'fixed-batch']);
    expect(error.fix).toContain('{ batchSize: 32 }');
    await model.exportSavedModel(folder.at('served'), { batchSize: 4 });
    const x = data([4, 3]);
    expectClose(runHere(folder.at('served'), x, namesOf(folder.at('served'))), taken(await model.predict(x)));
    x.dispose();
    model.dispose();
  });

  it('is of the precision that the model predicts with', async () => {
    const model = sequential([layers.dense({ units: 8, activation: 'relu' }), layers.dense({ units: 2 })]);
    model.compile({ loss: 'meanSquaredError', precision: 'mixed_bfloat16', execution: 'eager' });
    model.build([null, 3]);
    await model.exportSavedModel(folder.at('served'));
    const x = data([4, 3]);
    expectClose(runHere(folder.at('served'), x, namesOf(folder.at('served'))), taken(await model.predict(x)));
    x.dispose();
    model.dispose();
  });

  it("replaces nobody's files", async () => {
    const model = sequential([layers.dense({ units: 1 })]);
    model.build([null, 2]);
    mkdirSync(folder.at('full'));
    writeFileSync(folder.at('full/keep.txt'), 'mine');
    writeFileSync(folder.at('file'), 'mine');
    expect((await failure(model.exportSavedModel(folder.at('full')))).kind).toBe('not-ours');
    expect((await failure(model.exportSavedModel(folder.at('file')))).kind).toBe('not-ours');
    expect((await failure(model.exportSavedModel(folder.at('new'), { batchSize: 0 }))).kind).toBe('invalid-option');
    model.dispose();
  });
});

/** Loads each model by Python and calls its signature. */
const PROGRAM = `
import json, sys
import numpy as np
import tensorflow as tf
results = []
for case in json.load(sys.stdin):
    signature = tf.saved_model.load(case["path"]).signatures["serving_default"]
    spec = signature.structured_input_signature[1]["inputs"]
    outputs = [signature(inputs=tf.constant(np.array(x["values"], np.float32).reshape(x["shape"])))["outputs"] for x in case["inputs"]]
    results.append({"spec": spec.shape.as_list(), "outputs": [output.numpy().ravel().tolist() for output in outputs],
                    "shape": signature.structured_outputs["outputs"].shape.as_list()})
print(json.dumps(results))
`;

describe("Python's tf.saved_model.load", () => {
  if ('absent' in python) {
    it('is not tried', () => {
      process.stderr.write(`SKIPPED: no SavedModel was opened by Python, because ${python.absent}.\n`);
    });
    return;
  }
  it(
    'opens them, and runs serving_default with equal outputs',
    async () => {
      const cases = [];
      const expected: number[][] = [];
      for (const [i, [, make, shape]] of MODELS.entries()) {
        const model = make();
        model.build([null, ...shape]);
        const path = folder.at(`model-${i}`);
        await model.exportSavedModel(path);
        const inputs = [];
        for (const size of [1, 7]) {
          const x = data([size, ...shape]);
          inputs.push({ shape: x.shape, values: Array.from(x.dataSync()) });
          expected.push(taken(await model.predict(x)));
          x.dispose();
        }
        cases.push({ path, inputs });
        model.dispose();
      }
      const results = runPython(python.command, PROGRAM, cases) as {
        spec: unknown;
        outputs: number[][];
        shape: unknown;
      }[];
      results.flatMap(({ outputs }) => outputs).forEach((outputs, i) => expectClose(outputs, expected[i]!));
      expect(results.map(({ spec }) => spec)).toEqual(MODELS.map(([, , shape]) => [null, ...shape]));
      expect(results[0]!.shape).toEqual([null, 5]);
    },
    PYTHON_TIMEOUT,
  );
});

/** Names of input and output in the file, which are written as text. */
function namesOf(path: string): [string, string] {
  const text = readFileSync(join(path, 'saved_model.pb'), 'latin1');
  const signature = text.slice(text.lastIndexOf('serving_default'));
  const [input, output] = [...signature.matchAll(/[\w./]+_\d+:\d+/g)].map(([name]) => name);
  return [input!, output!];
}
