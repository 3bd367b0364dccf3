import { CallbackError } from '../core/errors.js';
import type { TrainingRun } from '../training/callback-contract.js';

/** @throws CallbackError [scheduled] where the run's learning rate cannot be set, because a schedule is in force */
export function assertSettableRate({ optimizer }: TrainingRun, callback: string): void {
  if (optimizer.schedule === null) return;
  throw new CallbackError('scheduled', {
    where: `callback "${callback}"`,
    expected: `an optimizer whose learningRate is a number, which the callback changes`,
    received: `${optimizer.constructor.name} with the schedule ${optimizer.schedule.constructor.name} in force`,
    fix: 'give the optimizer a number as its learningRate, or leave the callback out',
  });
}
