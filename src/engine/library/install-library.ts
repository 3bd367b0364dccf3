import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../core/errors.js';
import { checkLibraryFiles } from './check-library.js';
import type { InstalledFile, InstalledSet, InstallManifest } from './engine-cache.js';
import { damagedFiles, engineDirectory, installedSets, MANIFEST } from './engine-cache.js';
import { fetchWheels } from './fetch-wheels.js';
import { installCommand } from './install-command.js';
import type { InstallProgress } from './install-progress.js';
import { shortWheelName } from './install-progress.js';
import { libraryPlatform } from './library-platform.js';
import { isTooOld, OLDEST_TENSORFLOW, TESTED_TENSORFLOW } from './library-version.js';
import { missingLibraries } from './missing-libraries.js';
import type { ReportedWheel } from './pip.js';
import { Pip } from './pip.js';
import { Staging, sweepStaging } from './staging.js';
import { unpackWheel } from './unpack-wheel.js';
import { chooseWheel } from './wheel-choice.js';

export interface InstallOptions {
  readonly gpu?: boolean;
  readonly version?: string;
  /** Aborting removes what was begun. */
  readonly signal?: AbortSignal;
  readonly progress?: InstallProgress;
}

/**
 * Fetches TensorFlow's wheel with the user's pip and puts its libraries into the cache, all at once or not at all.
 *
 * @returns the set, and whether it was there already
 * @throws EngineError of kinds that name pip, the wheel, the platform or the library
 */
export async function installLibrary(options: InstallOptions = {}): Promise<{ set: InstalledSet; fresh: boolean }> {
  const { gpu = false, version = TESTED_TENSORFLOW } = options;
  checkVersion(version);
  const choice = chooseWheel(gpu);
  const root = engineDirectory();
  sweepStaging(root);
  const name = `${version}-${gpu ? 'gpu' : 'cpu'}`;
  const present = wholeSet(root, name);
  if (present !== undefined) return { set: present, fresh: false };
  const pip = Pip.find();
  let staging: Staging | undefined;
  try {
    staging = new Staging(root);
    const folder = staging.folder('wheels');
    const order = { requirement: `${choice.name}==${version}`, cuda: gpu, platforms: choice.platforms };
    const wheels = await fetchWheels(pip, order, { folder, temporary: staging.folder('temporary'), ...options });
    const set = staging.folder('set');
    const files = await unpackAll(wheels, folder, set, options);
    checkSet(set);
    const manifest: InstallManifest = {
      version,
      gpu,
      installed: new Date().toISOString(),
      wheels: Object.fromEntries(wheels.map(({ file, sha256 }) => [file, sha256])),
      files,
    };
    writeFileSync(join(set, MANIFEST), JSON.stringify(manifest, null, 2));
    options.signal?.throwIfAborted();
    // Another process may have finished first: its set is as good.
    if (wholeSet(root, name) === undefined) staging.publish(set, join(root, `tensorflow-${name}`));
    return { set: wholeSet(root, name)!, fresh: true };
  } catch (error) {
    throw explained(error, root, options.signal);
  } finally {
    options.progress?.end();
    staging?.[Symbol.dispose]();
  }
}

function checkVersion(version: string): void {
  const isVersion = /^\d+\.\d+\.\d+(rc\d+)?$/.test(version);
  if (isVersion && !isTooOld(version)) return;
  throw new EngineError(isVersion ? 'library-too-old' : 'version-malformed', {
    where: 'adjoint engine install --version',
    expected: `a TensorFlow release from ${OLDEST_TENSORFLOW} on, e.g. ${TESTED_TENSORFLOW}`,
    received: version,
    fix: `leave --version out: ${TESTED_TENSORFLOW} is the one that Adjoint is tested with`,
  });
}

function wholeSet(root: string, name: string): InstalledSet | undefined {
  const set = installedSets(root).find((candidate) => candidate.name === name);
  return set !== undefined && damagedFiles(set.directory, set.manifest).length === 0 ? set : undefined;
}

async function unpackAll(
  wheels: readonly ReportedWheel[],
  from: string,
  to: string,
  { progress, signal }: InstallOptions,
): Promise<Record<string, InstalledFile>> {
  const files: Record<string, InstalledFile> = {};
  for (const { file } of wheels) {
    let done = 0;
    const onTotal = (total: number) => progress?.begin(`unpacking ${shortWheelName(file)}`, total);
    const onBytes = (bytes: number) => progress?.advance((done += bytes));
    Object.assign(files, await unpackWheel(join(from, file), to, { signal, onTotal, onBytes }));
    progress?.end();
    rmSync(join(from, file));
  }
  return files;
}

function checkSet(set: string): void {
  const platform = libraryPlatform();
  checkLibraryFiles(join(set, 'tensorflow', platform.libraries[0]!));
  const missing = platform.format === 'ELF' ? missingLibraries(set) : [];
  if (missing.length === 0) return;
  throw new EngineError('library-incomplete', {
    where: 'the libraries of the wheel',
    expected: 'every library that they name in the wheel or on this system',
    received: missing.map(({ name, wantedBy }) => `no ${name}, wanted by ${wantedBy}`).join('\n'),
    fix: 'install what is missing with the system’s package manager, or choose another --version',
  });
}

function explained(error: unknown, root: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) {
    return new EngineError('install-interrupted', {
      where: 'adjoint engine install',
      received: 'an interruption; what was begun is removed',
      fix: `run \`${installCommand()}\` again`,
      cause: error,
    });
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EACCES' && code !== 'EROFS') return error;
  return new EngineError('cache-not-writable', {
    where: `cache folder ${root}`,
    expected: 'room for 1.2 GB (with --gpu about 8 GB), and leave to write',
    received: (error as Error).message,
    fix: 'set ADJOINT_CACHE to a folder on another disk',
    cause: error,
  });
}
