import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadMnist, mnistNames } from '../../src/data/mnist.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'adjoint-mnist-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function idx(shape: readonly number[], body: Uint8Array, code = 8): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head[2] = code;
  head[3] = shape.length;
  shape.forEach((dimension, i) => head.writeUInt32BE(dimension, 4 + 4 * i));
  return Buffer.concat([head, body]);
}

const images = (count: number) =>
  idx(
    [count, 28, 28],
    new Uint8Array(count * 784).map((_, i) => i % 256),
  );
const labels = (values: readonly number[]) => idx([values.length], Uint8Array.from(values));

function write(changes: Partial<Record<keyof typeof mnistNames, Buffer>> = {}): void {
  const contents = {
    trainImages: images(3),
    trainLabels: labels([7, 0, 9]),
    testImages: images(2),
    testLabels: labels([1, 2]),
    ...changes,
  };
  writeFileSync(join(directory, mnistNames.trainImages), contents.trainImages);
  writeFileSync(join(directory, `${mnistNames.trainLabels}.gz`), gzipSync(contents.trainLabels));
  writeFileSync(join(directory, `${mnistNames.testImages}.gz`), gzipSync(contents.testImages));
  writeFileSync(join(directory, mnistNames.testLabels), contents.testLabels);
}

describe('loadMnist', () => {
  it('reads four files, plain or gzip', async () => {
    write();
    const { train, test } = await loadMnist({ directory });
    expect(train.x).toMatchObject({ shape: [3, 28, 28, 1], dtype: 'float32' });
    expect([...train.x.values.subarray(254, 257)]).toEqual([Math.fround(254 / 255), 1, 0]);
    expect(train.y).toEqual({ values: new Int32Array([7, 0, 9]), shape: [3], dtype: 'int32' });
    expect([...test.y.values]).toEqual([1, 2]);
  });

  it('names every file that is missing', async () => {
    write();
    rmSync(join(directory, mnistNames.testLabels));
    await expect(loadMnist({ directory })).rejects.toMatchObject({
      kind: 'mnist-missing',
      received: `no ${mnistNames.testLabels}`,
    });
    await expect(loadMnist({ directory: join(directory, 'nowhere') })).rejects.toThrow(
      /no train-images.*no t10k-labels/,
    );
  });

  it.each([
    ['counts that disagree', { trainLabels: labels([1, 2]) }, 'length-mismatch'],
    ['a label of 10', { testLabels: labels([1, 10]) }, 'mnist-label'],
    ['images for labels', { trainLabels: images(3) }, 'mnist-shape'],
    ['images of another size', { trainImages: idx([3, 14, 56], new Uint8Array(3 * 784)) }, 'mnist-shape'],
    ['images of signed bytes', { trainImages: idx([3, 28, 28], new Uint8Array(3 * 784), 9) }, 'mnist-shape'],
    ['no images', { trainImages: images(0), trainLabels: labels([]) }, 'empty-dataset'],
    ['a damaged file', { testImages: images(2).subarray(0, 100) }, 'idx-truncated'],
  ])('refuses %s, naming the file', async (_what, changes, kind) => {
    write(changes);
    await expect(loadMnist({ directory })).rejects.toMatchObject({ kind, where: expect.stringContaining(directory) });
  });

  it('refuses invalid options', async () => {
    await expect(loadMnist({ directory: '' })).rejects.toMatchObject({ kind: 'invalid-option' });
    await expect(loadMnist({ directory, train: 3 } as { directory: string })).rejects.toMatchObject({
      kind: 'unknown-option',
    });
  });
});
