import { DataError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { Dataset } from '../data/dataset.js';
import { countRows, toBatch, toExample, type Batch, type Example, type ExampleInput } from '../data/example.js';
import { sliceRows, type HostArrayInput } from '../data/host-array.js';

/** Data for `fit`, `evaluate`: arrays by name, a dataset of examples or batches, or an iterable of batches. */
export type BatchSource = ExampleInput | Dataset<ExampleInput> | AsyncIterable<ExampleInput> | Iterable<ExampleInput>;

/** Whole data in memory, and nothing else known of it. */
export type ArrayData = Example;

/** Data on its way into batches: whole arrays, of which everything can be checked, or a stream. */
export type PreparedData =
  | { readonly kind: 'arrays'; readonly arrays: ArrayData; readonly rows: number }
  | {
      readonly kind: 'dataset';
      readonly dataset: Dataset<unknown>;
      /** Whether a single pass is all there is, as with a generator object. */
      readonly oneShot: boolean;
    };

/** Sorts out what the caller passed as data. */
export function prepareData(source: BatchSource, where: string, sampleWeight?: HostArrayInput): PreparedData {
  if (source instanceof Dataset || isIterable(source)) {
    if (sampleWeight !== undefined) {
      throw new OptionsError('invalid-option', {
        where: `option "sampleWeight" of ${where}`,
        expected: 'no sampleWeight beside a dataset',
        received: 'a sampleWeight',
        fix: 'let the dataset yield { x, y, sampleWeight }',
      });
    }
    const dataset = source instanceof Dataset ? source : Dataset.fromIterable(() => source);
    const oneShot = typeof (source as { next?: unknown }).next === 'function';
    return { kind: 'dataset', dataset: dataset as Dataset<unknown>, oneShot };
  }
  if (typeof source !== 'object' || source === null || !('x' in source) || source.x === undefined) {
    throw new DataError('data-type', {
      where,
      expected: 'x and y, { x, y }, a Dataset or an iterable of batches',
      received: typeof source === 'object' && source !== null && 'x' in source ? 'x: undefined' : formatValue(source),
    });
  }
  const arrays = toExample(sampleWeight === undefined ? source : { ...source, sampleWeight }, where);
  return { kind: 'arrays', arrays, rows: countRows(arrays, where) };
}

/** Data that may also be given as `[x, y, sampleWeight]`. */
export function asSource(data: BatchSource | readonly (HostArrayInput | undefined)[]): BatchSource {
  if (!Array.isArray(data)) return data as BatchSource;
  const [x, y, sampleWeight] = data as readonly HostArrayInput[];
  return { x: x!, y, sampleWeight };
}

/** Refuses, before anything is trained, data for one pass where more are wanted. */
export function refuseOneShot(data: PreparedData, passes: number, where: string): void {
  if (data.kind === 'arrays' || !data.oneShot || passes === 1) return;
  throw new DataError('one-shot-iterable', {
    where,
    expected: `data that can be gone through ${passes} times`,
    received: 'an iterator, which ends after one pass',
    fix: 'make a fresh one for each pass: Dataset.fromIterable(() => examples())',
  });
}

/** How {@link batchesOf} cuts data. */
export interface BatchingOptions {
  /** `undefined`: 32 for arrays; a dataset is one of batches already. */
  readonly batchSize: number | undefined;
  /** Seed of the order, or `null` to keep it. */
  readonly shuffleSeed: number | null;
}

/** A dataset of batches. */
export function batchesOf(data: PreparedData, options: BatchingOptions, where: string): Dataset<Batch> {
  if (data.kind === 'dataset' && options.batchSize === undefined) {
    return readyBatches(data.dataset, where);
  }
  const examples = data.kind === 'arrays' ? Dataset.fromArrays(data.arrays) : (data.dataset as Dataset<ExampleInput>);
  const ordered = options.shuffleSeed === null ? examples : examples.shuffle({ seed: options.shuffleSeed });
  return ordered.batch(options.batchSize ?? 32);
}

/** Elements that are batches already, checked one by one; what is wrong with one is told as it is, not as the source's failure. */
function readyBatches(dataset: Dataset<unknown>, where: string): Dataset<Batch> {
  async function* iterate(epoch: number): AsyncGenerator<Batch> {
    let position = 0;
    for await (const element of dataset.iterate(epoch)) {
      const at = `batch ${position++} of ${where}`;
      try {
        yield toBatch(element, at);
      } catch (error) {
        if (!(error instanceof DataError) || error.kind !== 'unbatched') throw error;
        const { where: field, expected, received } = error;
        const fix = 'pass batchSize where the data are single examples, or batch() them';
        throw new DataError('unbatched', { where: field, expected, received, fix });
      }
    }
  }
  return new Dataset({ name: where, size: dataset.size, iterate });
}

/** Cuts a share off the end, as Keras does: before any shuffling. */
export function splitArrays(
  data: PreparedData,
  share: number,
  where: string,
): [train: PreparedData, rest: PreparedData] {
  if (data.kind !== 'arrays') {
    throw new OptionsError('invalid-option', {
      where: `option "validationSplit" of ${where}`,
      expected: 'arrays, of which a part can be cut off',
      received: 'a dataset',
      fix: 'pass validationData',
    });
  }
  const cut = Math.floor(data.rows * (1 - share));
  if (cut === 0 || cut === data.rows) {
    throw new OptionsError('invalid-option', {
      where: `option "validationSplit" of ${where}`,
      expected: 'a share that leaves at least one example on both sides',
      received: `${share} of ${data.rows} examples`,
    });
  }
  return [rowsOf(data, 0, cut), rowsOf(data, cut, data.rows)];
}

/** Rows `start` to `end - 1` of all arrays. */
export function rowsOf(
  data: PreparedData & { kind: 'arrays' },
  start: number,
  end: number,
): PreparedData & { kind: 'arrays' } {
  const { x, y, sampleWeight } = data.arrays;
  return {
    kind: 'arrays',
    rows: end - start,
    arrays: {
      x: sliceRows(x, start, end),
      y: y && sliceRows(y, start, end),
      sampleWeight: sampleWeight && sliceRows(sampleWeight, start, end),
    },
  };
}

function isIterable(source: unknown): source is Iterable<ExampleInput> | AsyncIterable<ExampleInput> {
  return (
    typeof source === 'object' &&
    source !== null &&
    (Symbol.iterator in source || Symbol.asyncIterator in source) &&
    !ArrayBuffer.isView(source)
  );
}
