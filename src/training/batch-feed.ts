import { setTimeout as sleep } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.js';
import { emptyDataset, type Batch } from '../data/example.js';
import { untilAborted } from './until-aborted.js';

/** How long the end of an aborted run waits for a source to close. */
const GRACE_MILLISECONDS = 1000;

/** The batches of a run, pass after pass over a dataset. */
export class BatchFeed {
  private iterator: AsyncIterator<Batch> | undefined;
  private held: Batch | undefined;
  private started = false;
  private stalled = false;

  /** @param pass - number of the first pass: it decides the order of shuffled data */
  constructor(
    private readonly batches: Dataset<Batch>,
    private pass: number,
    private readonly signal: AbortSignal | undefined,
    private readonly where: string,
  ) {}

  /** Number of the pass that comes after the ones that are over. */
  get nextPass(): number {
    return this.pass;
  }

  /** The first batch, which the next call of {@link BatchFeed.next} gives again. */
  async peek(): Promise<Batch> {
    // A pass without a batch throws.
    this.held = (await this.next())!;
    return this.held;
  }

  /** The next batch; `null` at the end of a pass, and the call after that starts another. */
  async next(): Promise<Batch | null> {
    const { held } = this;
    this.held = undefined;
    if (held !== undefined) return held;
    this.iterator ??= this.batches.iterate(this.pass)[Symbol.asyncIterator]();
    const pending = this.iterator.next();
    this.stalled = true;
    const result = await untilAborted(pending, this.signal);
    this.stalled = false;
    if (!result.done) {
      this.started = true;
      return result.value;
    }
    if (!this.started) throw emptyDataset(this.where, 'pass data with at least one example');
    this.endPass();
    return null;
  }

  /** Leaves the pass that is under way, which then counts as over. */
  async leavePass(): Promise<void> {
    if (this.iterator === undefined) return;
    await this.close();
    this.endPass();
  }

  /** Ends every source below. */
  async close(): Promise<void> {
    const { iterator } = this;
    this.iterator = undefined;
    this.held = undefined;
    const closed = iterator?.return?.();
    // A generator closes when it next yields, and one that hangs never does.
    if (this.stalled && closed !== undefined)
      await Promise.race([closed, sleep(GRACE_MILLISECONDS, undefined, { ref: false })]);
    else await closed;
  }

  private endPass(): void {
    this.iterator = undefined;
    this.started = false;
    this.pass++;
  }
}
