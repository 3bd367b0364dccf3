import { join } from 'node:path';
import {
  ArrayNotEmpty,
  IsArray,
  IsNotEmpty,
  IsNumber,
  IsOptional,
  IsPositive,
  IsString,
  IsUrl,
  ValidateBy,
} from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { cacheDirectory } from './cache-directory.js';
import { downloadFile, type KnownFile } from './download-file.js';

/** Public servers that carry MNIST's four files as they were first published. */
const mnistMirrors: readonly string[] = [
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
];

/** MNIST's four files; sizes and hashes as TensorFlow's and PyTorch's users have pinned them. */
export const mnistFiles: readonly KnownFile[] = [
  {
    name: 'train-images-idx3-ubyte.gz',
    bytes: 9_912_422,
    sha256: '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
  },
  {
    name: 'train-labels-idx1-ubyte.gz',
    bytes: 28_881,
    sha256: '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
  },
  {
    name: 't10k-images-idx3-ubyte.gz',
    bytes: 1_648_877,
    sha256: '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
  },
  {
    name: 't10k-labels-idx1-ubyte.gz',
    bytes: 4_542,
    sha256: 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
  },
];

const isFunction = ValidateBy({
  name: 'isFunction',
  validator: { validate: (value) => typeof value === 'function', defaultMessage: () => '$property must be a function' },
});
const isAbortSignal = ValidateBy({
  name: 'isAbortSignal',
  validator: {
    validate: (value) => typeof value === 'object' && value !== null && 'aborted' in value,
    defaultMessage: () => '$property must be an AbortSignal',
  },
});

/** Options of {@link downloadMnist}. */
export class DownloadMnistOptions {
  /** Folder for the files. Default: `mnist` in the user's cache folder, or below `ADJOINT_CACHE` where that is set. */
  @IsOptional() @IsString() @IsNotEmpty() directory?: string;
  /** Addresses of folders to fetch from, asked in this order. Default: two public mirrors. */
  @IsArray()
  @ArrayNotEmpty()
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false }, { each: true })
  mirrors: readonly string[] = mnistMirrors;
  /** Seconds without a byte after which a mirror is given up. Default 30. */
  @IsNumber() @IsPositive() timeoutSeconds: number = 30;
  /** Called with the bytes received so far and the bytes of all files; files that are there count as received. */
  @IsOptional() @isFunction onProgress?: (receivedBytes: number, totalBytes: number) => void;
  /** Ends the download early. */
  @IsOptional() @isAbortSignal signal?: AbortSignal;
}

/**
 * Fetches the four files of MNIST (11 MB), checks their SHA-256 and keeps them in the user's cache.
 *
 * A file that is there and sound is not fetched again. A file appears whole or not at all, also when the process is killed.
 *
 * @returns the folder, for `loadMnist`
 * @throws DataError [download-failed] when no mirror served a file right; what each one did is told
 * @throws OptionsError if an option is unknown or invalid
 *
 * @example
 * ```ts
 * import { downloadMnist, loadMnist } from 'adjoint';
 *
 * async function realDigits() {
 *   const directory = await downloadMnist({ onProgress: (received, total) => console.log(`${received} of ${total} bytes`) });
 *   return loadMnist({ directory });
 * }
 * console.log(typeof realDigits);
 * ```
 *
 * @see LeCun, Cortes, Burges: The MNIST database of handwritten digits
 */
export async function downloadMnist(options: OptionsInput<DownloadMnistOptions> = {}): Promise<string> {
  const parsed = parseOptions(DownloadMnistOptions, options, 'downloadMnist');
  return downloadFiles(mnistFiles, { ...parsed, directory: parsed.directory ?? cacheDirectory('mnist') });
}

/** Fetches files into a folder; the part of {@link downloadMnist} that does not know which files. */
export async function downloadFiles(
  files: readonly KnownFile[],
  options: DownloadMnistOptions & { readonly directory: string },
): Promise<string> {
  const { directory, mirrors, timeoutSeconds, onProgress, signal } = options;
  const totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
  let before = 0;
  for (const file of files) {
    await downloadFile({
      urls: mirrors.map((mirror) => new URL(file.name, mirror.endsWith('/') ? mirror : `${mirror}/`).href),
      path: join(directory, file.name),
      file,
      timeoutMs: timeoutSeconds * 1000,
      signal,
      onProgress: (received) => onProgress?.(before + received, totalBytes),
    });
    before += file.bytes;
    onProgress?.(before, totalBytes);
  }
  return directory;
}
