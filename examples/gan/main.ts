// Trains a small generative adversarial network on a ring of Gaussians: `node scripts/run-example.mjs gan --help`.
import { normal, rngKey, startEngine } from 'adjoint';
import { Command, InvalidArgumentError } from 'commander';
import { Gan, NOISE } from './models.js';
import { fitOf, MODES, ringPoints } from './ring.js';

interface Flags {
  epochs: number;
  batchSize: number;
  seed: number;
  json?: boolean;
  smoke?: boolean;
}

const TRAINING_POINTS = 65_536;
const SAMPLES = 2000;
/** What a trained generator reaches; one that is not trained has next to no points near a mode. */
const LEAST_NEAR_MODE = 0.6;
const LEAST_MODES = 7;

const wholeNumber = (least: number) => (text: string) => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`expected a whole number of at least ${least}`);
};

const flags = new Command('gan')
  .description('Trains a small generative adversarial network on a ring of Gaussians.')
  .option('--epochs <n>', 'passes over the training points', wholeNumber(1), 15)
  .option('--batch-size <n>', 'points a step', wholeNumber(1), 256)
  .option('--seed <n>', 'seed of points, weights, order and noise', wholeNumber(0), 1)
  .option('--json', 'print the result as one JSON object on the last line')
  .option('--smoke', 'one short epoch on few points, to see that everything works; no verdict')
  .parse()
  .opts<Flags>();

async function main(): Promise<void> {
  const { seed, batchSize, smoke = false } = flags;
  const engine = startEngine();
  const points = ringPoints(smoke ? 2 * batchSize : TRAINING_POINTS, seed);
  console.log(`TensorFlow ${engine.version} on ${engine.device}; ${points.length} points on a ring of ${MODES} modes.`);

  const gan = new Gan();
  gan.compile({ seed });
  const epochs = smoke ? 1 : flags.epochs;
  const history = await gan.fit({ x: points }, { epochs, batchSize });

  const noise = normal(rngKey(seed, 'samples'), SAMPLES * NOISE);
  const generated = await gan.predict({ values: Float32Array.from(noise), shape: [SAMPLES, NOISE], dtype: 'float32' });
  const fit = fitOf(generated.arraySync() as number[][]);
  generated.dispose();
  const works = fit.nearMode >= LEAST_NEAR_MODE && fit.modesCovered >= LEAST_MODES;
  const mode = history.mode.at(-1);
  console.log(
    `Generated points: ${(100 * fit.nearMode).toFixed(1)} % near a mode, ${fit.modesCovered} of ${MODES} modes covered. ` +
      `Steps ran ${mode}, ${history.millisecondsPerStep.at(-1)!.toFixed(1)} ms each.`,
  );
  if (!smoke) {
    console.log(
      `Verdict: ${works ? 'ok' : 'FAILED'} (at least ${100 * LEAST_NEAR_MODE} %, ${LEAST_MODES} modes wanted)`,
    );
    if (!works) process.exitCode = 1;
  }

  if (flags.json === true) {
    console.log(
      JSON.stringify({
        engine: engine.name,
        tensorflow: engine.version,
        device: engine.device,
        mode,
        epochs,
        ...fit,
        discriminatorLoss: history.history['discriminatorLoss']!.at(-1),
        generatorLoss: history.history['generatorLoss']!.at(-1),
        msPerStep: history.millisecondsPerStep.at(-1),
        verdict: smoke ? 'smoke' : works ? 'ok' : 'failed',
      }),
    );
  }
  gan.dispose();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
