import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';

/** @throws OptionsError [invalid-option] unless it is a finite number above 0 */
export function positiveNumber(value: number, name: string, where: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new OptionsError('invalid-option', {
    where: `option "${name}" of ${where}`,
    expected: 'a finite number above 0',
    received: formatValue(value),
  });
}
