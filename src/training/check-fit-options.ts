import { OptionsError } from '../core/errors.js';
import type { FitOptions } from './fit-options.js';

/** @throws OptionsError where options are right one by one and wrong together */
export function checkFitOptions(options: FitOptions, where: string): void {
  const { epochs, initialEpoch, validationData, validationSplit } = options;
  if (initialEpoch >= epochs) {
    throw new OptionsError('invalid-option', {
      where: `option "initialEpoch" of ${where}`,
      expected: `less than epochs (${epochs}), the number of the epoch after the last`,
      received: String(initialEpoch),
      fix: `epochs: ${initialEpoch + epochs} trains ${epochs} more`,
    });
  }
  if (validationData !== undefined && validationSplit > 0) {
    throw new OptionsError('invalid-option', {
      where: `option "validationSplit" of ${where}`,
      expected: 'one source of validation data',
      received: 'validationData as well',
      fix: 'leave one of the two out',
    });
  }
}
