import { access, constants, realpath } from 'node:fs/promises';
import { AdjointError, CallbackError } from '../core/errors.js';
import { CheckpointStore } from '../storage/checkpoint-store.js';
import { explained, makeFolder } from '../storage/write-file.js';
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

/** Folders that running callbacks write into, and who does: one would remove what the other keeps. */
const foldersInUse = new Map<string, CheckpointWriter>();

/** Writes the checkpoints of one run into a folder, one at a time, while training goes on. */
export class CheckpointWriter {
  private readonly store: CheckpointStore;
  private writing: Promise<void> = Promise.resolve();
  /** Where the run stood when it was last saved. */
  private saved: string | undefined;
  /** The folder's real path, while a run goes on. */
  private inUse: string | undefined;

  /** @param callback - name of the callback's class, for errors */
  constructor(
    private readonly options: CheckpointWriterOptions,
    private readonly callback: string,
  ) {
    this.store = new CheckpointStore(options.directory);
  }

  /** @throws CallbackError [checkpoint-failed | folder-in-use] where the folder cannot be written, or holds or gets others' */
  async begin(run: TrainingRun): Promise<void> {
    this.end();
    this.writing = Promise.resolve();
    this.saved = undefined;
    const { directory } = this.options;
    const where = `option "directory" of callback "${this.callback}"`;
    const path = await madeFolder(directory, where);
    const other = foldersInUse.get(path);
    if (other !== undefined) throw sharedFolder(directory, other.callback, where);
    foldersInUse.set(path, this);
    this.inUse = path;
    if (!run.mayResume) await refuseCheckpointsOf(directory, this.callback);
  }

  /** Leaves the folder to others; a second call does nothing. */
  end(): void {
    if (this.inUse !== undefined) foldersInUse.delete(this.inUse);
    this.inUse = undefined;
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
      throw checkpointFailed(error, `callback "${this.callback}", checkpoint of step ${totalSteps} in "${directory}"`);
    } finally {
      snapshot.dispose();
    }
  }
}

/** Before anything is trained, and not after hours; returns the real path, by which links to one folder are told. */
async function madeFolder(directory: string, where: string): Promise<string> {
  try {
    return await explained(`folder ${JSON.stringify(directory)}`, async () => {
      await makeFolder(directory);
      await access(directory, constants.W_OK | constants.X_OK);
      return realpath(directory);
    });
  } catch (error) {
    throw checkpointFailed(error, where);
  }
}

function checkpointFailed(error: unknown, where: string): CallbackError {
  return new CallbackError('checkpoint-failed', {
    where,
    expected: 'a folder that can be written',
    received: error instanceof Error ? error.message : String(error),
    fix:
      (error instanceof AdjointError ? error.fix : undefined) ??
      'see the cause; checkpoints that were complete before are as they were',
    cause: error,
  });
}

function sharedFolder(directory: string, other: string, where: string): CallbackError {
  return new CallbackError('folder-in-use', {
    where,
    expected: 'a folder of its own, because each callback removes the checkpoints that it does not keep',
    received: `"${directory}", into which a running "${other}" writes`,
    fix: 'give each callback another folder, e.g. one inside of the other',
  });
}
