import { OptionsError } from '../core/errors.js';
import type { FitOptions } from './fit-options.js';

/** @throws OptionsError where the first epoch comes after the last */
export function checkEpochs(options: FitOptions, where: string): void {
  if (options.initialEpoch < options.epochs) return;
  throw new OptionsError('invalid-option', {
    where: `option "initialEpoch" of ${where}`,
    expected: `less than epochs (${options.epochs}), the number of the epoch after the last`,
    received: String(options.initialEpoch),
    fix: `epochs: ${options.initialEpoch + options.epochs} trains ${options.epochs} more`,
  });
}
