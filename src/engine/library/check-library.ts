import { closeSync, existsSync, openSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { EngineError } from '../../core/errors.js';
import { ElfFile } from './elf.js';
import { readManifest } from './engine-cache.js';
import { installCommand } from './install-command.js';
import type { LibraryPlatform } from './library-platform.js';
import { libraryPlatform, machineName } from './library-platform.js';
import { isTooOld, OLDEST_TENSORFLOW, versionBeforeLoad } from './library-version.js';

const EXPORTS = ['TF_Version', 'TFE_Execute'];

/**
 * Refuses a file that loading would crash on, or that is not the TensorFlow the engine can use, without loading it.
 *
 * @throws EngineError `library-not-found`, `library-not-tensorflow`, `library-corrupt`, `library-wrong-architecture`,
 *   `library-incomplete`, `library-too-old`, `second-library`
 */
export function checkLibrary(path: string): void {
  checkLibraryFiles(path);
  checkNotMappedTwice(path);
}

/** `checkLibrary` for a library that this process is not going to load. */
export function checkLibraryFiles(path: string): void {
  const platform = libraryPlatform();
  checkFile(path, platform);
  checkExports(path, platform);
  // The loader looks beside the path it was given, not beside what a link there leads to.
  const framework = frameworkOf(path);
  if (!existsSync(framework)) {
    throw new EngineError('library-incomplete', {
      where: describe(path),
      expected: `${platform.framework} in the same folder`,
      received: 'no such file',
      fix: `keep both files together: ${replaceIt()}`,
    });
  }
  checkFile(framework, platform);
  checkVersion(path);
}

function frameworkOf(path: string): string {
  return join(dirname(path), libraryPlatform().framework);
}

function replaceIt(): string {
  return `install another with \`${installCommand()}\`, or set ADJOINT_LIBTENSORFLOW to another library`;
}

function describe(path: string): string {
  return `TensorFlow library ${path}`;
}

function checkFile(path: string, platform: LibraryPlatform): void {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry === undefined || !entry.isFile()) {
    const received = entry === undefined ? 'no such file' : 'not a file';
    throw new EngineError('library-not-found', {
      where: describe(path),
      expected: 'a file',
      received,
      fix: replaceIt(),
    });
  }
  const recorded = recordedSize(path);
  if (recorded !== undefined && recorded !== entry.size)
    throw corrupt(path, `${recorded} bytes, as installed`, entry.size);
  const header = readHeader(path);
  const kind = formatOf(header);
  if (kind !== platform.format) {
    throw new EngineError('library-not-tensorflow', {
      where: describe(path),
      expected: `a shared library for ${platform.name} (${platform.format})`,
      received: kind === undefined ? describeContent(header) : `a ${kind} file, which is for another operating system`,
      fix: replaceIt(),
    });
  }
  const machine = machineOf(path, kind, header);
  if (machine !== platform.machine) {
    throw new EngineError('library-wrong-architecture', {
      where: describe(path),
      expected: `machine code for ${platform.name}, which this Node.js runs on`,
      received: `machine code for ${machine === undefined ? 'a 32-bit or big-endian machine' : machineName(kind, machine)}`,
      fix: replaceIt(),
    });
  }
  checkLength(path, kind, header, entry.size);
}

function corrupt(path: string, expected: string, size: number): EngineError {
  return new EngineError('library-corrupt', {
    where: describe(path),
    expected,
    received: `${size} bytes: the file is truncated or damaged`,
    fix: replaceIt(),
  });
}

function recordedSize(path: string): number | undefined {
  const set = resolve(dirname(path), '..');
  return readManifest(set)?.files[relative(set, path).replaceAll('\\', '/')]?.size;
}

function readHeader(path: string): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(64 * 1024);
    return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(descriptor);
  }
}

function formatOf(header: Buffer): LibraryPlatform['format'] | undefined {
  if (header.length < 4) return undefined;
  if (header.readUInt32BE(0) === 0x7f454c46) return 'ELF';
  if (header.readUInt32LE(0) === 0xfeedfacf) return 'Mach-O';
  return header.toString('latin1', 0, 2) === 'MZ' ? 'PE' : undefined;
}

function describeContent(header: Buffer): string {
  if (header.length === 0) return 'an empty file';
  if (header.toString('latin1', 0, 2) === 'PK') return 'a zip archive or wheel: the library lies inside it';
  return header.subarray(0, 512).includes(0) ? 'a file of another kind' : 'a text file';
}

function machineOf(path: string, kind: LibraryPlatform['format'], header: Buffer): number | undefined {
  if (kind === 'Mach-O') return header.length < 8 ? undefined : header.readUInt32LE(4);
  if (kind === 'PE') {
    const at = header.length < 64 ? header.length : header.readUInt32LE(60);
    return at + 6 > header.length ? undefined : header.readUInt16LE(at + 4);
  }
  if (header.length < 64) throw corrupt(path, 'a whole ELF header', header.length);
  return header[4] === 2 && header[5] === 1 ? header.readUInt16LE(18) : undefined;
}

function checkLength(path: string, kind: LibraryPlatform['format'], header: Buffer, size: number): void {
  const needed =
    kind === 'ELF' ? withElf(path, (elf) => elf.neededSize()) : kind === 'Mach-O' ? machOLength(header) : 0;
  if (size < needed) throw corrupt(path, `at least ${needed} bytes, as its header says`, size);
}

function machOLength(header: Buffer): number {
  if (header.length < 32) return 32;
  let end = 0;
  for (let at = 32, left = header.readUInt32LE(16); left > 0 && at + 56 <= header.length; left--) {
    const isSegment = header.readUInt32LE(at) === 0x19;
    if (isSegment) {
      end = Math.max(end, Number(header.readBigUInt64LE(at + 40)) + Number(header.readBigUInt64LE(at + 48)));
    }
    at += Math.max(8, header.readUInt32LE(at + 4));
  }
  return end;
}

function withElf<Result>(path: string, use: (elf: ElfFile) => Result): Result {
  let elf: ElfFile | null = null;
  try {
    elf = ElfFile.open(path);
    if (elf === null) throw new RangeError('not a 64-bit ELF file');
    return use(elf);
  } catch (error) {
    // RangeError: a table that cannot be. Anything else comes from the file system.
    if ((error as Error).name !== 'RangeError') throw error;
    throw corrupt(path, 'tables as its header names them', statSync(path).size);
  } finally {
    elf?.[Symbol.dispose]();
  }
}

function checkExports(path: string, platform: LibraryPlatform): void {
  // Elsewhere the binding names what it misses after the load; only ELF tables are read here.
  if (platform.format !== 'ELF') return;
  const missing = EXPORTS.filter((name) => !withElf(path, (elf) => elf.exports(name)));
  if (missing.length === 0) return;
  throw new EngineError('library-not-tensorflow', {
    where: describe(path),
    expected: `the functions of TensorFlow's C API, ${EXPORTS.join(' and ')} among them`,
    received: `a shared library ${basename(path)} without ${missing.join(' and ')}`,
    fix: `name the library that has the C API, ${platform.libraries[0]}; or ${replaceIt()}`,
  });
}

function checkVersion(path: string): void {
  const version = versionBeforeLoad(path);
  if (version !== undefined) checkLoadedVersion(version, path);
}

/**
 * The version check by itself, for what `TF_Version` answers after the load.
 *
 * @throws EngineError `library-too-old`
 */
export function checkLoadedVersion(version: string, path: string): void {
  if (!isTooOld(version)) return;
  throw new EngineError('library-too-old', {
    where: describe(path),
    expected: `TensorFlow ${OLDEST_TENSORFLOW} or newer`,
    received: `TensorFlow ${version}`,
    fix: replaceIt(),
  });
}

function checkNotMappedTwice(path: string): void {
  const own = [path, frameworkOf(path)].map((file) => realpathSync(file));
  const other = mappedLibraries().find(
    (mapped) => !own.includes(mapped) && !own.some((file) => sameFile(file, mapped)),
  );
  if (other === undefined) return;
  throw new EngineError('second-library', {
    where: describe(path),
    expected: 'one copy of TensorFlow in a process: a second one aborts it',
    received: `${other} is loaded already, by another package or by an earlier engine`,
    fix: `let both use one file, e.g. set ADJOINT_LIBTENSORFLOW, or do not load the other package in this process`,
  });
}

function sameFile(a: string, b: string): boolean {
  const [left, right] = [a, b].map((file) => statSync(file, { throwIfNoEntry: false }));
  return left !== undefined && right !== undefined && left.ino === right.ino && left.dev === right.dev;
}

function mappedLibraries(): string[] {
  const isTensorFlow = (file: string) =>
    /^(lib)?(tensorflow|tensorflow_cc|tensorflow_framework|_pywrap_tensorflow_internal)\.(so|dll|pyd|dylib|\d)/.test(
      basename(file),
    );
  return [...new Set(mappedFiles().filter(isTensorFlow))];
}

function mappedFiles(): string[] {
  if (process.platform === 'linux') {
    const lines = readFileSync('/proc/self/maps', 'utf8').split('\n');
    return lines.map((line) => line.slice(line.indexOf('/'))).filter((file) => file.startsWith('/'));
  }
  // The network part of a report looks host names up, which can take long.
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  report.excludeNetwork = true;
  const { sharedObjects } = report.getReport() as unknown as { sharedObjects: string[] };
  return sharedObjects;
}
