import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';
import { libraryPlatform } from './library-platform.js';
import { compareVersions } from './library-version.js';

/** The file that is written last into a set of libraries: a set without one does not exist. */
export const MANIFEST = 'manifest.json';

export interface InstalledFile {
  readonly size: number;
  readonly sha256: string;
}

/** What `manifest.json` of an installed set says. */
export interface InstallManifest {
  readonly version: string;
  readonly gpu: boolean;
  readonly installed: string;
  /** File name and SHA-256 of each wheel. */
  readonly wheels: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, InstalledFile>>;
}

export interface InstalledSet {
  /** `2.21.0-cpu` */
  readonly name: string;
  readonly directory: string;
  readonly library: string;
  readonly manifest: InstallManifest;
}

/** Where Adjoint keeps what it fetches: `ADJOINT_CACHE`, or the folder that the system has for caches. */
export function cacheDirectory(): string {
  const chosen = process.env['ADJOINT_CACHE'];
  return chosen ? resolve(chosen) : envPaths('adjoint', { suffix: '' }).cache;
}

export function engineDirectory(): string {
  return join(cacheDirectory(), 'engine');
}

/** Every complete set in the cache, the one to use first: the newest, and of one version the one for GPUs. */
export function installedSets(root = engineDirectory()): InstalledSet[] {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map((name) => readInstalledSet(root, name))
    .filter((set) => set !== undefined)
    .sort(
      (a, b) =>
        compareVersions(b.manifest.version, a.manifest.version) || Number(b.manifest.gpu) - Number(a.manifest.gpu),
    );
}

function readInstalledSet(root: string, name: string): InstalledSet | undefined {
  const match = /^tensorflow-(\d+\.\d+\.\d+.*-(?:cpu|gpu))$/.exec(name);
  const manifest = match === null ? undefined : readManifest(join(root, name));
  if (match === null || manifest === undefined) return undefined;
  const directory = join(root, name);
  const library = join(directory, 'tensorflow', libraryPlatform().libraries[0]!);
  return { name: match[1]!, directory, library, manifest };
}

/** The manifest of a set, or `undefined` where it is missing or says something else. */
export function readManifest(directory: string): InstallManifest | undefined {
  try {
    const manifest = JSON.parse(readFileSync(join(directory, MANIFEST), 'utf8')) as Partial<InstallManifest> | null;
    const whole = typeof manifest?.version === 'string' && typeof manifest.files === 'object';
    return whole ? (manifest as InstallManifest) : undefined;
  } catch {
    return undefined;
  }
}

/** The files of a set that are missing or have another size than when they were installed. */
export function damagedFiles(directory: string, manifest: InstallManifest): string[] {
  return Object.entries(manifest.files)
    .filter(([name, { size }]) => statSync(join(directory, name), { throwIfNoEntry: false })?.size !== size)
    .map(([name]) => name);
}

export function installedSize(set: InstalledSet): number {
  return Object.values(set.manifest.files).reduce((sum, { size }) => sum + size, 0);
}
