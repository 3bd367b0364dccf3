import type { Logs } from './callback-contract.js';

/** Means of numbers that steps log, weighted by the batches' sizes; on the host, because their names are the user's. */
export class LogMeans {
  private readonly sums = new Map<string, { total: number; count: number }>();

  add(logs: Logs, size: number): void {
    for (const [name, value] of Object.entries(logs)) {
      const sum = this.sums.get(name) ?? { total: 0, count: 0 };
      this.sums.set(name, { total: sum.total + value * size, count: sum.count + size });
    }
  }

  read(): Logs {
    return Object.fromEntries([...this.sums].map(([name, { total, count }]) => [name, total / count]));
  }

  reset(): void {
    this.sums.clear();
  }
}
