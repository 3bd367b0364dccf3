// Trains a network through int8 rounding: `node scripts/run-example.mjs straight-through`.
import { grad, handwrittenDigits, SparseCategoricalCrossentropy, startEngine, tf, type BaseModel } from 'adjoint';
import { Command } from 'commander';
import { readInIntegers } from './integer-network.js';
import { fakeQuantize, makePerceptron, roundings, type Quantization } from './quantized-dense.js';

const SEED = 1;
/** What int8 may cost of the accuracy. */
const MOST_LOST = 0.02;
/** What training through the rounding has to add where a kernel has two bits only: -1, 0 and 1. */
const LEAST_GAIN = 0.1;
/** A value half-way between two whole numbers may be rounded either way, which may turn a close decision. */
const LEAST_SAME = 0.99;

const { smoke = false } = new Command('straight-through')
  .description('Trains a perceptron whose weights and inputs are rounded to int8, by a straight-through gradient.')
  .option('--smoke', 'few digits and no verdict on accuracies')
  .parse()
  .opts<{ smoke?: boolean }>();

const digits = handwrittenDigits(
  smoke ? { train: 256, test: 100, seed: SEED } : { train: 4000, test: 1000, seed: SEED },
);
const testSize = digits.test.x.shape[0]!;

function compiled(quantization?: Quantization): BaseModel {
  const model = makePerceptron(quantization);
  const loss = new SparseCategoricalCrossentropy({ fromLogits: true });
  model.compile({ optimizer: 'adam', loss, metrics: ['accuracy'], seed: SEED });
  return model;
}

async function trained(quantization?: Quantization): Promise<BaseModel> {
  const model = compiled(quantization);
  await model.fit(digits.train, { epochs: smoke ? 1 : 8, batchSize: 50, verbose: 0 });
  return model;
}

/** A network that rounds, with the weights of one that was trained without. */
async function roundedAfterwards(model: BaseModel, bits: number): Promise<BaseModel> {
  const rounded = compiled({ bits, rounding: 'straightThrough' });
  rounded.build([null, 28, 28, 1]);
  const weights = model.getWeights();
  rounded.setWeights(weights);
  tf.dispose(weights);
  return rounded;
}

/** Accuracy on the test digits, all in one batch: the scale of a layer's input is that of the batch. */
async function accuracyOf(model: BaseModel): Promise<number> {
  return (await model.evaluate(digits.test, { batchSize: testSize }))['accuracy']!;
}

/** Share of the test digits that whole numbers read as the rounding network does. */
async function sameInIntegers(model: BaseModel, bits: number): Promise<number> {
  const logits = await model.predict(digits.test.x, { batchSize: testSize });
  const expected = tf.tidy(() => tf.argMax(logits, -1).dataSync());
  const weights = model.getWeights();
  const found = readInIntegers(digits.test.x.values as Float32Array, weights, bits);
  tf.dispose([logits, weights]);
  return found.filter((digit, i) => digit === expected[i]).length / testSize;
}

/** The gradient of `sum(fakeQuantize(x))` by x, which is 1 with the identity's gradient and 0 with rounding's own. */
function gradients(rounding: keyof typeof roundings): number[] {
  return tf.tidy(() => {
    const x = tf.tensor1d([-1, -0.3, 0.2, 0.9]);
    return [...grad((at) => tf.sum(fakeQuantize(at, 8, roundings[rounding])))(x).dataSync()];
  });
}

async function main(): Promise<void> {
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}; ${digits.train.x.shape[0]} digits to train on.`);
  const [through, plain] = [gradients('straightThrough'), gradients('plain')];
  console.log(`gradient of a quantised sum: straight through [${through.join(', ')}], its own [${plain.join(', ')}]\n`);

  const inFloat = await trained();
  const reference = await accuracyOf(inFloat);
  console.log(`trained and run in float32: accuracy ${reference.toFixed(3)}\n`);
  console.log('bits of a kernel   rounded afterwards   trained with straightThrough   with the own gradient of round');
  const accuracies: Record<number, { afterwards: number; through: number; own: number }> = {};
  let same = 0;
  for (const bits of [8, 2]) {
    const models = {
      afterwards: await roundedAfterwards(inFloat, bits),
      through: await trained({ bits, rounding: 'straightThrough' }),
      own: await trained({ bits, rounding: 'plain' }),
    };
    const [afterwards, through, own] = [
      await accuracyOf(models.afterwards),
      await accuracyOf(models.through),
      await accuracyOf(models.own),
    ];
    accuracies[bits] = { afterwards, through, own };
    const columns = [afterwards.toFixed(3).padStart(18), through.toFixed(3).padStart(28), own.toFixed(3).padStart(30)];
    console.log(`${String(bits).padStart(16)}   ${columns.join('   ')}`);
    if (bits === 8) same = await sameInIntegers(models.through, bits);
    for (const model of Object.values(models)) model.dispose();
  }
  console.log(`\nint8 products summed in int32 read ${(100 * same).toFixed(1)} % of the digits alike`);
  inFloat.dispose();

  const [eight, two] = [accuracies[8]!, accuracies[2]!];
  const gradientsRight = through.every((slope) => slope === 1) && plain.every((slope) => slope === 0);
  const trains = eight.through >= reference - MOST_LOST && two.through >= two.afterwards + LEAST_GAIN;
  const works = gradientsRight && same >= LEAST_SAME && (smoke || trains);
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (int8 ${eight.through.toFixed(3)}, float32 ${reference.toFixed(3)}` +
      `${smoke ? '' : `, at most ${MOST_LOST} less wanted; 2 bits gained ${(two.through - two.afterwards).toFixed(3)} by training, ${LEAST_GAIN} wanted`})`,
  );
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
