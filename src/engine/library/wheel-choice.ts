import { release } from 'node:os';
import { EngineError } from '../../core/errors.js';

export interface WheelChoice {
  /** The name of the package. */
  readonly name: string;
  /** Platform tags of wheels that run here, for pip's `--platform`. */
  readonly platforms: readonly string[];
}

const FIX = 'set ADJOINT_LIBTENSORFLOW to a TensorFlow library built for this system';

/**
 * Which wheel has TensorFlow's libraries for this machine.
 *
 * @throws EngineError `platform-not-supported`
 */
export function chooseWheel(
  gpu: boolean,
  platform: string = process.platform,
  arch: string = process.arch,
): WheelChoice {
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[arch];
  if (platform === 'linux' && machine !== undefined) {
    if (gpu && arch !== 'x64') throw unsupported(`${platform} ${arch}`, 'a GPU on linux x64');
    return { name: gpu || arch === 'arm64' ? 'tensorflow' : 'tensorflow-cpu', platforms: linuxTags(machine) };
  }
  if (gpu) throw unsupported(`${platform} ${arch}`, 'a GPU on linux x64');
  if (platform === 'darwin' && arch === 'arm64') return { name: 'tensorflow', platforms: [macTag()] };
  throw unsupported(`${platform} ${arch}`, 'linux x64, linux arm64 or macOS arm64');
}

function unsupported(received: string, expected: string): EngineError {
  return new EngineError('platform-not-supported', {
    where: 'choosing a TensorFlow wheel',
    expected,
    received,
    fix: received.startsWith('win32') ? `work in WSL 2, or ${FIX}` : FIX,
  });
}

function linuxTags(machine: string): string[] {
  const { glibcVersionRuntime } = (
    process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  ).header;
  if (glibcVersionRuntime === undefined) throw unsupported('linux with musl (Alpine)', 'linux with glibc');
  const minor = Number(glibcVersionRuntime.split('.')[1]);
  const tags = Array.from({ length: Math.max(0, minor - 16) }, (_, index) => `manylinux_2_${minor - index}_${machine}`);
  return [...tags, `manylinux2014_${machine}`];
}

function macTag(): string {
  const darwin = Number(release().split('.')[0]);
  return `macosx_${darwin >= 25 ? darwin + 1 : darwin - 9}_0_arm64`;
}
