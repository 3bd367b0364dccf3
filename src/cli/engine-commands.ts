import type { Command } from 'commander';
import { checkLibrary } from '../engine/library/check-library.js';
import type { InstalledSet } from '../engine/library/engine-cache.js';
import { engineDirectory, installedSets, installedSize } from '../engine/library/engine-cache.js';
import { findLibrary } from '../engine/library/find-library.js';
import { gpuDriver } from '../engine/library/gpu-driver.js';
import { installLibrary } from '../engine/library/install-library.js';
import { OLDEST_TENSORFLOW, TESTED_TENSORFLOW } from '../engine/library/library-version.js';
import { removeLibrary } from '../engine/library/remove-library.js';
import { printDoctor } from './engine-doctor.js';
import { formatBytes, TerminalProgress } from './terminal-progress.js';

export function addEngineCommands(program: Command): void {
  const engine = program.command('engine').description('find, install and check the TensorFlow library');
  engine
    .command('doctor')
    .description('say which library is used and why, load it and compute something')
    .option('--json', 'print one JSON object')
    .action(printDoctor);
  engine
    .command('install')
    .description('fetch TensorFlow with pip and keep its libraries in the cache')
    .option('--gpu', 'the CUDA build and the NVIDIA libraries that it names (linux x64; about 8 GB while unpacking)')
    .option('--version <version>', `TensorFlow release, from ${OLDEST_TENSORFLOW} on`, TESTED_TENSORFLOW)
    .option('--if-missing', 'do nothing where a library is found already')
    .action(install);
  engine.command('list').description('list the libraries in the cache, the one to be used first').action(list);
  engine
    .command('remove')
    .description('remove libraries from the cache')
    .argument('[version]', 'as `list` prints it, e.g. 2.21.0 or 2.21.0-gpu')
    .action(remove);
}

async function install(options: { gpu?: boolean; version: string; ifMissing?: boolean }): Promise<void> {
  if (options.ifMissing === true && hasUsableLibrary()) return;
  const { gpu, version } = options;
  const { set, fresh } = await untilSignal((signal) =>
    installLibrary({ gpu, version, signal, progress: new TerminalProgress() }),
  );
  console.log(`${fresh ? 'installed' : 'already installed:'} TensorFlow ${describe(set)} in ${set.directory}`);
  if (!gpu) return;
  const { lacks } = gpuDriver();
  if (lacks.length > 0) console.log(`to compute on a GPU this machine lacks:\n  ${lacks.join('\n  ')}`);
}

function hasUsableLibrary(): boolean {
  try {
    checkLibrary(findLibrary().path);
    return true;
  } catch {
    return false;
  }
}

async function untilSignal<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, abort);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of signals) process.off(name, abort);
  }
}

function list(): void {
  const sets = installedSets();
  if (sets.length === 0) console.log(`nothing installed in ${engineDirectory()}`);
  for (const set of sets) console.log(`${describe(set)}  ${set.manifest.installed.slice(0, 10)}  ${set.directory}`);
}

function remove(version: string | undefined): void {
  for (const set of removeLibrary(version)) console.log(`removed TensorFlow ${describe(set)}`);
}

function describe(set: InstalledSet): string {
  return `${set.name} (${formatBytes(installedSize(set))})`;
}
