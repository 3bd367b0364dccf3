import { lstat, mkdir, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError } from '../core/errors.js';
import type { JsonObject } from './checked-json.js';
import { ADJOINT_VERSION, checkPartName, encodeManifest, FOLDER_VERSIONS, MANIFEST_NAME } from './manifest.js';
import type { FolderFormat, Manifest, ManifestPart } from './manifest.js';
import { previousPath, readManifest } from './read-folder.js';
import { codeOf, explained, makeFolder, partialPath, syncFolder, targetOf, writeNewFile } from './write-file.js';
import type { Pieces } from './write-file.js';

/** A file of the folder. */
export interface FolderPart {
  /** A plain name, e.g. `weights.safetensors`. */
  readonly name: string;
  readonly pieces: Pieces;
}

export interface FolderContent {
  readonly format: FolderFormat;
  readonly parts: readonly FolderPart[];
  /** What a reader wants to know before it opens a part. */
  readonly meta?: JsonObject;
}

let folders = 0;
const active = new Set<string>();
let lastSwap: Promise<unknown> = Promise.resolve();

/**
 * Writes a folder that is there whole or not at all. Parts and manifest are written and synced in a hidden folder beside
 * it, which then takes its name. A folder that stood there is first set aside under the name that `readFolder` falls
 * back to, so that at every moment one of the two is found. Files in it that the manifest does not list are kept.
 *
 * @throws DataError [write-failed] nothing was changed
 * @throws DataError [not-ours] the path is a folder that something else fills
 */
export async function writeFolder(path: string, { format, parts, meta = {} }: FolderContent): Promise<Manifest> {
  const where = `folder ${JSON.stringify(path)}`;
  return explained(where, async () => {
    const target = await targetOf(path);
    await makeFolder(dirname(target));
    await checkReplaceable(target, where);
    await removePartials(dirname(target), basename(target));
    const partial = partialPath(target, ++folders);
    active.add(partial);
    try {
      await mkdir(partial);
      const written: ManifestPart[] = [];
      for (const { name, pieces } of parts) {
        checkPartName(name, where);
        written.push({ name, ...(await writeNewFile(join(partial, name), pieces)) });
      }
      const manifest = manifestOf(format, written, meta);
      await writeNewFile(join(partial, MANIFEST_NAME), [encodeManifest(manifest, `the manifest of ${where}`)]);
      await syncFolder(partial);
      const swap = lastSwap.then(() => takeName(partial, target));
      lastSwap = swap.catch(() => undefined);
      await swap;
      return manifest;
    } catch (error) {
      await rm(partial, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    } finally {
      active.delete(partial);
    }
  });
}

function manifestOf(format: FolderFormat, parts: readonly ManifestPart[], meta: JsonObject): Manifest {
  const created = new Date().toISOString();
  return { format, version: FOLDER_VERSIONS[format], adjoint: ADJOINT_VERSION, created, parts, meta };
}

/** Nobody's own files are replaced: a folder there must be empty or one of ours. */
async function checkReplaceable(target: string, where: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined) return;
  const names = found.isDirectory() ? await readdir(target) : undefined;
  if (names?.length === 0) return;
  if (names !== undefined && names.includes(MANIFEST_NAME)) {
    try {
      await readManifest(target, where);
      return;
    } catch {
      // Said below.
    }
  }
  throw new DataError('not-ours', {
    where,
    expected: 'a new path, an empty folder, or a folder that Adjoint wrote',
    received: names === undefined ? 'a file' : `a folder without a manifest that can be read (${names.length} entries)`,
    fix: 'write to another path, or remove what is there first',
  });
}

/** Two renames: after the first the old folder is found under its second name, after the second the new one. */
async function takeName(partial: string, target: string): Promise<void> {
  const previous = previousPath(target);
  const parent = dirname(target);
  await restorePrevious(target);
  try {
    await rename(target, previous);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  try {
    await rename(partial, target);
  } catch (error) {
    await rename(previous, target).catch(() => undefined);
    throw error;
  }
  await syncFolder(parent);
  // The new folder is in its place and synced; what is left over of the old one is tried again the next time.
  await retire(previous, target).catch(() => undefined);
}

/** Ends what a process that died between the renames, or after them, has left. */
async function restorePrevious(target: string): Promise<void> {
  const previous = previousPath(target);
  if ((await lstat(previous).catch(() => undefined)) === undefined) return;
  if ((await lstat(target).catch(() => undefined)) === undefined) await rename(previous, target);
  else await retire(previous, target);
}

/** Removes a replaced folder's own files; others go to the new one. */
async function retire(previous: string, target: string): Promise<void> {
  const names = await readdir(previous).catch((): string[] => []);
  const ours = new Set(names.includes(MANIFEST_NAME) ? await ownNames(previous) : []);
  for (const name of names) {
    if (ours.has(name)) continue;
    const isTaken = (await lstat(join(target, name)).catch(() => undefined)) !== undefined;
    await rename(join(previous, name), join(target, isTaken ? `${name}.previous` : name));
  }
  await removeOwn(previous, names, ours);
}

async function ownNames(folder: string): Promise<string[]> {
  const { parts } = await readManifest(folder, folder);
  return [...parts.map(({ name }) => name), MANIFEST_NAME];
}

/** The manifest goes last, because it says what else is ours; the folder is no longer found under its name then. */
async function removeOwn(folder: string, names: readonly string[], ours: ReadonlySet<string>): Promise<void> {
  for (const name of ours) if (names.includes(name)) await unlink(join(folder, name));
  await rmdir(folder).catch((error: unknown) => {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
  });
}

/**
 * Removes a folder that Adjoint wrote, whole or damaged, but no file that its manifest does not list.
 *
 * @throws DataError [write-failed] and what reading the manifest throws
 */
export async function removeFolder(path: string): Promise<void> {
  await explained(`folder ${JSON.stringify(path)}`, async () => {
    for (const folder of [resolve(path), previousPath(resolve(path))]) {
      const names = await readdir(folder).catch((): string[] => []);
      if (names.includes(MANIFEST_NAME)) await removeOwn(folder, names, new Set(await ownNames(folder)));
    }
  });
}

/** Removes what processes that no longer run have begun and not finished, of one name or of all. */
export async function removePartials(parent: string, name?: string): Promise<void> {
  for (const entry of await readdir(parent).catch((): string[] => [])) {
    const [, begun, pid] = /^\.(.+)\.partial-(\d+)-\d+$/.exec(entry) ?? [];
    if (begun === undefined || (name !== undefined && begun !== name)) continue;
    const path = join(parent, entry);
    const isOwn = Number(pid) === process.pid;
    if (isOwn ? active.has(path) : isRunning(Number(pid))) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
