import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const PREFIX = '.partial-';

/**
 * A folder in which something is made ready before one rename shows it to others. Its name says which process owns it,
 * so that the next install can tell a folder left by a killed process from one in use.
 */
export class Staging implements Disposable {
  readonly directory: string;

  constructor(root: string) {
    mkdirSync(root, { recursive: true });
    const owner = [process.pid, startOf(process.pid), randomBytes(4).toString('hex'), host()].join('-');
    this.directory = join(root, `${PREFIX}${owner}`);
    mkdirSync(this.directory);
  }

  folder(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Shows `from` as `to` at once; what is at `to` is put aside first. False where another process was faster. */
  publish(from: string, to: string): boolean {
    if (existsSync(to)) renameSync(to, join(this.directory, 'replaced'));
    try {
      renameSync(from, to);
      return true;
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    removeTree(this.directory);
  }
}

/** Removes a folder so that nobody ever sees half of it. */
export function removeAtOnce(root: string, path: string): void {
  const staging = new Staging(root);
  try {
    renameSync(path, join(staging.directory, 'removed'));
  } finally {
    staging[Symbol.dispose]();
  }
}

/** Removes what killed processes of this machine have left; returns how many folders that were. */
export function sweepStaging(root: string): number {
  if (!existsSync(root)) return 0;
  const stale = readdirSync(root).filter((name) => name.startsWith(PREFIX) && !isInUse(name));
  for (const name of stale) removeTree(join(root, name));
  return stale.length;
}

function isInUse(name: string): boolean {
  const match = /^(\d+)-(\d*)-[0-9a-f]+-(.*)$/.exec(name.slice(PREFIX.length));
  if (match === null) return false;
  const [pid, start, owner] = [Number(match[1]), match[2], match[3]];
  // Another machine's processes cannot be asked: a shared cache keeps its folders.
  if (owner !== host()) return true;
  return isAlive(pid) && startOf(pid) === start;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The process's start in kernel ticks, which tells a process from a later one with its number; '' where unknown. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function host(): string {
  return hostname().replace(/[^A-Za-z0-9]/g, '_');
}

function removeTree(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
