import type { Batch } from '../data/example.js';
import type { RunProgress } from './callback-contract.js';
import type { TrainingPosition } from './training-snapshot.js';

/** How far a run has come, in its epochs and in its data. */
export class RunPosition {
  /** What of the epoch comes next. */
  next: TrainingPosition['next'] = 'begin';
  /** Steps of the epoch that are done. */
  step = 0;
  private examples = 0;
  private milliseconds = 0;
  /** Batches of the running pass over the data that were trained on; others may have been read ahead. */
  private taken = 0;

  /**
   * @param epoch - index of the running epoch
   * @param totalSteps - steps since `compile` that are done
   * @param pass - number of the running pass
   */
  constructor(
    public epoch: number,
    public totalSteps: number,
    private pass: number,
  ) {}

  get progress(): RunProgress {
    const { epoch, step, totalSteps, examples, milliseconds } = this;
    return { epoch, step, totalSteps, examples, millisecondsPerStep: step === 0 ? 0 : milliseconds / step };
  }

  /** Where the step before stands. */
  get lastStep(): { epoch: number; step: number; totalSteps: number } {
    return { epoch: this.epoch, step: this.step - 1, totalSteps: this.totalSteps - 1 };
  }

  beginEpoch(): void {
    this.next = 'steps';
    this.step = 0;
    this.examples = 0;
    this.milliseconds = 0;
  }

  endEpoch(): void {
    this.epoch++;
    this.next = 'begin';
  }

  endPass(): void {
    this.pass++;
    this.taken = 0;
  }

  /** Counts batches that were trained on. */
  advance(batches: readonly Batch[], milliseconds: number): void {
    this.step += batches.length;
    this.totalSteps += batches.length;
    this.taken += batches.length;
    for (const { size } of batches) this.examples += size;
    this.milliseconds += milliseconds;
  }

  /** @param stopReason - why a callback ended the run */
  save(stopReason: string | null): TrainingPosition {
    const { epoch, next, totalSteps, pass, taken } = this;
    const [step, examples, milliseconds] = next === 'begin' ? [0, 0, 0] : [this.step, this.examples, this.milliseconds];
    return { epoch, next, step, totalSteps, examples, milliseconds, pass, taken, stopReason };
  }

  restore({ epoch, next, step, totalSteps, examples, milliseconds, pass, taken }: TrainingPosition): void {
    Object.assign(this, { epoch, next, step, totalSteps, examples, milliseconds, pass, taken });
  }
}
