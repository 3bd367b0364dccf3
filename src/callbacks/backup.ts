import { IsInt, IsNotEmpty, IsOptional, IsPositive, IsString, Max } from 'class-validator';
import type { OptionsInput } from '../core/parse-options.js';
import type { CheckpointPoint, CheckpointRequest } from '../training/checkpoint-contract.js';
import { BaseCallback } from './callback.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import { Callback } from './declarations.js';

/** How many checkpoints a backup keeps: one to fall back to where the newest is damaged. */
const KEPT = 2;

/** Options of {@link Backup}. */
export class BackupOptions {
  /** Folder for the checkpoints, made where it is not there. */
  @IsString()
  @IsNotEmpty()
  directory!: string;

  /** Saves after every so many steps, counted since `compile`. Default never in mid-epoch. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  @Max(Number.MAX_SAFE_INTEGER)
  everySteps?: number;

  /** Saves after every so many epochs, and after the last. Default 1. */
  @IsInt()
  @IsPositive()
  everyEpochs = 1;
}

/**
 * Keeps a run safe from crashes: `fit({ resume: directory })` goes on from the last checkpoint as if nothing had happened.
 *
 * One command serves the first start and every restart, because an empty folder begins anew. Under `useEngine({
 * deterministic: true })` the resumed run is equal to an uninterrupted one to the bit, on the same version of TensorFlow.
 * Training stands still only while references to the values are taken; they are written meanwhile. The last two
 * checkpoints stay. SIGTERM or SIGINT makes `fit` write one last checkpoint and resolve; a second signal ends the process.
 *
 * When to use: in every run that takes longer than you would like to lose.
 *
 * @throws CallbackError [folder-in-use | checkpoint-failed] in `fit`
 *
 * @example
 * ```ts
 * import { mkdtemp, rm } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { Backup, layers, sequential, tf } from 'adjoint';
 *
 * const directory = await mkdtemp(join(tmpdir(), 'run-'));
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
 * const callbacks = [new Backup({ directory, everySteps: 100 })];
 * const history = await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { epochs: 2, verbose: 0, resume: directory, callbacks });
 * console.log(history.epoch); // [0, 1]
 * await rm(directory, { recursive: true });
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/callbacks/backup_and_restore/, docs/resuming.md
 */
@Callback('adjoint/backup', BackupOptions)
export class Backup extends BaseCallback<BackupOptions> {
  private readonly writer: CheckpointWriter;

  constructor(options?: OptionsInput<BackupOptions>) {
    super(options);
    const { directory } = this.options;
    this.writer = new CheckpointWriter({ directory, keep: KEPT, holds: 'all' }, this.name);
  }

  override get checkpoints(): CheckpointRequest {
    return { everySteps: this.options.everySteps ?? null };
  }

  override async onTrainBegin(): Promise<void> {
    await this.writer.begin(this.run);
  }

  override detach(): void {
    super.detach();
    this.writer.end();
  }

  override async saveCheckpoint(point: CheckpointPoint): Promise<void> {
    const { everyEpochs } = this.options;
    if (point.at === 'epoch' && !point.isLast && (point.epoch + 1) % everyEpochs !== 0) return;
    await this.writer.write(this.run, point);
  }
}
