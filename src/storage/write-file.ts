import { createHash } from 'node:crypto';
import { lstat, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AdjointError, DataError } from '../core/errors.js';

/** Content that is made while it is written; a piece may be a view on memory of any size. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** What one file holds. */
export interface Written {
  readonly bytes: number;
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

/** Bytes between two turns of the event loop: hashing this much takes 1 to 3 ms. */
const CHUNK = 1 << 20;

let files = 0;

/**
 * Writes a file that is there whole or not at all: into a temporary file beside it, to the disk, then renamed.
 *
 * @throws DataError [write-failed] nothing was changed
 */
export async function writeFileAtomically(path: string, pieces: Pieces): Promise<Written> {
  const where = `file ${JSON.stringify(path)}`;
  return explained(where, async () => {
    const target = await targetOf(path);
    await checkReplaceable(target, where);
    const partial = partialPath(target, ++files);
    await makeFolder(dirname(target));
    try {
      const written = await writeNewFile(partial, pieces);
      await rename(partial, target);
      await syncFolder(dirname(target));
      return written;
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw error;
    }
  });
}

/** Where a link leads, so that what is behind it is replaced and not the link. */
export async function targetOf(path: string): Promise<string> {
  return realpath(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return resolve(path);
    throw error;
  });
}

/** A rename would put a file in the place of a device, too. */
async function checkReplaceable(target: string, where: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined || found.isFile()) return;
  throw new DataError('write-failed', {
    where,
    expected: 'a new path, or a file',
    received: found.isDirectory() ? 'a folder' : 'a pipe, a device, or a link that leads nowhere',
    fix: 'choose another path',
  });
}

/** Beside the target, hidden, and with the process that writes it, so that a later one knows what nobody finishes. */
export function partialPath(target: string, count: number): string {
  return join(dirname(target), `.${basename(target)}.partial-${process.pid}-${count}`);
}

/** Writes and syncs a file that must not exist. */
export async function writeNewFile(path: string, pieces: Pieces): Promise<Written> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx');
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; at += CHUNK) {
        const chunk = piece.subarray(at, at + CHUNK);
        hash.update(chunk);
        await writeWhole(file, chunk);
      }
      bytes += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** A write may take fewer bytes than it was given, where the disk fills up. */
async function writeWhole(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
}

/** A folder with those above it, each of which the disk remembers. */
export async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) await makeFolder(above);
  // One at a time: with `recursive`, Node.js 20 never returns where the system has no such place, as in /proc.
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await isFolder(path))) return;
    throw error;
  }
  await syncFolder(above);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

/** Makes the disk remember a folder's names. Some systems, Windows among them, do not sync folders: no fault of ours. */
export async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle;
  try {
    folder = await open(path, 'r');
  } catch (error) {
    if (['EISDIR', 'EPERM', 'EACCES'].includes(codeOf(error) ?? '')) return;
    throw error;
  }
  try {
    await folder.sync();
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP', 'EISDIR'].includes(codeOf(error) ?? '')) throw error;
  } finally {
    await folder.close();
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error || typeof error === 'object' ? (error as { code?: string } | null)?.code : undefined;
}

const FIXES: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on this disk, or write to another one',
  EDQUOT: 'make room in your quota, or write to another disk',
  EFBIG: 'raise the limit on the size of a file (ulimit -f), or write to another disk',
  EROFS: 'write to a disk that is not read-only',
  EACCES: 'give this user the right to write there, or write elsewhere',
  EPERM: 'give this user the right to write there, or write elsewhere',
  ENOENT: 'no folder can be made there: choose another path',
  ELOOP: 'a link leads to itself: choose another path',
  ENOTDIR: 'a part of the path is a file: choose another path',
  EEXIST: 'a part of the path is a file: choose another path',
  EISDIR: 'the path is a folder: choose another name',
  ENAMETOOLONG: 'choose a shorter name',
  EMFILE: 'close files, or raise the limit on open files (ulimit -n)',
};

/** Runs a piece of writing; what the system refuses becomes a DataError that names place and cause. */
export async function explained<Result>(where: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof AdjointError || code === undefined) throw error;
    throw new DataError('write-failed', {
      where,
      expected: 'a place that can be written',
      received: (error as Error).message,
      fix: FIXES[code],
      cause: error,
    });
  }
}
