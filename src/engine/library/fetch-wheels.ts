import { createHash } from 'node:crypto';
import { createReadStream, existsSync, linkSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../../core/errors.js';
import type { InstallProgress } from './install-progress.js';
import { shortWheelName } from './install-progress.js';
import type { Pip, PipRun, ReportedWheel } from './pip.js';

export interface WheelOrder {
  /** `tensorflow-cpu==2.21.0` */
  readonly requirement: string;
  /** Also the `nvidia-*` wheels that it names. */
  readonly cuda: boolean;
  readonly platforms: readonly string[];
}

export interface FetchOptions {
  /** Where the wheels go. */
  readonly folder: string;
  /** Where pip works, on the same file system. */
  readonly temporary: string;
  readonly signal?: AbortSignal;
  readonly progress?: InstallProgress;
}

export type FetchedWheel = ReportedWheel & { readonly sha256: string };

const WATCH_EVERY_MS = 100;
const UNITS: Readonly<Record<string, number>> = { bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/**
 * Lets pip name and fetch the wheels, and compares each with the hash that pip reported.
 *
 * @throws EngineError `pip-failed` or `wheel-corrupt`
 */
export async function fetchWheels(pip: Pip, order: WheelOrder, options: FetchOptions): Promise<FetchedWheel[]> {
  const { folder, progress } = options;
  progress?.note(`asking pip for ${order.requirement}${order.cuda ? ' and the CUDA libraries that it names' : ''}`);
  const watch = new DownloadWatch(options);
  try {
    const run = { temporary: options.temporary, signal: options.signal, onLine: (line: string) => watch.hear(line) };
    const wheels = await pip.report([order.requirement], order.platforms, run);
    if (order.cuda) wheels.push(...(await cudaWheels(pip, wheels, order.platforms, run)));
    const absent: ReportedWheel[] = [];
    for (const wheel of wheels) if (!(await watch.recover(wheel))) absent.push(wheel);
    if (absent.length > 0) await pip.download(absent, order.platforms, folder, run);
    watch.stop();
    return await checkHashes(wheels, options);
  } finally {
    watch.stop();
  }
}

/** The wheels that TensorFlow's extra `and-cuda` names, and those that these name. */
async function cudaWheels(pip: Pip, from: ReportedWheel[], platforms: readonly string[], run: PipRun) {
  const found: ReportedWheel[] = [];
  let wanted = nvidiaRequirements(from, /extra\s*==\s*['"]and-cuda['"]/);
  while (wanted.length > 0) {
    const wheels = await pip.report(wanted, platforms, run);
    found.push(...wheels);
    const known = new Set(found.map(({ name }) => normalized(name)));
    wanted = nvidiaRequirements(wheels, /^$/).filter((requirement) => !known.has(normalized(requirement)));
  }
  return found;
}

function nvidiaRequirements(wheels: readonly ReportedWheel[], marker: RegExp): string[] {
  const parts = wheels.flatMap(({ requires }) => requires).map((line) => line.split(';').map((part) => part.trim()));
  const matching = parts.filter(([name, condition]) => name!.startsWith('nvidia-') && marker.test(condition ?? ''));
  return [...new Set(matching.map(([name]) => name!.replace(/[\s()]+/g, '')))];
}

function normalized(requirement: string): string {
  return /^[\w.-]+/
    .exec(requirement)![0]
    .toLowerCase()
    .replace(/[-_.]+/g, '-');
}

/**
 * Follows what pip fetches. pip draws no bar into a pipe: it says the size, and its file grows. From an index without
 * separate metadata pip fetches a whole wheel just to report on it and throws it away: a second link keeps the file.
 */
class DownloadWatch {
  private readonly timer = setInterval(() => this.look(), WATCH_EVERY_MS);
  private before = 0;

  constructor(private readonly options: FetchOptions) {}

  hear(line: string): void {
    const match = /^\s*Downloading (\S+\.whl)\S* \(([\d.]+) (bytes|kB|MB|GB)\)/.exec(line);
    if (match === null) return;
    const { progress } = this.options;
    const total = Number(match[2]) * UNITS[match[3]!]!;
    progress?.end();
    // pip names a file before it opens it: what is there now belongs to earlier ones.
    this.before = sumSizes(this.wheels());
    progress?.begin(`fetching ${shortWheelName(decodeURIComponent(match[1]!.split('/').at(-1)!))}`, total);
  }

  /** Moves a wheel that pip has fetched while it reported to its place, if it is whole. */
  async recover(wheel: ReportedWheel): Promise<boolean> {
    const kept = join(this.options.temporary, keptName(wheel.file));
    if (wheel.sha256 === undefined || !existsSync(kept)) return false;
    if ((await sha256Of(kept, this.options.signal)) !== wheel.sha256) return false;
    renameSync(kept, join(this.options.folder, wheel.file));
    return true;
  }

  stop(): void {
    clearInterval(this.timer);
    this.options.progress?.end();
  }

  private look(): void {
    const { temporary, progress } = this.options;
    const wheels = this.wheels();
    for (const { path, name } of wheels) {
      const kept = join(temporary, keptName(name));
      try {
        if (!existsSync(kept)) linkSync(path, kept);
      } catch {
        // A file system without links, or a file that is gone again: pip fetches it once more.
      }
    }
    progress?.advance(Math.max(0, sumSizes(this.wheels()) - this.before));
  }

  private wheels() {
    const { temporary, folder } = this.options;
    return [...wheelsIn(temporary), ...wheelsIn(folder)];
  }
}

function keptName(file: string): string {
  return `${file}.kept`;
}

function wheelsIn(directory: string): { path: string; name: string; inode: number; size: number }[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.whl(\.kept)?$/.test(entry.name))
      .flatMap((entry) => {
        const path = join(entry.parentPath, entry.name);
        const found = statSync(path, { throwIfNoEntry: false });
        const name = entry.name.replace(/\.kept$/, '');
        return found === undefined ? [] : [{ path, name, inode: found.ino, size: found.size }];
      });
  } catch {
    // pip removed a folder between two looks.
    return [];
  }
}

function sumSizes(wheels: readonly { inode: number; size: number }[]): number {
  const sizes = new Map(wheels.map(({ inode, size }) => [inode, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

async function checkHashes(
  wheels: readonly ReportedWheel[],
  { folder, progress, signal }: FetchOptions,
): Promise<FetchedWheel[]> {
  const checked: FetchedWheel[] = [];
  for (const wheel of wheels) {
    const path = join(folder, wheel.file);
    if (!existsSync(path)) throw mismatch(wheel.file, wheel.file, readdirSync(folder).join(', '));
    const sha256 = await sha256Of(path, signal);
    if (wheel.sha256 === undefined) progress?.note(`pip reported no hash for ${wheel.file}`);
    else if (wheel.sha256 !== sha256) throw mismatch(wheel.file, `SHA-256 ${wheel.sha256}`, `SHA-256 ${sha256}`);
    checked.push({ ...wheel, sha256 });
  }
  return checked;
}

async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

function mismatch(file: string, expected: string, received: string): EngineError {
  return new EngineError('wheel-corrupt', {
    where: `wheel ${file}, as pip fetched it`,
    expected: `${expected}, as pip reported`,
    received,
    fix: 'run `pip cache purge` and try again; if it stays, the mirror that pip uses serves another file',
  });
}
