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
/**
 * Reports that trace a few runs each, of which the highest counts: which of two ready ops goes first differs from run to
 * run. A rare order is looked for in more of them before a forecast counts as too high.
 */
const REPORTS = 5;
const MOST_REPORTS = 20;
/** Parts of what is kept without checkpoints; the least that is possible is taken. */
const BUDGETS = [0.5, 0.7, 0.9, 1];

interface Forecast {
  readonly workload: string;
  readonly checkpoint: string;
  readonly batch: number;
  readonly predictedMb: number;
  /** The highest peaks of the reports, from the lowest to the highest of them. */
  readonly measuredMb: readonly [number, number];
  readonly reports: number;
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
    const isTooHigh = (): boolean => peak > (1 + TOLERANCE) * Math.max(...measured);
    while (measured.length < REPORTS || (measured.length < MOST_REPORTS && isTooHigh())) {
      const report = await model.memoryReport({ batchSize: batch, x, y });
      peak = report.peak;
      measured.push(report.measured!);
    }
    return {
      workload: key,
      checkpoint: checkpoint === 'budget' ? `${rounded(budgetMb)} MB` : checkpoint,
      batch,
      predictedMb: rounded(peak / 1e6),
      measuredMb: [rounded(Math.min(...measured) / 1e6), rounded(Math.max(...measured) / 1e6)],
      reports: measured.length,
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
  head: ['network', 'checkpoint', 'batch', 'foretold, MB', 'measured, MB', 'reports', 'error'],
  colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
  style: { head: [], border: [], compact: true },
});
for (const { workload, checkpoint, batch, predictedMb, measuredMb, reports, error } of forecasts) {
  const percent = `${(100 * error).toFixed(1)} %`;
  table.push([workload, checkpoint, batch, predictedMb, measuredMb.join(' to '), reports, percent]);
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
