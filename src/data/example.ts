import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { toHostArray, type HostArray, type HostArrayInput } from './host-array.js';

/** One example: input, and where there are any, label and weight. */
export interface Example {
  /** Input, without a batch axis. */
  readonly x: HostArray;
  /** Label, without a batch axis. */
  readonly y?: HostArray;
  /** Weight of the example in the loss. */
  readonly sampleWeight?: HostArray;
}

/** Examples stacked along a first axis. */
export interface Batch {
  /** Number of examples. */
  readonly size: number;
  /** Inputs `[batch, ...]`. */
  readonly x: HostArray;
  /** Labels `[batch, ...]`. */
  readonly y?: HostArray;
  /** Weights `[batch]`. */
  readonly sampleWeight?: HostArray;
}

/** What a user's source may yield for an {@link Example} or, without `size`, for a {@link Batch}. */
export interface ExampleInput {
  readonly x: HostArrayInput;
  readonly y?: HostArrayInput;
  readonly sampleWeight?: HostArrayInput;
}

/** The fields of an example and a batch that hold arrays. */
export const exampleFields = ['x', 'y', 'sampleWeight'] as const;

/** Brings what a source yielded into the form of an example; nothing is copied that has the form already. */
export function toExample(input: unknown, where: string): Example {
  if (typeof input !== 'object' || input === null || !('x' in input) || input.x === undefined) {
    throw new DataError('element-type', {
      where,
      expected: 'an object { x, y?, sampleWeight? }',
      received: formatValue(input),
      fix: 'yield { x, y } from the source, or map() its elements to that form',
    });
  }
  const result: { -readonly [field in keyof Example]?: HostArray } = {};
  for (const [name, value] of Object.entries(input)) {
    const field = exampleFields.find((known) => known === name);
    if (field === undefined) {
      if (name === 'size') continue;
      throw new DataError('element-type', {
        where: `field "${name}" of ${where}`,
        expected: 'x, y or sampleWeight',
        received: `"${name}"`,
        fix: didYouMean(name, exampleFields),
      });
    }
    if (value !== undefined) result[field] = toHostArray(value as HostArrayInput, `${field} of ${where}`);
  }
  return result as Example;
}

/**
 * Brings what a source yielded into the form of a batch: every array has a first axis, and all first axes agree.
 *
 * @throws DataError [element-type | unbatched | length-mismatch | empty-dataset] and what {@link toHostArray} throws
 */
export function toBatch(input: unknown, where: string): Batch {
  const arrays = toExample(input, where);
  return { size: countRows(arrays, where), ...arrays };
}

/** The number of rows that x, y and sampleWeight have in common. */
export function countRows(arrays: Example, where: string): number {
  const size = arrays.x.shape[0];
  for (const field of exampleFields) {
    const array = arrays[field];
    if (array === undefined) continue;
    if (array.shape.length === 0) {
      throw new DataError('unbatched', {
        where: `${field} of ${where}`,
        expected: 'a first axis of examples',
        received: 'a single number',
        fix: field === 'x' ? 'wrap it: { x: [[1]], y: [0] } is one example' : `give one ${field} for each x`,
      });
    }
    if (array.shape[0] !== size) {
      throw new DataError('length-mismatch', {
        where,
        expected: `as many ${field} as x: ${size}`,
        received: `${array.shape[0]} ${field}`,
        fix: 'pass arrays whose first axes are equal',
      });
    }
  }
  if (size === 0) throw emptyDataset(where);
  return size!;
}

export function emptyDataset(where: string, fix?: string): DataError {
  return new DataError('empty-dataset', { where, expected: 'at least one element', received: 'none', fix });
}
