import { describe, expect, it } from '@jest/globals';
import { Dataset } from '../../src/data/dataset.js';
import { toBatch, type Batch, type Example, type ExampleInput } from '../../src/data/example.js';

const fault = (kind: string) => expect.objectContaining({ kind });

function numbers(count: number): Dataset<Example> {
  return Dataset.fromArrays({
    x: Array.from({ length: count }, (_, i) => [i, 10 * i]),
    y: Int32Array.from({ length: count }, (_, i) => i),
  });
}

/** A stream of 0 .. count - 1 that tells how far it was read and whether it was closed. */
function watched(count: number, failAt = Infinity) {
  const state = { produced: 0, closed: 0, passes: 0 };
  const dataset = Dataset.fromIterable(async function* () {
    state.passes++;
    try {
      for (let i = 0; i < count; i++) {
        if (i === failAt) throw new RangeError('disk on fire');
        state.produced++;
        yield i;
      }
    } finally {
      state.closed++;
    }
  });
  return { state, dataset };
}

const asExamples = (dataset: Dataset<number>) => dataset.map((i) => ({ x: [i, 10 * i], y: i }));
const labels = (batches: readonly Batch[]): number[] => batches.flatMap((batch) => [...batch.y!.values]);

describe('Dataset.fromArrays', () => {
  it('batches in order, with a short last batch', async () => {
    const dataset = numbers(5).batch(2);
    const batches = await dataset.toArray();
    expect(dataset.size).toBe(3);
    expect(batches.map(({ size }) => size)).toEqual([2, 2, 1]);
    expect(batches[1]).toEqual({
      size: 2,
      x: { values: new Float32Array([2, 20, 3, 30]), shape: [2, 2], dtype: 'float32' },
      y: { values: new Int32Array([2, 3]), shape: [2], dtype: 'int32' },
    });
  });

  it('drops the remainder where asked', async () => {
    const dataset = numbers(5).batch(2, { dropRemainder: true });
    expect(dataset.size).toBe(2);
    expect(labels(await dataset.toArray())).toEqual([0, 1, 2, 3]);
    expect(() => numbers(5).batch(6, { dropRemainder: true })).toThrow(fault('empty-dataset'));
  });

  it('shuffles by seed and epoch, whatever was read before', async () => {
    const dataset = numbers(100).shuffle({ seed: 3 }).batch(7);
    const first = labels(await dataset.toArray(0));
    const second = labels(await dataset.toArray(1));
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(second).not.toEqual(first);
    expect(labels(await dataset.toArray(0))).toEqual(first);
    expect(labels(await numbers(100).shuffle({ seed: 3 }).batch(7).toArray(1))).toEqual(second);
    expect(labels(await numbers(100).shuffle({ seed: 4 }).batch(7).toArray(0))).not.toEqual(first);
  });

  it('keeps x and y together, with wide and narrow rows, and through a second shuffle', async () => {
    const width = 40;
    const x = new Float32Array(30 * width).map((_, i) => Math.floor(i / width));
    const y = Int32Array.from({ length: 30 }, (_, i) => i);
    const dataset = Dataset.fromArrays({ x: { values: x, shape: [30, width], dtype: 'float32' }, y })
      .shuffle({ seed: 1 })
      .shuffle({ seed: 2 });
    const batches = await dataset.batch(8).toArray();
    expect(new Set(labels(batches)).size).toBe(30);
    for (const batch of batches) {
      batch.y!.values.forEach((label, i) => {
        expect([...batch.x.values.subarray(i * width, (i + 1) * width)]).toEqual(Array(width).fill(label));
      });
    }
    const rows = await dataset.toArray();
    expect(rows.map((row) => row.y!.values[0])).toEqual(labels(batches));
  });

  it('takes before and after a shuffle', async () => {
    const before = labels(await numbers(50).take(10).shuffle({ seed: 1 }).batch(10).toArray());
    expect([...before].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const after = labels(await numbers(50).shuffle({ seed: 1 }).take(10).batch(10).toArray());
    expect(after).toEqual(labels(await numbers(50).shuffle({ seed: 1 }).batch(10).toArray()).slice(0, 10));
  });

  it('turns pixels into float32, unscaled, and never hands out the arrays themselves in batches', async () => {
    const pixels = new Uint8Array([1, 2, 3, 255]);
    const [batch] = await Dataset.fromArrays({ x: { values: pixels, shape: [2, 2], dtype: 'float32' } })
      .batch(2)
      .toArray();
    expect(batch!.x.values).toEqual(new Float32Array([1, 2, 3, 255]));
    const x = new Float32Array([1, 2]);
    const [copy] = await Dataset.fromArrays({ x }).batch(2).toArray();
    copy!.x.values[0] = 9;
    expect(x[0]).toBe(1);
  });

  it('gives examples without a batch axis', async () => {
    const examples = await numbers(2).toArray();
    expect(examples[1]).toEqual({
      x: { values: new Float32Array([1, 10]), shape: [2], dtype: 'float32' },
      y: { values: new Int32Array([1]), shape: [], dtype: 'int32' },
    });
  });

  it.each([
    ['lengths that differ', { x: [[1], [2]], y: [1] }, 'length-mismatch'],
    ['weights of another length', { x: [[1], [2]], sampleWeight: [1] }, 'length-mismatch'],
    ['no rows', { x: [] }, 'empty-dataset'],
    [
      'no rows of a typed array',
      { x: { values: new Float32Array(0), shape: [0, 4], dtype: 'float32' } },
      'empty-dataset',
    ],
    ['a single number', { x: 3 }, 'unbatched'],
    ['ragged rows', { x: [[1], [2, 3]] }, 'ragged-array'],
    ['a misspelt field', { x: [[1]], lables: [1] }, 'element-type'],
    ['no x', { y: [1] }, 'element-type'],
  ])('refuses %s', (_what, arrays, kind) => {
    expect(() => Dataset.fromArrays(arrays as unknown as ExampleInput)).toThrow(fault(kind));
  });

  it('says both lengths', () => {
    expect(() => Dataset.fromArrays({ x: [[1], [2]], y: [1, 2, 3] })).toThrow(/as many y as x: 2[\s\S]*3 y/);
  });

  it('gathers a batch of 128 by 784 quickly', async () => {
    const dataset = Dataset.fromArrays({
      x: { values: new Float32Array(8000 * 784), shape: [8000, 784], dtype: 'float32' },
    });
    const batches = dataset.shuffle({ seed: 1 }).batch(128);
    await batches.toArray();
    let best = Infinity;
    for (let pass = 0; pass < 5; pass++) {
      const start = performance.now();
      let count = 0;
      for await (const batch of batches.iterate(pass)) count += Math.sign(batch.size);
      best = Math.min(best, (performance.now() - start) / count);
    }
    // About 0.1 ms on an idle machine; the allowance is for a busy one.
    expect(best).toBeLessThan(1);
  });
});

describe('Dataset.fromIterable', () => {
  it('goes through sync and async iterables, anew in each pass, and tells the epoch', async () => {
    const { state, dataset } = watched(3);
    expect(await dataset.toArray()).toEqual([0, 1, 2]);
    expect(await dataset.toArray()).toEqual([0, 1, 2]);
    expect(state).toMatchObject({ passes: 2, closed: 2 });
    expect(await Dataset.fromIterable((epoch) => [epoch, epoch + 1]).toArray(5)).toEqual([5, 6]);
    expect(dataset.size).toBeNull();
    expect(Dataset.fromIterable(() => [{ x: [1] }, { x: [2] }], { size: 2 }).batch(2).size).toBe(1);
  });

  it('refuses a one-shot iterator in its second pass', async () => {
    function* three() {
      yield* [1, 2, 3];
    }
    const iterator = three();
    const dataset = Dataset.fromIterable(() => iterator);
    expect(await dataset.toArray()).toEqual([1, 2, 3]);
    await expect(dataset.toArray(1)).rejects.toThrow(fault('one-shot-iterable'));
  });

  it('refuses what is no function, and a function of no iterable', async () => {
    expect(() => Dataset.fromIterable([1, 2] as unknown as () => number[])).toThrow(fault('source-type'));
    await expect(Dataset.fromIterable((() => 5) as unknown as () => number[]).toArray()).rejects.toThrow(
      fault('source-type'),
    );
    await expect(Dataset.fromIterable(() => []).toArray()).rejects.toThrow(fault('empty-dataset'));
  });

  it('passes on an error with its position, and closes', async () => {
    const { state, dataset } = watched(5, 3);
    const seen: number[] = [];
    const run = async () => {
      for await (const element of dataset.iterate(2)) seen.push(element);
    };
    await expect(run()).rejects.toMatchObject({
      kind: 'source-failed',
      where: 'element 3 of Dataset.fromIterable, epoch 2',
      cause: expect.objectContaining({ message: 'disk on fire' }),
    });
    expect(seen).toEqual([0, 1, 2]);
    expect(state.closed).toBe(1);
    const broken = Dataset.fromIterable<number>(() => {
      throw new Error('no such folder');
    });
    await expect(broken.toArray()).rejects.toThrow(/no such folder/);
  });

  it('closes every source below when a pass is left early', async () => {
    const { state, dataset } = watched(100);
    const chain = asExamples(dataset).shuffle({ seed: 1, bufferSize: 4 }).batch(2).prefetch(2).take(5);
    for await (const batch of chain.iterate(0)) {
      expect(batch.size).toBe(2);
      break;
    }
    expect(state.closed).toBe(1);
    expect(state.produced).toBeLessThan(20);
    const { produced } = state;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(state.produced).toBe(produced);
  });

  it('closes a source when the consumer throws', async () => {
    const { state, dataset } = watched(100);
    const run = async () => {
      for await (const element of dataset.prefetch(3).iterate(0)) if (element === 1) throw new Error('enough');
    };
    await expect(run()).rejects.toThrow('enough');
    expect(state.closed).toBe(1);
  });

  it('closes a sync iterator that is left early', async () => {
    let closed = false;
    const dataset = Dataset.fromIterable(() => ({
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 1 }),
        return: () => ((closed = true), { done: true as const, value: undefined }),
      }),
    }));
    expect(await dataset.take(3).toArray()).toEqual([1, 1, 1]);
    expect(closed).toBe(true);
  });
});

describe('combinators over streams', () => {
  it('batches what a stream yields', async () => {
    const batches = await asExamples(watched(5).dataset).batch(2).toArray();
    expect(batches.map(({ size }) => size)).toEqual([2, 2, 1]);
    expect(batches[0]).toEqual({
      size: 2,
      x: { values: new Float32Array([0, 0, 1, 10]), shape: [2, 2], dtype: 'float32' },
      y: { values: new Float32Array([0, 1]), shape: [2], dtype: 'float32' },
    });
    const dropped = await asExamples(watched(5).dataset).batch(2, { dropRemainder: true }).toArray();
    expect(labels(dropped)).toEqual([0, 1, 2, 3]);
    const tooFew = asExamples(watched(3).dataset).batch(4, { dropRemainder: true });
    await expect(tooFew.toArray()).rejects.toThrow(fault('empty-dataset'));
  });

  it('refuses elements that do not stack, and names the first', async () => {
    const uneven = Dataset.fromIterable(() => [{ x: [1, 2] }, { x: [1, 2] }, { x: [1, 2, 3] }]).batch(4);
    await expect(uneven.toArray()).rejects.toMatchObject({
      kind: 'uneven-batch',
      where: 'x of element 2 of Dataset.fromIterable',
    });
    const half = Dataset.fromIterable((): ExampleInput[] => [{ x: [1], y: 1 }, { x: [1] }]).batch(2);
    await expect(half.toArray()).rejects.toMatchObject({ kind: 'uneven-batch', received: 'none' });
    const plain = Dataset.fromIterable(() => [[1, 2]]) as unknown as Dataset<ExampleInput>;
    await expect(plain.batch(1).toArray()).rejects.toThrow(fault('element-type'));
  });

  it('shuffles through a buffer: all elements, within reach, by seed and epoch', async () => {
    const dataset = watched(200).dataset.shuffle({ seed: 1, bufferSize: 10 });
    const first = await dataset.toArray(0);
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    // The element that goes out at place i is one of the first i + buffer + 1 read.
    first.forEach((element, place) => expect(element).toBeLessThanOrEqual(place + 10));
    expect(await dataset.toArray(0)).toEqual(first);
    expect(await dataset.toArray(1)).not.toEqual(first);
    const whole = await watched(50).dataset.shuffle({ seed: 1 }).toArray();
    expect(whole).not.toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('prefetches in order, ahead, and no further than asked', async () => {
    const { state, dataset } = watched(50);
    const seen: number[] = [];
    let furthest = 0;
    for await (const element of dataset.prefetch(4).iterate(0)) {
      seen.push(element);
      await new Promise((resolve) => setTimeout(resolve, 1));
      furthest = Math.max(furthest, state.produced - seen.length);
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(furthest).toBe(4);
  });

  it('prefetch passes an error on in its place', async () => {
    const { dataset } = watched(5, 2);
    const seen: number[] = [];
    const run = async () => {
      for await (const element of dataset.prefetch(8).iterate(0)) seen.push(element);
    };
    await expect(run()).rejects.toThrow(/element 2[\s\S]*disk on fire/);
    expect(seen).toEqual([0, 1]);
  });

  it('take stops reading when it has enough', async () => {
    const { state, dataset } = watched(10);
    expect(await dataset.take(3).toArray()).toEqual([0, 1, 2]);
    expect(state).toMatchObject({ produced: 3, closed: 1 });
    expect(await watched(2).dataset.take(5).toArray()).toEqual([0, 1]);
  });

  it('map may be asynchronous, and its error tells the position', async () => {
    expect(
      await watched(3)
        .dataset.map(async (i, position) => i + position)
        .toArray(),
    ).toEqual([0, 2, 4]);
    const broken = watched(3).dataset.map((i) => {
      if (i === 1) throw new Error('odd');
      return i;
    });
    await expect(broken.toArray()).rejects.toMatchObject({
      kind: 'source-failed',
      where: 'element 1 of Dataset.fromIterable.map(), epoch 0',
    });
  });

  it.each([
    ['a batch of 0', () => numbers(3).batch(0), 'invalid-option'],
    ['half a batch', () => numbers(3).batch(1.5), 'invalid-option'],
    ['take of nothing', () => numbers(3).take(0), 'invalid-option'],
    ['prefetch of nothing', () => numbers(3).prefetch(0), 'invalid-option'],
    ['no seed', () => numbers(3).shuffle({}), 'invalid-option'],
    ['a buffer of 0', () => numbers(3).shuffle({ seed: 1, bufferSize: 0 }), 'invalid-option'],
    ['a misspelt option', () => numbers(3).batch(2, { dropRemaineder: true } as object), 'unknown-option'],
    ['no function', () => numbers(3).map(5 as unknown as () => number), 'invalid-option'],
    ['a negative epoch', () => numbers(3).iterate(-1), 'invalid-option'],
    ['a size that is none', () => Dataset.fromIterable(() => [1], { size: 0.5 }), 'invalid-option'],
  ])('refuses %s', (_what, run, kind) => {
    expect(run).toThrow(fault(kind));
  });
});

describe('toBatch', () => {
  it('takes what a user yields for a batch', () => {
    expect(toBatch({ x: [[1], [2]], y: new Int32Array([0, 1]) }, 'batch 0')).toMatchObject({
      size: 2,
      x: { shape: [2, 1] },
    });
    expect(() => toBatch({ x: [[1], [2]], y: [1] }, 'batch 3')).toThrow(/length-mismatch\] batch 3/);
  });
});
