import { rehearse } from './custom-step.js';
import { disposeBatch, toDeviceBatch } from './device-batch.js';
import { locateNonFinite } from './locate-non-finite.js';
import type { NonFiniteReport } from './non-finite-report.js';
import { readRepro, restoreRepro } from './repro-folder.js';
import { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/**
 * Runs the step of a folder again with a model, which gets the weights of the step, and finds its first non-finite value.
 *
 * @throws DataError where the folder is damaged, or belongs to another model
 */
export async function replayRepro(model: Trainable, plan: TrainingPlan, directory: string): Promise<NonFiniteReport> {
  const repro = await readRepro(directory);
  const { batch, isUpdate, randomStep, lossScale, learningRates, where } = repro;
  const shape = [null, ...batch.x.shape.slice(1)];
  const ownStep = model.trainStep !== undefined;
  if (ownStep) model.buildShell(shape, plan.seed);
  else model.build(shape, plan.seed);
  const state = new TrainState(model, plan);
  try {
    if (ownStep) {
      const device = toDeviceBatch(batch);
      rehearse(model, plan, state, device);
      disposeBatch(device);
    }
    restoreRepro(repro, model, state);
    const step = { model, plan, state, batch, isUpdate, randomStep, lossScale, learningRates };
    return await locateNonFinite(step, where);
  } finally {
    state.dispose();
  }
}
