import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import koffi from 'koffi';

/** What the process holds in memory, and the most that it held since the last reset, in bytes; Linux alone tells. */
export class ResidentMemory {
  private readonly trim: (padding: number) => number;

  constructor() {
    if (!existsSync('/proc/self/clear_refs'))
      throw new Error('resident memory is read from /proc, which only Linux has');
    this.trim = koffi.load('libc.so.6').func('int malloc_trim(size_t)') as (padding: number) => number;
  }

  /** Gives memory that nobody uses back to the system, and forgets how much was held until now. */
  reset(): number {
    this.trim(0);
    writeFileSync('/proc/self/clear_refs', '5');
    return this.read('VmRSS');
  }

  /** The most since the last reset. */
  get peak(): number {
    return this.read('VmHWM');
  }

  private read(name: string): number {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
    return 1024 * Number(line![1]);
  }
}
