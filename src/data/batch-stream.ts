import { DataError } from '../core/errors.js';
import { formatShape, sizeOf } from '../core/shape.js';
import { batchCount, type DatasetSource } from './dataset-source.js';
import { emptyDataset, exampleFields, toExample, type Batch, type Example } from './example.js';
import { emptyValues } from './gather-rows.js';
import type { HostArray } from './host-array.js';

/** Stacks the elements of a source, `size` at a time. */
export function batchStream(
  source: DatasetSource<unknown>,
  size: number,
  dropRemainder: boolean,
): DatasetSource<Batch> {
  const name = `${source.name}.batch(${size})`;
  const count = batchCount(source.size, size, dropRemainder);
  const fix = `use a smaller batch, or leave dropRemainder out`;
  if (count === 0) throw emptyDataset(name, fix);

  async function* iterate(epoch: number): AsyncGenerator<Batch> {
    let pending: Example[] = [];
    let position = 0;
    for await (const element of source.iterate(epoch)) {
      const example = toExample(element, `element ${position} of ${source.name}`);
      if (pending.length > 0) checkAlike(pending[0]!, example, `element ${position} of ${source.name}`);
      pending.push(example);
      position++;
      if (pending.length === size) {
        yield stack(pending);
        pending = [];
      }
    }
    if (pending.length > 0 && !dropRemainder) yield stack(pending);
    else if (position < size) throw emptyDataset(`${name}, epoch ${epoch}`, fix);
  }

  return { name, size: count, iterate };
}

function checkAlike(first: Example, other: Example, where: string): void {
  for (const field of exampleFields) {
    const [expected, received] = [first[field], other[field]].map((array) =>
      array === undefined ? 'none' : `${array.dtype} ${formatShape(array.shape)}`,
    );
    if (expected === received) continue;
    throw new DataError('uneven-batch', {
      where: `${field} of ${where}`,
      expected: `${expected}, like the elements before it in the batch`,
      received,
      fix: 'map() the elements to one shape and dtype before batch()',
    });
  }
}

function stack(examples: readonly Example[]): Batch {
  const result: { -readonly [field in keyof Example]?: HostArray } = {};
  for (const field of exampleFields) {
    const first = examples[0]![field];
    if (first === undefined) continue;
    const width = sizeOf(first.shape);
    const values = emptyValues(first.dtype, width * examples.length);
    examples.forEach((example, i) => values.set(example[field]!.values, i * width));
    result[field] = { values, shape: [examples.length, ...first.shape], dtype: first.dtype };
  }
  return { size: examples.length, ...(result as Example) };
}
