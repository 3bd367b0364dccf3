import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ElfDynamic } from './elf.js';
import { ElfFile } from './elf.js';

/** What every glibc system has, wherever it keeps it. */
const SYSTEM = /^(ld-linux|libc|libm|libdl|librt|libpthread|libutil|libstdc\+\+|libgcc_s)\b/;
const SYSTEM_FOLDERS = ['/lib', '/lib64', '/usr/lib', '/usr/lib64', '/usr/local/lib'].concat(
  process.arch === 'arm64'
    ? ['/lib/aarch64-linux-gnu', '/usr/lib/aarch64-linux-gnu']
    : ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu'],
);
/** The driver brings these, no wheel does. */
const DRIVER = /^(libcuda\.so|libnvidia-)/;
/** For memory shared between machines; the extra `and-cuda` leaves it out. */
const OPTIONAL_PACKAGES = ['nvshmem'];

/** A library that something in the set wants and the loader would not find. */
export interface MissingLibrary {
  readonly name: string;
  readonly wantedBy: string;
}

/**
 * What the ELF files below `directory` name and what is neither there nor on this system: the libraries of their
 * dynamic sections, and the folders of CUDA libraries in TensorFlow's search path. TensorFlow opens CUDA by names that
 * it puts together at run time, so the folders are all that the file tells.
 */
export function missingLibraries(directory: string): MissingLibrary[] {
  const files = elfFilesIn(directory);
  const names = new Set(files.map(({ path }) => basename(path)));
  const missing = new Map<string, MissingLibrary>();
  for (const { path, dynamic } of files) {
    const wantedBy = basename(path);
    for (const name of dynamic.needed) {
      if (!names.has(name) && !DRIVER.test(name) && !isOnSystem(name)) missing.set(name, { name, wantedBy });
    }
    for (const name of missingCudaFolders(path, dynamic)) missing.set(name, { name, wantedBy });
  }
  return [...missing.values()];
}

function elfFilesIn(directory: string): { path: string; dynamic: ElfDynamic }[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && /\.so(\.|$)/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return paths.flatMap((path) => {
    const elf = ElfFile.open(path);
    if (elf === null) return [];
    try {
      return [{ path, dynamic: elf.dynamic() }];
    } finally {
      elf[Symbol.dispose]();
    }
  });
}

function missingCudaFolders(path: string, { searchPath }: ElfDynamic): string[] {
  const inSet = searchPath.flatMap((entry) => {
    const match = /^\$(?:ORIGIN|\{ORIGIN\})\/(\.\.\/nvidia\/([^/]+)\/lib)\/?$/.exec(entry);
    return match === null || OPTIONAL_PACKAGES.includes(match[2]!) ? [] : [match[1]!];
  });
  return inSet
    .filter((folder) => !holdsLibraries(resolve(dirname(path), folder)))
    .map((folder) => `${folder.slice('../'.length)}/*.so`);
}

function holdsLibraries(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((name) => /\.so(\.|$)/.test(name));
}

function isOnSystem(name: string): boolean {
  return SYSTEM.test(name) || SYSTEM_FOLDERS.some((folder) => existsSync(join(folder, name)));
}
