import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** The oldest TensorFlow that the engine was run on (the first release of 2.16); older ones are refused unloaded. */
export const OLDEST_TENSORFLOW = '2.16.1';

/** The TensorFlow that `adjoint engine install` fetches unless told otherwise. */
export const TESTED_TENSORFLOW = '2.21.0';

/** Orders release numbers; a pre-release (`2.21.0-rc1`, `2.21.0rc1`) comes before its release. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string) => /^(\d+)\.(\d+)(?:\.(\d+))?(.*)$/.exec(version) ?? ['', '0', '0', '0', ''];
  const [left, right] = [parts(a), parts(b)];
  for (let index = 1; index <= 3; index++) {
    const difference = Number(left[index] ?? 0) - Number(right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return Number(left[4] === '') - Number(right[4] === '');
}

export function isTooOld(version: string): boolean {
  return compareVersions(version.replace(/[-.]?(rc|dev|a|b).*$/, ''), OLDEST_TENSORFLOW) < 0;
}

/**
 * The TensorFlow version of a library, told without loading it, by what lies around the file: an install manifest,
 * Python's metadata, or the number in the name of the real file. `undefined` where nothing tells it.
 */
export function versionBeforeLoad(path: string): string | undefined {
  const folder = dirname(path);
  return versionInManifest(folder) ?? versionInPythonMetadata(folder) ?? versionInFileName(path);
}

function versionInManifest(folder: string): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, '..', 'manifest.json'), 'utf8'));
    const { version } = manifest as { version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}

function versionInPythonMetadata(folder: string): string | undefined {
  try {
    const names = readdirSync(dirname(folder)).map((name) => /^tensorflow(?:_\w+)?-(\d[^-]*)\.dist-info$/.exec(name));
    const known = new Set(names.filter((match) => match !== null).map((match) => match[1]!));
    return known.size === 1 ? [...known][0] : undefined;
  } catch {
    return undefined;
  }
}

function versionInFileName(path: string): string | undefined {
  try {
    return /\.so\.(\d+\.\d+\.\d+)$|\.(\d+\.\d+\.\d+)\.dylib$/
      .exec(basename(realpathSync(path)))
      ?.slice(1)
      .find(Boolean);
  } catch {
    return undefined;
  }
}
