// A training that survives: `npm run resume` interrupts itself, goes on, and compares itself with one that never stopped.
// `npm run resume -- --directory DIR` trains once and may be killed: the same command goes on where it was.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Backup,
  CosineDecay,
  handwrittenDigits,
  LambdaCallback,
  layers,
  sequential,
  SGD,
  useEngine,
  type BaseCallback,
  type History,
  type Sequential,
} from 'adjoint';
import { Command } from 'commander';

const { smoke, json, directory } = new Command('resume')
  .description('Trains on handwritten digits, with a backup after every ten steps.')
  .option('--smoke', 'few digits, two epochs')
  .option('--json', 'ends with one line of JSON')
  .option('--directory <path>', 'folder of checkpoints that stays: trains once, or goes on')
  .parse()
  .opts<{ smoke?: boolean; json?: boolean; directory?: string }>();

// A resumed run is equal to an uninterrupted one to the bit where nothing is chosen by the clock.
useEngine({ deterministic: true });

const size = smoke === true ? { train: 320, epochs: 2, every: 3 } : { train: 4000, epochs: 5, every: 10 };
const BATCH = 32;
const stepsPerEpoch = size.train / BATCH;
const { train } = handwrittenDigits({ train: size.train, test: 10 });

function network(): Sequential {
  const model = sequential([
    layers.flatten(),
    layers.dense({ units: 64, activation: 'relu' }),
    layers.batchNormalization(),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ]);
  const learningRate = new CosineDecay({ initialLearningRate: 0.1, decaySteps: size.epochs * stepsPerEpoch });
  const optimizer = new SGD({ learningRate, momentum: 0.9 });
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], seed: 1 });
  return model;
}

/** One command for the start and for every restart. */
function fit(model: Sequential, folder: string, callbacks: readonly BaseCallback<object>[] = []): Promise<History> {
  return model.fit(train, {
    epochs: size.epochs,
    batchSize: BATCH,
    verbose: 2,
    resume: folder,
    callbacks: [...callbacks, new Backup({ directory: folder, everySteps: size.every })],
  });
}

function weightsOf(model: Sequential): Float32Array[] {
  return model.getWeights().map((tensor) => {
    const values = Float32Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });
}

/** The weights at the end of a run that was interrupted as often as steps are given, and of one that was not. */
async function compare(folder: string): Promise<{ interruptions: number; differentWeights: number }> {
  const interruptAt = [7, Math.floor(0.6 * stepsPerEpoch), stepsPerEpoch + 5];
  for (const step of interruptAt) {
    const model = network();
    const crash = new LambdaCallback({
      onBatchEnd: (_batch, _logs, run) => {
        if (run.progress.totalSteps === step) throw new Error(`power cut after step ${step}`);
      },
    });
    await fit(model, join(folder, 'interrupted'), [crash]).catch((error: Error) => {
      console.log(`--- ${String((error.cause as Error).message)}`);
    });
    model.dispose();
  }
  const [interrupted, whole] = [network(), network()];
  await fit(interrupted, join(folder, 'interrupted'));
  console.log('--- the same without interruptions');
  await fit(whole, join(folder, 'whole'));
  const [one, other] = [weightsOf(interrupted), weightsOf(whole)];
  const differentWeights = one
    .flatMap((values, i) => Array.from(values, (value, j) => Number(!Object.is(value, other[i]![j]))))
    .reduce((sum, differs) => sum + differs, 0);
  interrupted.dispose();
  whole.dispose();
  return { interruptions: interruptAt.length, differentWeights };
}

async function main(): Promise<void> {
  if (directory !== undefined) {
    const model = network();
    const { stopReason } = await fit(model, directory);
    console.log(`${stopReason ?? 'Finished.'} Checkpoints: ${readdirSync(directory).join(', ')}`);
    model.dispose();
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-resume-'));
  try {
    const result = await compare(folder);
    const same = result.differentWeights === 0;
    console.log(
      `Verdict: ${same ? 'ok' : 'FAILED'} (${result.differentWeights} weights differ after ${result.interruptions} ` +
        'interruptions, 0 wanted)',
    );
    if (json === true) console.log(JSON.stringify(result));
    if (!same) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
