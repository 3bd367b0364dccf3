import { DataError, ShapeError } from '../core/errors.js';
import { formatShape, type Shape } from '../core/shape.js';
import type { Batch, Example } from '../data/example.js';
import { sliceRows, type HostArray } from '../data/host-array.js';
import { tf } from '../engine/tfjs.js';
import { predictStep } from './evaluate-step.js';
import { disposeBatch, toDeviceBatch } from './device-batch.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Rows on which the model is tried before training. */
const TRIAL_ROWS = 8;

/** Refuses arrays with NaN or infinity, naming the first one. */
export function checkFinite(arrays: Example, where: string): void {
  for (const name of ['x', 'y', 'sampleWeight'] as const) {
    const array = arrays[name];
    if (array === undefined || array.dtype !== 'float32' || array.values.BYTES_PER_ELEMENT === 1) continue;
    const { values } = array;
    if (areFinite(values as Float32Array)) continue;
    const place = values.findIndex((value) => !Number.isFinite(value));
    throw new DataError('not-finite', {
      where: `${name} of ${where}`,
      expected: 'finite numbers',
      received: `${values[place]} at ${formatShape(position(array, place))}`,
      fix: 'look at how the data was made; drop or repair that example',
    });
  }
}

/** Without a branch for each number, of which there may be a billion: 0 times anything finite is 0, else NaN. */
function areFinite(values: Float32Array): boolean {
  let [even, odd] = [0, 0];
  const last = values.length - 1;
  for (let i = 0; i < last; i += 2) {
    even += values[i]! * 0;
    odd += values[i + 1]! * 0;
  }
  return even + odd + (values[last] ?? 0) * 0 === 0;
}

/** @throws DataError [no-labels], ShapeError [sample-weight], and what the loss says of labels that cannot be */
export function checkLabels(plan: TrainingPlan, batch: Omit<Batch, 'size'>, outputShape: Shape, where: string): void {
  const { y, sampleWeight } = batch;
  if (y === undefined) throw noLabels(where);
  checkWeightShape(sampleWeight, where);
  plan.loss.checkLabels(y, outputShape, `y of ${where}`);
}

/**
 * Tries a few rows of data on the model before anything is trained: builds it, runs it once in inference mode and
 * checks labels and output against the loss.
 *
 * @param labels - every label there is, where more than this batch is at hand
 * @returns shape of the output, with `null` for the batch
 */
export function preflight(model: Trainable, plan: TrainingPlan, batch: Batch, where: string, labels = batch.y): Shape {
  if (labels === undefined) throw noLabels(where);
  model.build([null, ...batch.x.shape.slice(1)], plan.seed);
  let outputShape: Shape = [];
  const rows = Math.min(TRIAL_ROWS, batch.size);
  const trial = toDeviceBatch({ size: rows, x: sliceRows(batch.x, 0, rows) });
  try {
    tf.tidy(() => {
      const output = predictStep(model, plan, trial.x);
      if (output.shape[0] !== rows) {
        throw new ShapeError('batch-axis', {
          where: model.describe(),
          expected: `an output with one row an example: [${rows}, ...]`,
          received: formatShape(output.shape),
          fix: 'keep the first axis through every layer',
        });
      }
      outputShape = [null, ...output.shape.slice(1)];
      checkLabels(plan, { ...batch, y: labels }, outputShape, where);
      plan.loss.checkPredictions(output, `the output of ${model.describe()}`);
    });
    return outputShape;
  } finally {
    disposeBatch(trial);
  }
}

function noLabels(where: string): DataError {
  return new DataError('no-labels', {
    where,
    expected: 'labels y beside x',
    received: 'x alone',
    fix: 'pass fit(x, y) or let the dataset yield { x, y }',
  });
}

function checkWeightShape(weight: HostArray | undefined, where: string): void {
  if (weight === undefined || weight.shape.length === 1) return;
  throw new ShapeError('sample-weight', {
    where: `sampleWeight of ${where}`,
    expected: 'rank 1  [examples]',
    received: `rank ${weight.shape.length}  ${formatShape(weight.shape)}`,
  });
}

/** The index along each axis of an element. */
function position(array: HostArray, flat: number): number[] {
  const index: number[] = [];
  for (let rest = flat, axis = array.shape.length - 1; axis >= 0; axis--) {
    const dimension = array.shape[axis]!;
    index.unshift(rest % dimension);
    rest = Math.floor(rest / dimension);
  }
  return index;
}
