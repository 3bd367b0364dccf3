import { AdjointError, CallbackError } from '../core/errors.js';
import { CheckpointStore } from '../storage/checkpoint-store.js';
import type { TrainingRun } from '../training/callback-contract.js';
import type { CheckpointPoint } from '../training/checkpoint-contract.js';
import { checkpointContent, refuseCheckpointsOf } from '../training/training-checkpoint.js';
import type { TrainingSnapshot } from '../training/training-snapshot.js';

/** How a callback wants its checkpoints. */
export interface CheckpointWriterOptions {
  readonly directory: string;
  /** How many of the newest stay. */
  readonly keep: number;
  readonly holds: 'weights' | 'all';
}

/** Writes the checkpoints of one run into a folder, one at a time, while training goes on. */
export class CheckpointWriter {
  private readonly store: CheckpointStore;
  private writing: Promise<void> = Promise.resolve();
  /** Where the run stood when it was last saved. */
  private saved: string | undefined;

  /** @param callback - name of the callback's class, for errors */
  constructor(
    private readonly options: CheckpointWriterOptions,
    private readonly callback: string,
  ) {
    this.store = new CheckpointStore(options.directory);
  }

  /** @throws CallbackError [folder-in-use] where another run's checkpoints are there */
  async begin(run: TrainingRun): Promise<void> {
    this.writing = Promise.resolve();
    this.saved = undefined;
    if (!run.mayResume) await refuseCheckpointsOf(this.options.directory, this.callback);
  }

  /** Waits for the checkpoint before; training goes on while this one is written, save where nothing more comes. */
  async write(run: TrainingRun, point: CheckpointPoint): Promise<void> {
    const place = `${point.totalSteps} ${point.at === 'step'}`;
    await this.writing;
    // A signal between two epochs asks for what was saved a moment ago.
    if (point.at === 'interruption' && this.saved === `${point.totalSteps} false`) return;
    this.saved = place;
    const snapshot = await point.snapshot();
    this.writing = this.save(snapshot, point.totalSteps);
    run.inBackground(this.writing);
    if (point.isLast) await this.writing;
  }

  private async save(snapshot: TrainingSnapshot, totalSteps: number): Promise<void> {
    const { directory, keep, holds } = this.options;
    try {
      await this.store.write(totalSteps, await checkpointContent(snapshot, holds), { keep });
    } catch (error) {
      throw new CallbackError('checkpoint-failed', {
        where: `callback "${this.callback}", checkpoint of step ${totalSteps} in "${directory}"`,
        expected: 'a folder that can be written',
        received: error instanceof Error ? error.message : String(error),
        fix:
          (error instanceof AdjointError ? error.fix : undefined) ??
          'see the cause; checkpoints that were complete before are as they were',
        cause: error,
      });
    } finally {
      snapshot.dispose();
    }
  }
}
