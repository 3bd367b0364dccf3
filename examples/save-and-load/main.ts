// A model saved and loaded, its weights for PyTorch and back, a part of them in another model, and a SavedModel:
// `npm run save-and-load -- --help`.
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handwrittenDigits, loadModel, SparseCategoricalCrossentropy, tf, type BaseModel } from 'adjoint';
import { Command } from 'commander';
import { Classifier } from './models.js';

const { smoke = false, json = false } = new Command('save-and-load')
  .description('Saves a trained model in every way there is, loads it again, and compares.')
  .option('--smoke', 'few digits')
  .option('--json', 'print the result as one JSON object on the last line')
  .parse()
  .opts<{ smoke?: boolean; json?: boolean }>();

const digits = handwrittenDigits(smoke ? { train: 256, test: 100 } : { train: 2000, test: 500 });
const loss = (): SparseCategoricalCrossentropy => new SparseCategoricalCrossentropy({ fromLogits: true });

/** Whether two models give the same numbers, to the bit. */
async function predictAlike(a: BaseModel, b: BaseModel): Promise<boolean> {
  const x = tf.tensor(digits.test.x.values, [...digits.test.x.shape]);
  const [ours, theirs] = [await a.predict(x), await b.predict(x)];
  const [left, right] = [ours.dataSync(), theirs.dataSync()];
  tf.dispose([x, ours, theirs]);
  return left.every((value, i) => Object.is(value, right[i]));
}

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder);
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'adjoint-example-'));
  const model = new Classifier();
  model.compile({ optimizer: 'adam', loss: loss(), metrics: ['accuracy'], seed: 1 });
  await model.fit(digits.train, { epochs: smoke ? 1 : 3, batchSize: 64, verbose: 0 });
  const { accuracy } = await model.evaluate(digits.test);

  await model.save(join(folder, 'model'));
  const loaded = await loadModel(join(folder, 'model'), { classes: [Classifier] });
  const sameModel = await predictAlike(model, loaded);
  const again = await loaded.evaluate(digits.test);
  console.log(
    `model.save: ${await sizeOf(join(folder, 'model'))} bytes; accuracy ${accuracy}, loaded ${again.accuracy}`,
  );

  const torch = join(folder, 'torch.safetensors');
  await model.saveWeights(torch, { weightLayout: 'torch' });
  const other = new Classifier();
  // Recorded as the first one is: op by op the last bit may be another.
  other.compile({ loss: loss() });
  other.build([null, ...digits.test.x.shape.slice(1)]);
  const { loaded: names } = await other.loadWeights(torch);
  const sameWeights = await predictAlike(model, other);
  console.log(
    `saveWeights for PyTorch and back: ${names.length} weights, ${sameWeights ? 'the same' : 'OTHER'} predictions`,
  );

  const coarse = new Classifier({ classes: 2 });
  coarse.build([null, ...digits.test.x.shape.slice(1)]);
  const { loaded: moved, misshapen } = await coarse.loadWeights(torch, { partial: true });
  console.log(
    `into a model of two classes: ${moved.length} weights taken, left: ${misshapen.map(({ path }) => path).join(', ')}`,
  );

  await model.exportSavedModel(join(folder, 'served'));
  const served = await sizeOf(join(folder, 'served'));
  console.log(`exportSavedModel: ${served} bytes, for tf.saved_model.load of Python`);

  const passed = sameModel && sameWeights && again.accuracy === accuracy && moved.length === names.length - 2;
  console.log(`Verdict: ${passed ? 'ok' : 'FAILED'} (loaded models predict the same to the bit)`);
  if (json) console.log(JSON.stringify({ accuracy, sameModel, sameWeights, moved: moved.length, served, passed }));
  for (const made of [model, loaded, other, coarse]) made.dispose();
  await rm(folder, { recursive: true });
  if (!passed) process.exitCode = 1;
}

await main();
