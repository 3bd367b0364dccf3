import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Entry, ZipFile } from 'yauzl';
import { openPromise } from 'yauzl';
import { EngineError } from '../../core/errors.js';
import type { InstalledFile } from './engine-cache.js';

/** Of one file; TensorFlow's largest has 0.8 GB for the CPU and 1.1 GB with CUDA. */
const LARGEST_FILE = 4 * 1024 ** 3;
const LARGEST_WHEEL = 8 * 1024 ** 3;

export interface UnpackOptions {
  readonly signal?: AbortSignal;
  readonly onTotal?: (bytes: number) => void;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Unpacks the libraries of a wheel, and the licences that go with them; nothing else in it is read.
 *
 * @returns size and SHA-256 of each file, by its name inside the wheel
 * @throws EngineError `wheel-unsafe` or `wheel-corrupt`
 */
export async function unpackWheel(
  wheel: string,
  to: string,
  options: UnpackOptions = {},
): Promise<Record<string, InstalledFile>> {
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(wheel, { autoClose: false, strictFileNames: true });
    const entries = await wantedEntries(zip, wheel);
    options.onTotal?.(entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0));
    const files: Record<string, InstalledFile> = {};
    for (const entry of entries)
      files[entry.fileName] = await unpackEntry(zip, entry, join(to, entry.fileName), options);
    return files;
  } catch (error) {
    if (error instanceof EngineError || options.signal?.aborted || isFileError(error)) throw error;
    const message = (error as Error).message;
    if (/invalid relative path|absolute path|invalid characters/.test(message)) throw unsafe(wheel, message);
    throw new EngineError('wheel-corrupt', {
      where: `wheel ${wheel}`,
      expected: 'a whole zip archive',
      received: message,
      fix: 'run the command again; if it stays, `pip cache purge` first',
      cause: error,
    });
  } finally {
    zip?.close();
  }
}

async function wantedEntries(zip: ZipFile, wheel: string): Promise<Entry[]> {
  const wanted: Entry[] = [];
  let total = 0;
  // yauzl itself refuses names that lead out of the folder, also those of entries that are not wanted.
  for await (const entry of zip.eachEntry()) {
    if (!isWanted(entry.fileName)) continue;
    const type = (entry.externalFileAttributes >>> 16) & 0o170000;
    if (type !== 0 && type !== 0o100000) throw unsafe(wheel, `${entry.fileName} is a link or a device`);
    total += entry.uncompressedSize;
    if (entry.uncompressedSize > LARGEST_FILE || total > LARGEST_WHEEL) {
      throw unsafe(wheel, `${entry.fileName} would unpack to ${entry.uncompressedSize} bytes`);
    }
    wanted.push(entry);
  }
  return wanted;
}

function unsafe(wheel: string, received: string): EngineError {
  return new EngineError('wheel-unsafe', {
    where: `wheel ${wheel}`,
    expected: 'plain files inside their folder, none above 4 GiB',
    received,
    fix: 'do not use this file: ask whoever runs the package index that pip is configured for',
  });
}

const WANTED = [
  /^tensorflow\/libtensorflow_(cc|framework)\.(so\.2|2\.dylib)$/,
  /^tensorflow\/(LICENSE|THIRD_PARTY_NOTICES)[^/]*$/i,
  /^nvidia\/.+\.so(\.\d+)*$/,
  // What TensorFlow compiles GPU code with at run time.
  /^nvidia\/[^/]+\/(bin\/(ptxas|nvlink|fatbinary)|nvvm\/libdevice\/[^/]+\.bc)$/,
  /^[^/]+\.dist-info\/(licenses\/)?(.*\/)?(licen[sc]e|notice|copying|third_party)[^/]*$/i,
];

function isWanted(name: string): boolean {
  return WANTED.some((pattern) => pattern.test(name));
}

async function unpackEntry(zip: ZipFile, entry: Entry, path: string, options: UnpackOptions): Promise<InstalledFile> {
  mkdirSync(dirname(path), { recursive: true });
  const hash = createHash('sha256');
  let size = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      hash.update(chunk);
      options.onBytes?.(chunk.length);
      done(null, chunk);
    },
  });
  const mode = /\/bin\//.test(entry.fileName) ? 0o755 : 0o644;
  const source = await zip.openReadStreamPromise(entry);
  await pipeline(source, count, createWriteStream(path, { mode, flags: 'wx' }), { signal: options.signal });
  return { size, sha256: hash.digest('hex') };
}

function isFileError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
