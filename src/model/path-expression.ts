import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { JsonValue } from '../storage/checked-json.js';

const MOST_CHARACTERS = 200;
/** Each may be tried at every position: their number is the power by which the time grows. */
const MOST_REPETITIONS = 2;
/** Each may double the number of ways to try. */
const MOST_CHOICES = 6;

/**
 * Whether an expression from a file can be matched in a time that nobody notices: one with repetitions inside repetitions,
 * such as `(a+)+`, may take years on a path of fifty letters.
 */
export function isTameExpression(source: string): boolean {
  const plain = source
    .replace(/\\./gs, 'x')
    .replace(/\[[^\]]*\]/g, 'x')
    .replaceAll('(?', '(');
  return (
    source.length <= MOST_CHARACTERS &&
    !/\)[*+{]/.test(plain) &&
    !/\\[1-9k]/.test(source) &&
    (plain.match(/[*+{]/g) ?? []).length <= MOST_REPETITIONS &&
    (plain.match(/[|?]/g) ?? []).length <= MOST_CHOICES
  );
}

/** @throws DataError [model-config] */
export function readExpression(parts: JsonValue, where: string): RegExp {
  const [source, flags] = Array.isArray(parts) ? (parts as readonly JsonValue[]) : [];
  if (typeof source === 'string' && typeof flags === 'string' && isTameExpression(source)) {
    try {
      return new RegExp(source, flags);
    } catch {
      // Told below.
    }
  }
  throw new DataError('model-config', {
    where,
    expected: `a regular expression of at most ${MOST_CHARACTERS} characters, without repetitions of groups`,
    received: formatValue(parts),
  });
}
