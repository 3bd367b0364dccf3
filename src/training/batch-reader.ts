import type { Batch } from '../data/example.js';
import type { Dataset } from '../data/dataset.js';
import type { BatchFeed } from './batch-feed.js';
import type { CheckpointSchedule } from './checkpoint-schedule.js';
import type { ProbeSchedule } from './probe-schedule.js';
import type { StepRunner } from './step-runner.js';

/** What limits how many batches are read, and run, together. */
export interface ReadingLimits {
  readonly batches: Pick<Dataset<Batch>, 'mayReadAhead'>;
  readonly accumulateSteps: number;
  /** Steps of an epoch, where they are counted. */
  readonly stepsPerEpoch: number | undefined;
  /** Steps after which callbacks have to be called. */
  readonly watched: number;
}

/** Reads the batches of the next steps: as many as one call runs, and where data allow it while the steps before run. */
export class BatchReader {
  private ahead: Promise<Batch[]> | undefined;

  constructor(
    private readonly feed: BatchFeed,
    private readonly runner: Pick<StepRunner, 'stepsPerCall'>,
    private readonly schedules: { readonly probes: ProbeSchedule; readonly checkpoints: CheckpointSchedule },
    private readonly limits: ReadingLimits,
  ) {}

  /**
   * What was read ahead, or what is read now.
   *
   * @param step - steps of the epoch that are done
   * @param totalSteps - steps since `compile` that are done
   */
  next(step: number, totalSteps: number): Promise<Batch[]> {
    const batches = this.ahead ?? this.feed.take(this.batchesAfter(step, totalSteps));
    this.ahead = undefined;
    return batches;
  }

  /** Reads what comes after the running steps meanwhile. */
  readAhead(step: number, totalSteps: number): void {
    const count = this.batchesAfter(step, totalSteps);
    if (count < 1 || !this.limits.batches.mayReadAhead) return;
    this.ahead = this.feed.take(count);
    // Told when its turn has come; until then nobody waits for it.
    this.ahead.catch(() => undefined);
  }

  /** How many steps one call runs from here on. */
  stepsPerCall(totalSteps: number): number {
    const { batches, accumulateSteps, watched } = this.limits;
    if (!batches.mayReadAhead || accumulateSteps > 1) return 1;
    const { probes, checkpoints } = this.schedules;
    return Math.min(
      this.runner.stepsPerCall,
      watched,
      probes.stepsTogether(totalSteps),
      checkpoints.stepsTogether(totalSteps),
    );
  }

  private batchesAfter(step: number, totalSteps: number): number {
    const { stepsPerEpoch = Infinity, watched } = this.limits;
    return Math.min(this.stepsPerCall(totalSteps), watched - (step % watched), stepsPerEpoch - step);
  }
}
