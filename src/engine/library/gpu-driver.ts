import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** What the NVIDIA driver of this machine provides, read without loading it. */
export interface GpuDriver {
  readonly version?: string;
  readonly devices: boolean;
  readonly libcuda?: string;
  /** What a GPU run would need and does not find; empty where nothing is missing. */
  readonly lacks: string[];
}

/** The oldest driver that runs CUDA 12 programs. */
const OLDEST_DRIVER = 525;
const LIBCUDA = 'libcuda.so.1';
const FOLDERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib', '/usr/lib/wsl/lib', '/usr/local/nvidia/lib64'];

export function gpuDriver(): GpuDriver {
  const version = driverVersion();
  const devices = existsSync('/dev/nvidia0') || existsSync('/dev/dxg');
  const libcuda = findLibcuda();
  const lacks: string[] = [];
  if (version === undefined && !existsSync('/dev/dxg'))
    lacks.push('the NVIDIA driver (no /proc/driver/nvidia/version)');
  if (version !== undefined && Number.parseInt(version) < OLDEST_DRIVER) {
    lacks.push(`a driver from ${OLDEST_DRIVER} on for CUDA 12 (it is ${version})`);
  }
  if (!devices) lacks.push('a GPU device (no /dev/nvidia0): in a container, pass the GPU in');
  if (libcuda === undefined) lacks.push(`${LIBCUDA}, which comes with the driver`);
  return { version, devices, libcuda, lacks };
}

function driverVersion(): string | undefined {
  try {
    const text = readFileSync('/proc/driver/nvidia/version', 'utf8');
    return /\s(\d+\.\d+(?:\.\d+)?)\s/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

function findLibcuda(): string | undefined {
  const folders = [...(process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter(Boolean), ...FOLDERS];
  const inFolder = folders.map((folder) => `${folder}/${LIBCUDA}`).find((path) => existsSync(path));
  if (inFolder !== undefined) return inFolder;
  const listed = ['ldconfig', '/sbin/ldconfig'].map(
    (command) => spawnSync(command, ['-p'], { encoding: 'utf8', timeout: 10_000, env: process.env }).stdout ?? '',
  );
  return /libcuda\.so\.1 .*=> (\S+)/.exec(listed.join('\n'))?.[1];
}
