// What `memoryReport` foretells of a step's memory against traced steps: `npm run memory:forecast`. Exits with 1 where a
// case is off by more than it may be; `--json` prints the numbers as one object on the last line.
import Table from 'cli-table3';
import { AdjointError, tf } from 'adjoint';
import { rounded } from './compare/statistics.js';
import { workloadOf } from './compare/workloads.js';
import { adjointModel, type BenchCheckpoint } from './peers/adjoint-model.js';

/** The part of the measured peak that a forecast may be off by. */
const TOLERANCE = 0.15;
const POLICIES: readonly BenchCheckpoint[] = ['none', 'all', 'sqrt', 'budget'];
/** Forecasts are made from recordings of 3 and 4 examples. */
const BATCHES: Readonly<Record<string, readonly number[]>> = {
  'mnist-cnn': [48, 200],
  'mlp-small': [100, 500],
  'mlp-deep': [192, 600],
  resnet20: [24, 80],
};
/** Each with several runs, of which the highest counts: which of two ready ops goes first differs from run to run. */
const REPORTS = 5;
/** Parts of what is kept without checkpoints; the least that is possible is taken. */
const BUDGETS = [0.5, 0.7, 0.9, 1];

interface Forecast {
  readonly workload: string;
  readonly checkpoint: string;
  readonly batch: number;
  readonly predictedMb: number;
  /** The highest peak of each report's runs. */
  readonly measuredMb: readonly number[];
  /** Of the highest. */
  readonly error: number;
}

async function forecast(key: string, checkpoint: BenchCheckpoint, batch: number, budgetMb = 0): Promise<Forecast> {
  const workload = workloadOf(key);
  const model = adjointModel({ ...workload, budgetMb } as typeof workload, { checkpoint });
  const x = tf.randomUniform([batch, ...workload.input]);
  const y = tf.zeros([batch], 'int32');
  try {
    let peak = 0;
    const measured: number[] = [];
    for (let run = 0; run < REPORTS; run++) {
      const report = await model.memoryReport({ batchSize: batch, x, y });
      peak = report.peak;
      measured.push(report.measured!);
    }
    return {
      workload: key,
      checkpoint: checkpoint === 'budget' ? `${rounded(budgetMb)} MB` : checkpoint,
      batch,
      predictedMb: rounded(peak / 1e6),
      measuredMb: measured.map((bytes) => rounded(bytes / 1e6)),
      error: peak / Math.max(...measured) - 1,
    };
  } finally {
    model.dispose();
    tf.dispose([x, y]);
  }
}

/** The tightest of the budgets that the network can keep. */
async function forecastBudget(key: string, batch: number): Promise<Forecast> {
  const plain = adjointModel(workloadOf(key));
  const { activations } = await plain.memoryReport({ batchSize: batch });
  plain.dispose();
  for (const part of BUDGETS) {
    try {
      return await forecast(key, 'budget', batch, (part * activations) / 1e6);
    } catch (error) {
      if (!(error instanceof AdjointError && error.kind === 'invalid-option')) throw error;
    }
  }
  throw new Error(`${key}: what is kept without checkpoints does not fit into a budget of its size`);
}

const forecasts: Forecast[] = [];
for (const [key, batches] of Object.entries(BATCHES)) {
  for (const checkpoint of POLICIES) {
    for (const batch of batches) {
      forecasts.push(
        checkpoint === 'budget' ? await forecastBudget(key, batch) : await forecast(key, checkpoint, batch),
      );
    }
  }
}
const table = new Table({
  head: ['network', 'checkpoint', 'batch', 'foretold, MB', 'measured, MB', 'error'],
  colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
  style: { head: [], border: [], compact: true },
});
for (const { workload, checkpoint, batch, predictedMb, measuredMb, error } of forecasts) {
  table.push([workload, checkpoint, batch, predictedMb, measuredMb.join(' '), `${(100 * error).toFixed(1)} %`]);
}
console.log(table.toString());
const within = forecasts.filter(({ error }) => Math.abs(error) <= TOLERANCE);
const worst = forecasts.reduce((a, b) => (Math.abs(b.error) > Math.abs(a.error) ? b : a));
console.log(
  `${within.length} of ${forecasts.length} within ${100 * TOLERANCE} %; worst ${(100 * worst.error).toFixed(1)} %`,
);
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ cases: forecasts.length, within15Percent: within.length, worst, forecasts }));
}
if (within.length < forecasts.length) process.exitCode = 1;
