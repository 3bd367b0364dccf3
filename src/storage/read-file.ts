import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { AdjointError, DataError } from '../core/errors.js';
import { codeOf } from './write-file.js';

const CHUNK = 1 << 20;

/**
 * Opens a regular file; a pipe or a device would never end.
 *
 * @throws DataError [no-such-file | not-a-file | read-failed]
 */
export async function withFile<Result>(
  path: string,
  where: string,
  use: (file: FileHandle, bytes: number) => Promise<Result>,
  { followLinks = true } = {},
): Promise<Result> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK opening a pipe waits for its other end.
    const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (followLinks ? 0 : (constants.O_NOFOLLOW ?? 0));
    file = await open(path, flags);
    const stat = await file.stat();
    if (!stat.isFile()) {
      const received = stat.isDirectory() ? 'a folder' : 'a pipe or a device';
      throw new DataError('not-a-file', { where, expected: 'a file', received });
    }
    return await use(file, stat.size);
  } catch (error) {
    throw asDataError(error, where);
  } finally {
    await file?.close();
  }
}

function asDataError(error: unknown, where: string): unknown {
  const code = codeOf(error);
  if (error instanceof AdjointError || code === undefined) return error;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new DataError('no-such-file', { where, expected: 'a file', received: 'a path where there is nothing' });
  }
  if (code === 'ELOOP') return new DataError('not-a-file', { where, expected: 'a file', received: 'a symbolic link' });
  return new DataError('read-failed', {
    where,
    expected: 'a file that can be read',
    received: (error as Error).message,
    cause: error,
  });
}

/**
 * A whole file, of which the size is looked at before memory is taken.
 *
 * @throws DataError [no-such-file | not-a-file | too-large | read-failed]
 */
export async function readWholeFile(
  path: string,
  mostBytes: number,
  where: string,
  options?: { followLinks: boolean },
) {
  return withFile(
    path,
    where,
    async (file, bytes) => {
      if (bytes > mostBytes) {
        throw new DataError('too-large', { where, expected: `at most ${mostBytes} bytes`, received: `${bytes} bytes` });
      }
      return readBytes(file, 0, bytes, where);
    },
    options,
  );
}

/** @throws DataError [read-failed] the file ends before */
export async function readBytes(file: FileHandle, start: number, length: number, where: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) at += await readSome(file, bytes.subarray(at, at + CHUNK), start + at, where);
  return bytes;
}

/** The file's first bytes in chunks, each valid until the next one is asked for. */
export async function* readChunks(file: FileHandle, length: number, where: string): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(CHUNK, length));
  for (let at = 0; at < length;) {
    const read = await readSome(file, buffer.subarray(0, Math.min(CHUNK, length - at)), at, where);
    yield buffer.subarray(0, read);
    at += read;
  }
}

async function readSome(file: FileHandle, into: Uint8Array, at: number, where: string): Promise<number> {
  const { bytesRead } = await file.read(into, 0, into.length, at);
  if (bytesRead > 0) return bytesRead;
  throw new DataError('read-failed', { where, expected: 'more bytes', received: `the end of the file at ${at}` });
}
