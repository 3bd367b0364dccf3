// Trains a small net for thousands of steps and looks for what stays behind: `npm run leaks`. Exits with 1 where the
// counters of live objects moved at all, or memory grew by more than a kilobyte a step.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import Table from 'cli-table3';
import { LambdaCallback, layers, sequential, startEngine, type BaseModel } from 'adjoint';

const STEPS = 2000;
/** Caches, lazily made state and the collector's own growth are over by then. */
const SETTLED = 500;
const MOST_BYTES_PER_STEP = 1000;
/** Memory is read right after a collection: before one, it is mostly garbage that waits for the collector. */
const STEPS_BETWEEN_COLLECTIONS = 10;
const BATCH = 16;
const WIDTH = 32;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

interface Sample {
  readonly step: number;
  readonly tensors: number;
  readonly handles: number;
  readonly variables: number;
  /** Bytes; read after a collection only. */
  readonly rss: number | null;
}

function sample(step: number): Sample {
  const { tensors, handles, variables } = startEngine().counters();
  const collects = step % STEPS_BETWEEN_COLLECTIONS === 0;
  if (collects) collectGarbage();
  return { step, tensors, handles, variables, rss: collects ? process.memoryUsage.rss() : null };
}

/** Slope of a straight line through the points, by least squares. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0);
}

function net(execution: 'eager' | 'recorded'): BaseModel {
  const model = sequential([
    layers.dense({ units: WIDTH, activation: 'relu' }),
    layers.batchNormalization(),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 1 }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['mean'], execution });
  return model;
}

const data = (rows: number, width: number): number[][] =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: width }, (_, j) => Math.sin(i * width + j)));
const [x, y] = [data(BATCH * 50, 8), data(BATCH * 50, 1)];

/** Trains for {@link STEPS} steps; samples are taken at the same place of each step. */
async function watch(model: BaseModel): Promise<Sample[]> {
  const samples: Sample[] = [];
  const noting = new LambdaCallback({
    onBatchBegin: () => void samples.push(sample(samples.length)),
  });
  const epochs = (STEPS * BATCH) / x.length;
  await model.fit(x, y, { epochs, batchSize: BATCH, verbose: 0, callbacks: [noting] });
  return samples;
}

const failing: Record<string, (model: BaseModel) => Promise<unknown>> = {
  'plain run': async () => undefined,
  'after a throwing callback': (model) =>
    model.fit(x, y, {
      batchSize: BATCH,
      verbose: 0,
      callbacks: [
        new LambdaCallback({
          onBatchEnd: (batch) => {
            if (batch === 7) throw new Error('on purpose');
          },
        }),
      ],
    }),
  'after an aborted fit': (model) => {
    const controller = new AbortController();
    const callbacks = [new LambdaCallback({ onBatchEnd: (batch) => void (batch === 7 && controller.abort()) })];
    return model.fit(x, y, { batchSize: BATCH, verbose: 0, callbacks, signal: controller.signal });
  },
};

const table = new Table({
  head: ['mode', 'run', 'tensors', 'handles', 'variables', 'bytes a step', ''],
  style: { head: [], border: [], compact: true },
});
const NAMES = ['tensors', 'handles', 'variables'] as const;
let failed = false;
for (const mode of ['eager', 'recorded'] as const) {
  // Once for the compiler of the JavaScript engine, whose code grows with what it optimises.
  const warm = net(mode);
  await watch(warm);
  warm.dispose();
  for (const [name, before] of Object.entries(failing)) {
    const empty = sample(0);
    const model = net(mode);
    await before(model).catch(() => undefined);
    const settled = (await watch(model)).slice(SETTLED);
    const bytes = slope(settled.flatMap(({ step, rss }) => (rss === null ? [] : [[step, rss] as const])));
    model.dispose();
    const after = sample(0);
    const ranges = NAMES.map((counter) => {
      const values = settled.map((one) => one[counter]);
      return [Math.min(...values), Math.max(...values), after[counter] - empty[counter]] as const;
    });
    const good = ranges.every(([low, high, left]) => low === high && left === 0) && bytes < MOST_BYTES_PER_STEP;
    failed ||= !good;
    table.push([
      mode,
      name,
      ...ranges.map(
        ([low, high, left]) => `${low === high ? low : `${low} to ${high}`}, then ${left >= 0 ? '+' : ''}${left}`,
      ),
      bytes.toFixed(0),
      good ? 'ok' : 'LEAKS',
    ]);
  }
}
console.log(table.toString());
console.log(
  `TensorFlow ${startEngine().version}; ${STEPS} steps each, steps ${SETTLED} to ${STEPS} counted; ` +
    `at most ${MOST_BYTES_PER_STEP} bytes a step, read after a collection every ${STEPS_BETWEEN_COLLECTIONS} steps; ` +
    `"then" is what dispose() left.`,
);
process.exitCode = failed ? 1 : 0;
