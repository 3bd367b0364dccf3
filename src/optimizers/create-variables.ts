import { SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { tf, type DataType } from '../engine/tfjs.js';
import { Variable } from '../engine/variable.js';

/** A variable to be made, filled with one number. */
export interface NewVariable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly value: number;
  readonly dtype?: DataType;
}

/**
 * Makes all of them or, where one fails, none.
 *
 * @param givenBy - whose numbers the initial values are, for the error
 */
export function createVariables(wanted: readonly NewVariable[], givenBy: string): Variable[] {
  const made: Variable[] = [];
  try {
    for (const { name, shape, value, dtype = 'float32' } of wanted) {
      if (!Number.isFinite(value)) {
        throw new SetupError('initial-value', {
          where: `variable "${name}"`,
          expected: `${givenBy} to give finite numbers`,
          received: formatValue(value),
        });
      }
      const initial = tf.tidy(() => tf.fill([...shape], value, dtype as 'float32' | 'int32'));
      try {
        made.push(Variable.create(name, initial));
      } finally {
        initial.dispose();
      }
    }
  } catch (error) {
    for (const variable of made) variable.dispose();
    throw error;
  }
  return made;
}

/** Variables, in order, by names. */
export function byName(names: readonly string[], variables: readonly Variable[]): Readonly<Record<string, Variable>> {
  return Object.fromEntries(names.map((name, i) => [name, variables[i]!]));
}

/** Variables under a name that a file can keep; the order depends on the names alone. */
export function sortedEntries(entries: readonly [string, Variable][]): [string, Variable][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}
