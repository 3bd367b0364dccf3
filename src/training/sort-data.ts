import {
  asSource,
  prepareData,
  refuseOneShot,
  rowsOf,
  splitArrays,
  type BatchSource,
  type PreparedData,
} from './batches.js';
import { classWeighting } from './class-weights.js';
import type { FitOptions } from './fit-options.js';
import { checkFinite, preflight } from './preflight.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Sorts out the training and validation data of a `fit`; all that lies in memory is checked whole, here. */
export function sortData(
  model: Trainable,
  plan: TrainingPlan,
  source: BatchSource,
  options: FitOptions,
  where: string,
): { training: PreparedData; validation: PreparedData | undefined } {
  let training = prepareData(source, where, options.sampleWeight);
  let validation: PreparedData | undefined;
  const validationWhere = `validationData of ${where}`;
  if (options.validationData !== undefined) validation = prepareData(asSource(options.validationData), validationWhere);
  else if (options.validationSplit > 0) {
    [training, validation] = splitArrays(training, options.validationSplit, where);
  }
  const passes = options.epochs - options.initialEpoch;
  if (options.stepsPerEpoch === undefined) refuseOneShot(training, passes, where);
  if (validation !== undefined) refuseOneShot(validation, passes, validationWhere);
  if (training.kind === 'arrays') {
    // What a step of the model's own makes of its batch is its own affair.
    if (model.trainStep === undefined) checkArrays(model, plan, training, where);
    else checkFinite(training.arrays, where);
  }
  if (validation?.kind === 'arrays') checkArrays(model, plan, validation, validationWhere);
  if (training.kind === 'arrays' && options.classWeight !== undefined) {
    const { arrays, rows } = training;
    training = { kind: 'arrays', rows, arrays: classWeighting(options.classWeight, where)({ ...arrays, size: rows }) };
  }
  return { training, validation };
}

/** Checks arrays whole, and tries their first rows on the model. */
export function checkArrays(
  model: Trainable,
  plan: TrainingPlan,
  data: PreparedData & { kind: 'arrays' },
  where: string,
): void {
  checkFinite(data.arrays, where);
  const first = rowsOf(data, 0, Math.min(data.rows, 8));
  preflight(model, plan, { ...first.arrays, size: first.rows }, where, data.arrays.y);
}
