import { setTimeout as sleep } from 'node:timers/promises';
import { DataError } from '../core/errors.js';
import type { Dataset } from '../data/dataset.js';
import { emptyDataset, exampleFields, type Batch } from '../data/example.js';
import { untilAborted } from './until-aborted.js';

/** How long the end of an aborted run waits for a source to close. */
const GRACE_MILLISECONDS = 1000;

/** The batches of a run, pass after pass over a dataset. */
export class BatchFeed {
  private iterator: AsyncIterator<Batch> | undefined;
  private held: Batch | undefined;
  private started = false;
  private stalled = false;
  /** The pass is over, and {@link BatchFeed.take} has yet to say so. */
  private atEnd = false;

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

  /** Leaves out the first batches of the running pass, the one that was looked at among them. */
  async skip(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const batch = await this.next();
      if (batch === null) throw tooFew(i, count, this.where);
      this.batches.giveBack(batch);
    }
  }

  /**
   * The next batches, up to `count` of the same shapes; none at the end of a pass, and the call after that starts
   * another.
   */
  async take(count: number): Promise<Batch[]> {
    const taken: Batch[] = [];
    while (taken.length < count && !this.atEnd) {
      const batch = await this.next();
      if (batch === null) {
        this.atEnd = true;
      } else if (taken.length > 0 && !haveSameShapes(batch, taken[0]!)) {
        this.held = batch;
        break;
      } else {
        taken.push(batch);
      }
    }
    if (taken.length === 0) this.atEnd = false;
    return taken;
  }

  /** The next batch; `null` at the end of a pass, and the call after that starts another. */
  async next(): Promise<Batch | null> {
    const { held } = this;
    this.held = undefined;
    if (held !== undefined) return held;
    const iterator = (this.iterator ??= this.batches.iterate(this.pass)[Symbol.asyncIterator]());
    const pending = iterator.next();
    this.stalled = true;
    const result = await untilAborted(pending, this.signal);
    this.stalled = false;
    // Closed meanwhile: what was read ahead is nobody's.
    if (this.iterator !== iterator) return null;
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

function tooFew(found: number, wanted: number, where: string): DataError {
  return new DataError('shorter-data', {
    where: `option "resume" of ${where}`,
    expected: `the data of the run that was interrupted, which had trained on ${wanted} batches of this pass`,
    received: `a pass of ${found} batches`,
    fix: 'pass the same data, or begin anew in an empty folder',
  });
}

function haveSameShapes(a: Batch, b: Batch): boolean {
  return exampleFields.every((field) => {
    const [one, other] = [a[field], b[field]];
    return one === other || (one?.dtype === other?.dtype && String(one?.shape) === String(other?.shape));
  });
}
