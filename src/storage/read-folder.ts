import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AdjointError, DataError } from '../core/errors.js';
import { MANIFEST_BYTES, MANIFEST_NAME, parseManifest } from './manifest.js';
import type { FolderFormat, Manifest, ManifestPart } from './manifest.js';
import { readChunks, readWholeFile, withFile } from './read-file.js';

/** What looking at a folder has found. */
export interface FolderCheck {
  /** Where it was found: its own path, or that of the folder which a process that died has set aside. */
  readonly path: string;
  readonly complete: boolean;
  readonly manifest?: Manifest;
  /** One for each part that is wrong; empty where it is complete. */
  readonly problems: readonly AdjointError[];
}

/** A complete folder. */
export interface Folder {
  readonly path: string;
  readonly manifest: Manifest;
}

export interface FolderChecks {
  readonly format?: FolderFormat;
  /** Whether the parts' bytes are hashed, not only counted. */
  readonly hash?: boolean;
}

/** The second name of a folder while another one takes its place. */
export function previousPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.previous`);
}

/**
 * Opens a folder after every part of it was checked.
 *
 * @throws DataError [newer-version | manifest | no-such-file | part-size | part-hash | other-format | ...]
 * @throws DataError [damaged-folder] more than one thing is wrong; `received` lists them
 */
export async function readFolder(path: string, checks?: FolderChecks): Promise<Folder> {
  const { problems, manifest, path: found } = await checkFolder(path, checks);
  if (problems.length === 1) throw problems[0]!;
  if (problems.length > 1 || manifest === undefined) {
    throw new DataError('damaged-folder', {
      where: `folder ${JSON.stringify(path)}`,
      expected: 'every part as the manifest has it',
      received: problems.map(summaryOf).join('\n'),
      fix: 'restore it from another copy',
      cause: problems[0],
    });
  }
  return { path: found, manifest };
}

/** A problem in one line. */
export function summaryOf({ where, received, expected }: AdjointError): string {
  return `${where}: ${received ?? 'wrong'}${expected === undefined ? '' : `; expected ${expected}`}`;
}

/** Says what is wrong with a folder, in place of throwing it. */
export async function checkFolder(path: string, { format, hash = true }: FolderChecks = {}): Promise<FolderCheck> {
  const found = await locate(resolve(path));
  const where = `folder ${JSON.stringify(path)}`;
  let manifest: Manifest;
  try {
    manifest = await readManifest(found, where);
    if (format !== undefined && manifest.format !== format) {
      throw new DataError('other-format', { where, expected: format, received: manifest.format });
    }
  } catch (error) {
    return { path: found, complete: false, problems: [asProblem(error)] };
  }
  const problems: AdjointError[] = [];
  for (const part of manifest.parts) {
    try {
      await checkPart(join(found, part.name), part, `part "${part.name}" of ${where}`, hash);
    } catch (error) {
      problems.push(asProblem(error));
    }
  }
  return { path: found, complete: problems.length === 0, manifest, problems };
}

/** @throws DataError [no-such-file | not-a-file | too-large | manifest | newer-version | json | ...] */
export async function readManifest(folder: string, where: string): Promise<Manifest> {
  const place = `${MANIFEST_NAME} of ${where}`;
  const bytes = await readWholeFile(join(folder, MANIFEST_NAME), MANIFEST_BYTES, place, { followLinks: false });
  return parseManifest(bytes, place);
}

/** The folder set aside, where a process died before the new one took its place. */
async function locate(path: string): Promise<string> {
  for (const candidate of [path, previousPath(path), path]) {
    if (await stat(candidate).catch(() => undefined)) return candidate;
  }
  return path;
}

async function checkPart(path: string, part: ManifestPart, where: string, hashed: boolean): Promise<void> {
  const check = async (file: Parameters<typeof readChunks>[0], bytes: number): Promise<void> => {
    if (bytes !== part.bytes) {
      throw new DataError('part-size', { where, expected: `${part.bytes} bytes`, received: `${bytes} bytes` });
    }
    if (!hashed) return;
    const hash = createHash('sha256');
    for await (const chunk of readChunks(file, bytes, where)) hash.update(chunk);
    const sha256 = hash.digest('hex');
    if (sha256 !== part.sha256) {
      throw new DataError('part-hash', { where, expected: `SHA-256 ${part.sha256}`, received: `SHA-256 ${sha256}` });
    }
  };
  await withFile(path, where, check, { followLinks: false });
}

function asProblem(error: unknown): AdjointError {
  if (error instanceof AdjointError) return error;
  throw error;
}
