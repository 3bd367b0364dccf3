import type { HostArray } from 'adjoint';

/** Inputs and labels of some examples, in host memory. */
export interface HostBatch {
  readonly x: HostArray;
  readonly y: HostArray;
}

/** Batches gathered by row, for loops that call a train-on-batch method themselves. */
export class HostBatches {
  constructor(
    private readonly x: HostArray,
    private readonly y: HostArray,
    private readonly size: number,
  ) {}

  /** The first examples in order. */
  first(): HostBatch {
    return this.rows(Int32Array.from({ length: this.size }, (_, i) => i));
  }

  *shuffled(): Generator<HostBatch> {
    const examples = this.x.shape[0]!;
    const order = shuffledRows(examples);
    for (let start = 0; start + this.size <= examples; start += this.size) {
      yield this.rows(order.subarray(start, start + this.size));
    }
  }

  private rows(order: Int32Array): HostBatch {
    return { x: gather(this.x, order), y: gather(this.y, order) };
  }
}

function shuffledRows(count: number): Int32Array {
  const rows = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = Math.floor(Math.random() * (i + 1));
    [rows[i], rows[other]] = [rows[other]!, rows[i]!];
  }
  return rows;
}

function gather(array: HostArray, order: Int32Array): HostArray {
  const width = array.values.length / array.shape[0]!;
  const values =
    array.dtype === 'float32' ? new Float32Array(order.length * width) : new Int32Array(order.length * width);
  order.forEach((row, i) => values.set(array.values.subarray(row * width, (row + 1) * width), i * width));
  return { values, shape: [order.length, ...array.shape.slice(1)], dtype: array.dtype };
}
