// Trains a large network, then a small one that learns from it: `node scripts/run-example.mjs distillation --help`.
import {
  Adam,
  handwrittenDigits,
  SparseCategoricalCrossentropy,
  startEngine,
  type BaseModel,
  type HostArray,
  type LabelledImages,
} from 'adjoint';
import { Command, InvalidArgumentError } from 'commander';
import { Distillation, makeStudent, makeTeacher } from './models.js';

interface Flags {
  epochs: number;
  seed: number;
  json?: boolean;
  smoke?: boolean;
}

const BATCH_SIZE = 64;
const TEACHER_EPOCHS = 5;
/** Digits whose labels the student is given; the teacher was trained on all. */
const LABELLED = 300;
/** What the teacher's answers to the other digits have to add to the student's accuracy. */
const LEAST_GAIN = 0.05;

const wholeNumber = (least: number) => (text: string) => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`expected a whole number of at least ${least}`);
};

const flags = new Command('distillation')
  .description('Trains a convolutional network, then a small perceptron with few labels that learns from its answers.')
  .option('--epochs <n>', 'passes of the student over the digits', wholeNumber(1), 20)
  .option('--seed <n>', 'seed of digits, weights and order', wholeNumber(0), 1)
  .option('--json', 'print the result as one JSON object on the last line')
  .option('--smoke', 'one short epoch on few digits, to see that everything works; no verdict')
  .parse()
  .opts<Flags>();

/** Trains a model and gives its accuracy on the test digits, and how its steps ran. */
async function train(
  model: BaseModel,
  digits: LabelledImages,
  test: LabelledImages,
  options: { epochs: number; sampleWeight?: Float32Array },
): Promise<{ accuracy: number; mode: string }> {
  model.compile({
    optimizer: new Adam({ learningRate: 1e-3 }),
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ['accuracy'],
    seed: flags.seed,
  });
  const history = await model.fit(digits, { ...options, batchSize: BATCH_SIZE, verbose: 0 });
  const { accuracy } = await model.evaluate(test, { batchSize: 500 });
  return { accuracy: accuracy!, mode: history.mode.at(-1)! };
}

function firstRows(array: HostArray, rows: number): HostArray {
  const width = array.values.length / array.shape[0]!;
  return { ...array, values: array.values.subarray(0, rows * width), shape: [rows, ...array.shape.slice(1)] };
}

async function main(): Promise<void> {
  const { seed, smoke = false } = flags;
  const engine = startEngine();
  const digits = handwrittenDigits(smoke ? { train: 512, test: 256, seed } : { train: 6000, test: 2000, seed });
  const epochs = smoke ? 1 : flags.epochs;
  console.log(`TensorFlow ${engine.version} on ${engine.device}; built-in handwritten digits.`);

  const size = digits.train.x.shape[0]!;
  const labelled = smoke ? size / 4 : LABELLED;
  const few = { x: firstRows(digits.train.x, labelled), y: firstRows(digits.train.y, labelled) };
  // An unlabelled digit has weight 0: its label is never seen.
  const sampleWeight = Float32Array.from({ length: size }, (_, i) => (i < labelled ? 1 : 0));
  console.log(`${size} digits; the student is given the labels of ${labelled}.`);

  const report = (who: string, accuracy: number, mode: string, model: BaseModel): void =>
    console.log(`${who.padEnd(18)} accuracy ${accuracy.toFixed(4)}  ${model.countParams()} weights  (${mode})`);

  const teacher = makeTeacher();
  const ofTeacher = await train(teacher, digits.train, digits.test, { epochs: smoke ? 1 : TEACHER_EPOCHS });
  report('teacher', ofTeacher.accuracy, ofTeacher.mode, teacher);

  const alone = makeStudent();
  // As many steps as the other student takes.
  const ofAlone = await train(alone, few, digits.test, { epochs: Math.round((epochs * size) / labelled) });
  report('student alone', ofAlone.accuracy, ofAlone.mode, alone);

  const distillation = new Distillation(teacher);
  const ofDistilled = await train(distillation, digits.train, digits.test, { epochs, sampleWeight });
  report('student distilled', ofDistilled.accuracy, ofDistilled.mode, distillation.student);

  const gain = ofDistilled.accuracy - ofAlone.accuracy;
  const works = gain >= LEAST_GAIN;
  if (!smoke) {
    const points = (share: number): string => `${(100 * share).toFixed(2)} points`;
    console.log(
      `Verdict: ${works ? 'ok' : 'FAILED'} (gained ${points(gain)} of accuracy, ${points(LEAST_GAIN)} wanted)`,
    );
    if (!works) process.exitCode = 1;
  }
  if (flags.json === true) {
    console.log(
      JSON.stringify({
        engine: engine.name,
        tensorflow: engine.version,
        device: engine.device,
        mode: ofDistilled.mode,
        epochs,
        teacherAccuracy: ofTeacher.accuracy,
        aloneAccuracy: ofAlone.accuracy,
        distilledAccuracy: ofDistilled.accuracy,
        verdict: smoke ? 'smoke' : works ? 'ok' : 'failed',
      }),
    );
  }
  alone.dispose();
  distillation.dispose();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
