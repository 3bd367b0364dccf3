import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { DatasetSource } from './dataset-source.js';
import { emptyDataset } from './example.js';

/** What a pass over a user's source goes through. */
export type AnyIterable<Element> = Iterable<Element> | AsyncIterable<Element>;

/** Elements from a user's function that makes an iterable for each pass. */
export class IterableSource<Element> implements DatasetSource<Element> {
  readonly name = 'Dataset.fromIterable';
  readonly #used = new WeakSet<object>();

  constructor(
    private readonly open: (epoch: number) => AnyIterable<Element>,
    readonly size: number | null,
  ) {}

  async *iterate(epoch: number): AsyncGenerator<Element> {
    let position = 0;
    let ended = false;
    const iterator = this.start(epoch);
    try {
      for (;;) {
        let result: IteratorResult<Element>;
        try {
          result = await iterator.next();
        } catch (cause) {
          ended = true;
          throw sourceFailed(`element ${position} of ${this.name}, epoch ${epoch}`, cause);
        }
        if (result.done === true) break;
        yield result.value;
        position++;
      }
      ended = true;
    } finally {
      if (!ended) await iterator.return?.();
    }
    if (position === 0) {
      throw emptyDataset(
        `${this.name}, epoch ${epoch}`,
        'return an iterable with at least one element from the function',
      );
    }
  }

  private start(epoch: number): Iterator<Element> | AsyncIterator<Element> {
    const where = `${this.name}, epoch ${epoch}`;
    let iterable: Partial<Iterable<Element> & AsyncIterable<Element>>;
    try {
      iterable = this.open(epoch);
    } catch (cause) {
      throw sourceFailed(where, cause);
    }
    const iterator = iterable?.[Symbol.asyncIterator]?.() ?? iterable?.[Symbol.iterator]?.();
    if (iterator === undefined) {
      throw new DataError('source-type', {
        where,
        expected: 'a function that returns an iterable or async iterable',
        received: `a function that returned ${formatValue(iterable)}`,
      });
    }
    if (this.#used.has(iterator)) {
      throw new DataError('one-shot-iterable', {
        where,
        expected: 'a fresh iterable for every pass',
        received: 'the same iterator as in a pass before',
        fix: 'call the generator inside the function: Dataset.fromIterable(() => examples())',
      });
    }
    this.#used.add(iterator);
    return iterator;
  }
}

export function sourceFailed(where: string, cause: unknown): DataError {
  return new DataError('source-failed', {
    where,
    expected: 'an element',
    received: cause instanceof Error ? `${cause.name}: ${cause.message}` : `a thrown ${formatValue(cause)}`,
    fix: 'mend the source; its own error is the cause of this one',
    cause,
  });
}
