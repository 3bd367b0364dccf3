import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';

/** Refuses anything but a whole number from `least` up. */
export function checkCount(value: unknown, where: string, least = 1): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw new OptionsError('invalid-option', {
    where,
    expected: `a whole number from ${least} up`,
    received: formatValue(value),
  });
}
