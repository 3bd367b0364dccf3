// Checks every weight of the network of examples/mnist in float64: `node scripts/run-example.mjs model-gradcheck`.
import { handwrittenDigits, SparseCategoricalCrossentropy, startEngine, type GradcheckReport } from 'adjoint';
import { Command } from 'commander';
import { Digits } from '../mnist/models.js';

const TOLERANCE = 1e-7;
const SEED = 1;

const { smoke, json } = new Command('model-gradcheck')
  .description("Compares the gradient by every weight of the digits' network with differences in float64.")
  .option('--json', 'print the result as one JSON object on the last line')
  .option('--smoke', 'few elements of each weight')
  .parse()
  .opts<{ smoke?: boolean; json?: boolean }>();

async function main(): Promise<void> {
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}`);
  const { train } = handwrittenDigits({ train: 256, test: 1, seed: SEED });
  const model = new Digits();
  model.compile({ optimizer: 'adam', loss: new SparseCategoricalCrossentropy({ fromLogits: true }), seed: SEED });
  const digits = handwrittenDigits({ train: 2, test: 1, seed: SEED + 1 }).train;
  const effort = smoke === true ? { maximumElements: 16, sampledElements: 2, directions: 1 } : {};
  const check = async (title: string): Promise<GradcheckReport> => {
    const started = performance.now();
    const report = await model.gradcheck(digits.x, digits.y, { tolerance: TOLERANCE, ...effort });
    console.log(`\n${title}, ${((performance.now() - started) / 1000).toFixed(1)} s:\n${String(report)}`);
    return report;
  };

  // Biases begin at zero and much of a digit is background: there every relu and every maximum sits on its kink.
  const initial = await check('initial weights');
  await model.fit(train, { epochs: 2, batchSize: 64, verbose: 0 });
  const trained = await check('after some training');

  const reports = [initial, trained];
  const passed = reports.every((report) => report.passed);
  const error = Math.max(...reports.map((report) => report.error));
  const weights = trained.inputs.length;
  console.log(
    `\nVerdict: ${passed ? 'ok' : 'FAILED'} (${weights} weights, worst error ${error.toExponential(1)}, at most ${TOLERANCE} wanted)`,
  );
  if (!passed) process.exitCode = 1;
  if (json === true) {
    const errors = Object.fromEntries(trained.inputs.map((input) => [input.input, input.error]));
    const kinks = reports.map((report) => report.kinks.length);
    console.log(JSON.stringify({ passed, weights, worstError: error, kinks, errors }));
  }
  model.dispose();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
