import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';

/** @throws OptionsError [options-type | unknown-option] for what is no object of options, or has others than these */
export function checkOptionNames(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Symbol.iterator in options) {
    throw new OptionsError('options-type', {
      where,
      expected: `an object with the options of ${where}`,
      received: formatValue(options),
    });
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new OptionsError('unknown-option', {
    where: `option "${unknown}" of ${where}`,
    expected: 'a known option',
    received: `"${unknown}"`,
    fix: didYouMean(unknown, known),
  });
}
