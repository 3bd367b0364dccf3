import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DataError } from '../core/errors.js';

/** A file whose contents are known beforehand. */
export interface KnownFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface DownloadFileOptions {
  /** Places to ask, in this order. */
  readonly urls: readonly string[];
  readonly path: string;
  readonly file: KnownFile;
  /** Milliseconds without a byte after which a place is given up. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Gets the number of bytes received of this file; it falls back to 0 when the next place is asked. */
  readonly onProgress?: (receivedBytes: number) => void;
}

/**
 * Fetches a file from the first place that serves it right. It appears at its path whole and checked, or not at all.
 *
 * @throws DataError [download-failed], telling what each place did
 */
export async function downloadFile(options: DownloadFileOptions): Promise<void> {
  const { urls, path, file, signal } = options;
  if (await isSound(path, file)) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.part`;
  const failures: string[] = [];
  try {
    for (const url of urls) {
      try {
        await fetchInto(temporary, url, options);
        await rename(temporary, path);
        return;
      } catch (cause) {
        signal?.throwIfAborted();
        failures.push(`${url}: ${reasonOf(cause)}`);
      }
    }
  } finally {
    await rm(temporary, { force: true });
  }
  throw new DataError('download-failed', {
    where: `the download of ${file.name}`,
    expected: `${file.bytes} bytes with SHA-256 ${file.sha256}`,
    received: failures.join('\n'),
    fix: `check the network and its proxy, or put the file at ${path} by hand`,
  });
}

/** Whether the file is there with the right contents. */
async function isSound(path: string, file: KnownFile): Promise<boolean> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  return hash.digest('hex') === file.sha256;
}

async function fetchInto(temporary: string, url: string, options: DownloadFileOptions): Promise<void> {
  const { file, timeoutMs, signal, onProgress } = options;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(`no byte for ${timeoutMs / 1000} s`)), timeoutMs);
  const signals = signal === undefined ? [stalled.signal] : [stalled.signal, signal];
  const handle = await open(temporary, 'w');
  try {
    const response = await fetch(url, { signal: AbortSignal.any(signals) });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new Error(`status ${response.status} ${response.statusText}`.trim());
    }
    const hash = createHash('sha256');
    let received = 0;
    onProgress?.(0);
    for await (const chunk of response.body) {
      timer.refresh();
      received += chunk.length;
      if (received > file.bytes) throw new Error(`more than the ${file.bytes} bytes of the file`);
      hash.update(chunk);
      await handle.writeFile(chunk);
      onProgress?.(received);
    }
    if (received < file.bytes) throw new Error(`${received} of ${file.bytes} bytes`);
    const digest = hash.digest('hex');
    if (digest !== file.sha256) throw new Error(`wrong contents, SHA-256 ${digest}`);
    await handle.sync();
  } finally {
    clearTimeout(timer);
    await handle.close();
  }
}

/** What went wrong, in one line; fetch hides the network's own words in a cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error.cause;
  return inner instanceof Error && inner.message !== '' ? `${error.message} (${inner.message})` : error.message;
}
