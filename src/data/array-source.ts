import { permutation, rngKey } from '../core/rng-key.js';
import { batchCount, type DatasetSource } from './dataset-source.js';
import { emptyDataset, exampleFields, type Batch, type Example } from './example.js';
import { gatherRows } from './gather-rows.js';
import { sliceRows, type HostArray } from './host-array.js';

/** The rows of one pass in order, or null for the arrays' own order. */
type RowOrder = (epoch: number) => Int32Array | null;

/** Examples that are rows of arrays: shuffled whole, batched by copying rows. */
export class ArraySource implements DatasetSource<Example> {
  readonly name = 'Dataset.fromArrays';
  readonly mayReadAhead = true;

  constructor(
    private readonly arrays: Example,
    readonly size: number,
    private readonly order: RowOrder = () => null,
  ) {}

  async *iterate(epoch: number): AsyncGenerator<Example> {
    const order = this.order(epoch);
    for (let i = 0; i < this.size; i++) {
      const row = order === null ? i : order[i]!;
      yield this.mapArrays((array) => ({ ...sliceRows(array, row, row + 1), shape: array.shape.slice(1) }));
    }
  }

  shuffle(seed: number): ArraySource {
    return new ArraySource(this.arrays, this.size, (epoch) => {
      const drawn = permutation(rngKey(seed, 'shuffle', epoch), this.size);
      const before = this.order(epoch);
      return before === null ? drawn : drawn.map((place) => before[place]!);
    });
  }

  take(count: number): ArraySource {
    return new ArraySource(this.arrays, Math.min(count, this.size), this.order);
  }

  batch(size: number, dropRemainder: boolean): DatasetSource<Batch> {
    const count = batchCount(this.size, size, dropRemainder)!;
    const name = `${this.name}.batch(${size})`;
    if (count === 0) throw emptyDataset(name, `use a batch of at most ${this.size}, or leave dropRemainder out`);
    const spent: Batch[] = [];
    return {
      name,
      size: count,
      mayReadAhead: true,
      iterate: (epoch) => this.batches(epoch, size, count, spent),
      giveBack: (batch) => void spent.push(batch),
    };
  }

  private async *batches(epoch: number, size: number, count: number, spent: Batch[]): AsyncGenerator<Batch> {
    const order = this.order(epoch);
    for (let i = 0; i < count; i++) {
      const start = i * size;
      const end = Math.min(start + size, this.size);
      const used = spent.pop();
      const gather = (array: HostArray, field: keyof Example) =>
        gatherRows(array, order, start, end, used?.[field]?.values);
      yield { size: end - start, ...this.mapArrays(gather) };
    }
  }

  private mapArrays(change: (array: HostArray, field: keyof Example) => HostArray): Example {
    const result: { -readonly [field in keyof Example]?: HostArray } = {};
    for (const field of exampleFields) {
      const array = this.arrays[field];
      if (array !== undefined) result[field] = change(array, field);
    }
    return result as Example;
  }
}
