import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AdjointError } from '../core/errors.js';
import { checkLibrary } from '../engine/library/check-library.js';
import { cacheDirectory, damagedFiles, installedSets, installedSize } from '../engine/library/engine-cache.js';
import type { InstalledSet } from '../engine/library/engine-cache.js';
import type { Place } from '../engine/library/find-library.js';
import { findLibrary, searchPlaces } from '../engine/library/find-library.js';
import type { GpuDriver } from '../engine/library/gpu-driver.js';
import { gpuDriver } from '../engine/library/gpu-driver.js';
import { versionBeforeLoad } from '../engine/library/library-version.js';
import { missingLibraries } from '../engine/library/missing-libraries.js';
import type { PrecisionGains } from './precision-probe.js';
import { formatBytes } from './terminal-progress.js';

const TRIAL_TIMEOUT_MS = 120_000;

interface Trial {
  readonly version: string;
  readonly device: string;
  readonly devices: readonly { name: string; type: string; memoryBytes?: number }[];
  readonly matMulMs: number;
  /** Half precision against float32. */
  readonly speedups: PrecisionGains;
}

interface Diagnosis {
  readonly platform: string;
  readonly node: string;
  readonly places: readonly Place[];
  readonly library?: { path: string; source: string; version?: string };
  /** Of an installed set: how many files it has, and what is wrong with them. */
  readonly set?: { files: number; faults: readonly string[] };
  readonly trial?: Trial;
  readonly problem?: string;
  readonly gpu: GpuDriver;
  readonly cache: { directory: string; bytes: number; installed: readonly string[] };
}

/** Prints what the engine finds on this machine; the exit code is 1 where it cannot run. */
export function printDoctor({ json }: { json?: boolean }): void {
  const diagnosis = diagnose();
  console.log(json ? JSON.stringify(diagnosis) : asText(diagnosis));
  if (diagnosis.problem !== undefined) process.exitCode = 1;
}

function diagnose(): Diagnosis {
  const sets = installedSets();
  const facts = {
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    places: searchPlaces(),
    gpu: gpuDriver(),
    cache: {
      directory: cacheDirectory(),
      bytes: sets.reduce((sum, set) => sum + installedSize(set), 0),
      installed: sets.map(({ name }) => name),
    },
  };
  let library: Diagnosis['library'];
  let set: Diagnosis['set'];
  try {
    const found = findLibrary();
    library = { ...found, version: versionBeforeLoad(found.path) };
    const used = sets.find((candidate) => candidate.library === found.path);
    set = used && checkSet(used);
    checkLibrary(found.path);
    const trial = runTrial();
    return { ...facts, library: { ...library, version: trial.version }, set, trial };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { ...facts, library, set, problem: error instanceof AdjointError ? error.message : String(error) };
  }
}

function checkSet({ directory, manifest }: InstalledSet): Diagnosis['set'] {
  const damaged = damagedFiles(directory, manifest).map((name) => `${name} is damaged`);
  // Other systems' files are not read.
  const missing = process.platform === 'linux' ? missingLibraries(directory) : [];
  const lacking = missing.map(({ name, wantedBy }) => `no ${name}, wanted by ${wantedBy}`);
  return { files: Object.keys(manifest.files).length, faults: [...damaged, ...lacking] };
}

function runTrial(): Trial {
  const script = fileURLToPath(import.meta.url).replace('engine-doctor', 'engine-trial');
  const child = spawnSync(process.execPath, [...process.execArgv, script], {
    encoding: 'utf8',
    timeout: TRIAL_TIMEOUT_MS,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: process.env['TF_CPP_MIN_LOG_LEVEL'] ?? '2' },
  });
  if (child.status === 0) return JSON.parse(child.stdout.trim().split('\n').at(-1)!) as Trial;
  const ended = child.signal === null ? `exit code ${child.status}` : `signal ${child.signal}`;
  throw new Error(`the trial ended with ${ended}:\n${child.stderr.trim()}`);
}

function asText(diagnosis: Diagnosis): string {
  const { library, set, trial, gpu, cache, problem } = diagnosis;
  const used = diagnosis.places.find(({ path }) => path !== undefined);
  const lines = [
    row('platform', `${diagnosis.platform}, Node.js ${diagnosis.node}`),
    row('looked in', ''),
    ...diagnosis.places.map((place) => {
      const mark = place === used ? '->' : '  ';
      return `  ${mark} ${place.source.padEnd(22)}  ${place.outcome.padEnd(18)}  ${place.place}`;
    }),
    row(
      'library',
      library === undefined ? 'none' : `TensorFlow ${library.version ?? '(unknown version)'}, ${library.path}`,
    ),
  ];
  if (set !== undefined) {
    const whole = `${set.files} files as installed, every library that they name is there`;
    lines.push(row('files', set.faults.join('; ') || whole));
  }
  if (trial !== undefined) {
    lines.push(row('trial', `256 x 256 matmul right, ${trial.matMulMs.toFixed(1)} ms on ${trial.device}`));
    for (const device of trial.devices) {
      // What TensorFlow says of the CPU's memory is a constant.
      const known = device.type !== 'CPU' && device.memoryBytes !== undefined;
      const memory = known ? `, ${formatBytes(device.memoryBytes!)}` : '';
      lines.push(row('device', `${device.name.replace(/^.*\/device:/, '')}${memory}`));
    }
    for (const type of ['bfloat16', 'float16'] as const) lines.push(row(type, gainsIn(type, trial.speedups)));
  }
  lines.push(row('GPU driver', gpu.version ?? 'none'));
  for (const lack of gpu.lacks) lines.push(row('', `lacks ${lack}`));
  const sets = cache.installed.length === 0 ? '' : `: ${cache.installed.join(', ')}`;
  lines.push(row('cache', `${cache.directory} (${formatBytes(cache.bytes)}${sets})`));
  lines.push('', problem ?? 'the engine works');
  return lines.join('\n');
}

function gainsIn(type: 'bfloat16' | 'float16', { matmul, convolution }: PrecisionGains): string {
  const gain = (speedup: number | null): string => (speedup === null ? 'none, no kernel' : `${speedup.toFixed(1)}x`);
  return `speed against float32: matmul ${gain(matmul[type])}, convolution ${gain(convolution[type])}`;
}

function row(label: string, text: string): string {
  return `${label.padEnd(11)} ${text}`.trimEnd();
}
