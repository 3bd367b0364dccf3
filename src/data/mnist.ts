import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { IsNotEmpty, IsString } from 'class-validator';
import { DataError } from '../core/errors.js';
import { parseOptions } from '../core/parse-options.js';
import { formatShape } from '../core/shape.js';
import type { HostArray } from './host-array.js';
import { readIdxFile, type IdxArray } from './idx.js';

/** Images and their labels. */
export interface LabelledImages {
  /** Images `[examples, 28, 28, 1]`, float32 from 0 (background) to 1 (ink). */
  readonly x: HostArray;
  /** Digits `[examples]`, int32 from 0 to 9. */
  readonly y: HostArray;
}

/** Digits to train and to test with. */
export interface DigitDataset {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

/** Options of {@link loadMnist}. */
export class LoadMnistOptions {
  /** Folder that holds the four files, under their usual names, with or without `.gz`. */
  @IsString() @IsNotEmpty() directory!: string;
}

/** Names of MNIST's files, without `.gz`. */
export const mnistNames = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
} as const;

/**
 * Reads the handwritten digits of MNIST from a folder.
 *
 * Any data in MNIST's form will do: fewer digits, or other things in ten classes. To fetch the original, see `downloadMnist`;
 * without data, see `handwrittenDigits`.
 *
 * Shapes: `x` `[examples, 28, 28, 1]` float32 in [0, 1], `y` `[examples]` int32.
 *
 * @throws DataError [mnist-missing | mnist-shape | mnist-label | length-mismatch | empty-dataset] and what `readIdxFile` throws
 *
 * @example
 * ```ts
 * import { downloadMnist, loadMnist } from 'adjoint';
 *
 * async function realDigits() {
 *   return loadMnist({ directory: await downloadMnist() });
 * }
 * console.log(typeof realDigits);
 * ```
 *
 * @see LeCun, Cortes, Burges: The MNIST database of handwritten digits
 */
export async function loadMnist(options: LoadMnistOptions): Promise<DigitDataset> {
  const { directory } = parseOptions(LoadMnistOptions, options, 'loadMnist');
  const paths = await Promise.all(Object.values(mnistNames).map((name) => findFile(directory, name)));
  const missing = Object.values(mnistNames).filter((_, i) => paths[i] === null);
  if (missing.length > 0) {
    throw new DataError('mnist-missing', {
      where: `the folder ${directory} given to loadMnist`,
      expected: `${Object.values(mnistNames).join(', ')}, each with or without .gz`,
      received: `no ${missing.join(', no ')}`,
      fix: 'name the folder that holds the files, or fetch them with downloadMnist()',
    });
  }
  const [trainImages, trainLabels, testImages, testLabels] = paths as [string, string, string, string];
  return { train: await readPair(trainImages, trainLabels), test: await readPair(testImages, testLabels) };
}

async function findFile(directory: string, name: string): Promise<string | null> {
  for (const path of [join(directory, name), join(directory, `${name}.gz`)]) {
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}

async function readPair(imagesPath: string, labelsPath: string): Promise<LabelledImages> {
  const images = await readIdxFile(imagesPath);
  const labels = await readIdxFile(labelsPath);
  const [count] = images.shape;
  checkForm(
    images,
    imagesPath,
    '[examples, 28, 28]',
    images.shape.length === 3 && images.shape[1] === 28 && images.shape[2] === 28,
  );
  checkForm(labels, labelsPath, '[examples]', labels.shape.length === 1);
  if (labels.shape[0] !== count) {
    throw new DataError('length-mismatch', {
      where: `${imagesPath} and ${labelsPath}`,
      expected: `as many labels as images: ${count}`,
      received: `${labels.shape[0]} labels`,
      fix: 'take both files from one source',
    });
  }
  if (count === 0)
    throw new DataError('empty-dataset', { where: imagesPath, expected: 'at least one image', received: 'none' });
  const wrong = labels.values.findIndex((label) => label > 9);
  if (wrong >= 0) {
    throw new DataError('mnist-label', {
      where: `label ${wrong} in ${labelsPath}`,
      expected: 'a class from 0 to 9',
      received: String(labels.values[wrong]),
    });
  }
  const pixels = new Float32Array(images.values.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = images.values[i]! / 255;
  return {
    x: { values: pixels, shape: [count!, 28, 28, 1], dtype: 'float32' },
    y: { values: Int32Array.from(labels.values), shape: [count!], dtype: 'int32' },
  };
}

function checkForm(array: IdxArray, path: string, expected: string, isRight: boolean): void {
  if (isRight && array.type === 'uint8') return;
  throw new DataError('mnist-shape', {
    where: path,
    expected: `uint8 ${expected}`,
    received: `${array.type} ${formatShape(array.shape)}`,
    fix: 'check that images and labels are not mistaken for each other',
  });
}
