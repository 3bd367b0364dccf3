/** What goes on beside the steps of a run; a run does not end before it. */
export class BackgroundWork {
  private readonly running = new Set<Promise<void>>();
  private readonly failures: unknown[] = [];

  add(work: Promise<void>): void {
    const settled: Promise<void> = work
      .catch((error: unknown) => void this.failures.push(error))
      .finally(() => this.running.delete(settled));
    this.running.add(settled);
  }

  /** Throws what the first work that failed was rejected with, once. */
  throwIfFailed(): void {
    if (this.failures.length > 0) throw this.failures.splice(0)[0];
  }

  /** Waits for all of it. */
  async settle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }
}
