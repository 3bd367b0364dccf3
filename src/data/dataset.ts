import { IsBoolean, IsInt, Max, Min } from 'class-validator';
import { DataError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { ArraySource } from './array-source.js';
import { batchStream } from './batch-stream.js';
import { checkCount } from './check-count.js';
import type { DatasetSource } from './dataset-source.js';
import { countRows, toExample, type Batch, type Example, type ExampleInput } from './example.js';
import { IterableSource, sourceFailed, type AnyIterable } from './iterable-source.js';
import { prefetchStream } from './prefetch-stream.js';
import { shuffleStream } from './shuffle-stream.js';

/** Options of {@link Dataset.shuffle}. */
export class ShuffleOptions {
  /** Seed of the order, a whole number from 0 up; epochs get different orders from one seed. */
  @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) seed!: number;
  /** Number of elements waiting in the buffer of a stream; arrays are always shuffled whole. Default 1024. */
  @IsInt() @Min(1) @Max(Number.MAX_SAFE_INTEGER) bufferSize: number = 1024;
}

/** Options of {@link Dataset.batch}. */
export class BatchOptions {
  /** Leave out the last batch where it is short. Default false. */
  @IsBoolean() dropRemainder: boolean = false;
}

/** Options of {@link Dataset.fromIterable}. */
export class IterableOptions {
  /** Number of elements in one pass, where it is known; a progress bar shows it. Default -1: unknown. */
  @IsInt() @Min(-1) @Max(Number.MAX_SAFE_INTEGER) size: number = -1;
}

/**
 * A sequence of examples or batches that can be gone through once for every epoch.
 *
 * Nothing is read before a pass starts. The order of a shuffled pass depends on the seed and the epoch's number, never on what was read before,
 * so that a resumed run sees the same batches. Leaving a pass early ends every source below it.
 *
 * When to use: `model.fit(x, y)` makes one from arrays by itself; make your own to stream from files, to change examples on the
 * way, or to control the order.
 *
 * Shapes: the arrays of an {@link Example} have no batch axis; those of a {@link Batch} are `[batch, ...]`.
 *
 * @throws DataError [source-failed] in a pass, when the source or a mapped function fails; the position is told, and the error is the cause
 *
 * @example
 * ```ts
 * import { Dataset } from 'adjoint';
 *
 * const dataset = Dataset.fromArrays({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [[0], [1], [1], [0]] })
 *   .shuffle({ seed: 1 })
 *   .batch(2);
 * for await (const batch of dataset.iterate(0)) console.log(batch.x.shape, batch.size); // [2, 2] 2, twice
 * ```
 *
 * @see https://www.tensorflow.org/api_docs/python/tf/data/Dataset
 */
export class Dataset<Element = Example> {
  /** @param source - where the elements come from; see {@link Dataset.fromArrays} and {@link Dataset.fromIterable} for the usual ones */
  constructor(private readonly source: DatasetSource<Element>) {}

  /** Number of elements (batches, after {@link Dataset.batch}) in one pass, or null where only the pass itself will tell. */
  get size(): number | null {
    return this.source.size;
  }

  /**
   * Whether `fit` may read elements before their turn, while a step is running: true for arrays and after
   * {@link Dataset.prefetch}, false where code of your own, which might look at the model, would be run early.
   */
  get mayReadAhead(): boolean {
    return this.source.mayReadAhead === true;
  }

  /**
   * A dataset of the rows of arrays.
   *
   * @param arrays - `x` `[examples, ...]`, and where there are any `y` `[examples, ...]` and `sampleWeight` `[examples]`
   * @throws DataError [length-mismatch | empty-dataset | unbatched | array-type | array-shape | ragged-array]
   */
  static fromArrays(arrays: ExampleInput): Dataset<Example> {
    const where = 'Dataset.fromArrays';
    const taken = toExample(arrays, where);
    return new Dataset(new ArraySource(taken, countRows(taken, where)));
  }

  /**
   * A dataset of what an iterable or async iterable yields; each pass calls the function for a fresh one.
   *
   * @param open - makes the iterable for the pass of an epoch; a generator function will do
   * @throws DataError [source-type], and in a pass [one-shot-iterable] where a second pass gets the first one's iterator
   *
   * @example
   * ```ts
   * import { Dataset } from 'adjoint';
   *
   * async function* examples() {
   *   for (let i = 0; i < 10; i++) yield { x: [i, i * i], y: [i % 2] };
   * }
   * const dataset = Dataset.fromIterable(examples, { size: 10 }).batch(4);
   * console.log(dataset.size); // 3
   * ```
   */
  static fromIterable<Element>(
    open: (epoch: number) => AnyIterable<Element>,
    options: OptionsInput<IterableOptions> = {},
  ): Dataset<Element> {
    const { size } = parseOptions(IterableOptions, options, 'Dataset.fromIterable');
    if (typeof open !== 'function') {
      throw new DataError('source-type', {
        where: 'Dataset.fromIterable',
        expected: 'a function that returns an iterable',
        received: formatValue(open),
        fix: 'wrap it: Dataset.fromIterable(() => source)',
      });
    }
    return new Dataset(new IterableSource(open, size < 0 ? null : size));
  }

  /**
   * Starts a pass.
   *
   * @param epoch - number of the epoch from 0 up; it decides the order of a shuffled dataset
   */
  iterate(epoch: number): AsyncIterable<Element> {
    checkCount(epoch, 'the epoch of Dataset.iterate', 0);
    return this.source.iterate(epoch);
  }

  /**
   * Takes an element back whose arrays nobody will look at again; a later one may be written into their memory.
   *
   * @internal
   */
  giveBack(element: Element): void {
    this.source.giveBack?.(element);
  }

  /** Reads a whole pass into memory. */
  async toArray(epoch = 0): Promise<Element[]> {
    const elements: Element[] = [];
    for await (const element of this.iterate(epoch)) elements.push(element);
    return elements;
  }

  /**
   * Stacks `size` elements `{ x, y?, sampleWeight? }` at a time along a new first axis; the last batch may be short.
   *
   * @throws DataError [empty-dataset] where `dropRemainder` leaves nothing; in a pass [uneven-batch | element-type]
   */
  batch(this: Dataset<ExampleInput>, size: number, options: OptionsInput<BatchOptions> = {}): Dataset<Batch> {
    checkCount(size, 'the size of Dataset.batch');
    const { dropRemainder } = parseOptions(BatchOptions, options, 'Dataset.batch');
    return new Dataset(this.source.batch?.(size, dropRemainder) ?? batchStream(this.source, size, dropRemainder));
  }

  /**
   * Changes the order, anew in every epoch: arrays as a whole, streams through a buffer.
   *
   * Shuffle before {@link Dataset.batch}, so that examples change places and not batches.
   *
   * @throws OptionsError if there is no seed, or an option is invalid
   */
  shuffle(options: OptionsInput<ShuffleOptions>): Dataset<Element> {
    const { seed, bufferSize } = parseOptions(ShuffleOptions, options, 'Dataset.shuffle');
    return new Dataset(this.source.shuffle?.(seed) ?? shuffleStream(this.source, seed, bufferSize));
  }

  /** Reads up to `count` elements ahead, in order, while the consumer works. */
  prefetch(count: number): Dataset<Element> {
    checkCount(count, 'the count of Dataset.prefetch');
    return new Dataset(prefetchStream(this.source, count));
  }

  /** Ends each pass after `count` elements, or with the source. */
  take(count: number): Dataset<Element> {
    checkCount(count, 'the count of Dataset.take');
    const { source } = this;
    if (source.take !== undefined) return new Dataset(source.take(count));
    async function* iterate(epoch: number): AsyncGenerator<Element> {
      let left = count;
      for await (const element of source.iterate(epoch)) {
        yield element;
        if (--left === 0) return;
      }
    }
    const size = source.size === null ? null : Math.min(source.size, count);
    return new Dataset({ name: `${source.name}.take(${count})`, size, iterate });
  }

  /**
   * Passes every element through a function, which may be asynchronous.
   *
   * @param change - gets the element, and its position in the pass
   */
  map<Result>(change: (element: Element, position: number) => Result | Promise<Result>): Dataset<Result> {
    if (typeof change !== 'function') {
      throw new OptionsError('invalid-option', {
        where: 'Dataset.map',
        expected: 'a function of an element',
        received: formatValue(change),
      });
    }
    const { source } = this;
    const name = `${source.name}.map()`;
    async function* iterate(epoch: number): AsyncGenerator<Result> {
      let position = 0;
      for await (const element of source.iterate(epoch)) {
        let result: Result;
        try {
          result = await change(element, position);
        } catch (cause) {
          throw sourceFailed(`element ${position} of ${name}, epoch ${epoch}`, cause);
        }
        yield result;
        position++;
      }
    }
    return new Dataset({ name, size: source.size, iterate });
  }
}
