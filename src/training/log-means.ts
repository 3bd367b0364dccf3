import type { Logs } from './logs.js';

/** Means of numbers that steps log, weighted by the batches' sizes; on the host, because their names are the user's. */
export class LogMeans {
  private readonly sums = new Map<string, { total: number; count: number }>();

  /**
   * @param gated - whether a step that logs nothing but NaN, its loss scale apart, was kept from changing state, and does
   * not count
   */
  add(logs: Logs, size: number, gated: boolean): void {
    const own = Object.entries(logs).filter(([name]) => name !== 'lossScale');
    const counts = !gated || own.length === 0 || !own.every(([, value]) => Number.isNaN(value));
    for (const [name, value] of Object.entries(logs)) {
      const sum = this.sums.get(name) ?? { total: 0, count: 0 };
      if (counts) this.sums.set(name, { total: sum.total + value * size, count: sum.count + size });
      else this.sums.set(name, sum);
    }
  }

  read(): Logs {
    return Object.fromEntries([...this.sums].map(([name, { total, count }]) => [name, total / count]));
  }

  /** Totals and counts by name. */
  saveState(): Readonly<Record<string, { readonly total: number; readonly count: number }>> {
    return Object.fromEntries(this.sums);
  }

  restoreState(sums: ReturnType<LogMeans['saveState']>): void {
    this.sums.clear();
    for (const [name, { total, count }] of Object.entries(sums)) this.sums.set(name, { total, count });
  }

  reset(): void {
    this.sums.clear();
  }
}
