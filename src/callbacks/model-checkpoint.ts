import { IsBoolean, IsIn, IsInt, IsNotEmpty, IsOptional, IsPositive, IsString, Max } from 'class-validator';
import { CallbackError } from '../core/errors.js';
import type { OptionsInput } from '../core/parse-options.js';
import type { CallbackState } from '../training/callback-state.js';
import type { CheckpointPoint, CheckpointRequest } from '../training/checkpoint-contract.js';
import { BaseCallback } from './callback.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import { Callback } from './declarations.js';
import { formatNumber } from './format-logs.js';
import { Monitor, type MonitorMode } from './monitor.js';

/** Options of {@link ModelCheckpoint}; named as in Keras, whose `filepath` is `directory` here. */
export class ModelCheckpointOptions {
  /** Folder for the checkpoints, made where it is not there; each is a folder in it, named by its step. */
  @IsString()
  @IsNotEmpty()
  directory!: string;

  /** With `saveBestOnly`: entry of the logs to watch. Default `val_loss`. */
  @IsString()
  @IsNotEmpty()
  monitor = 'val_loss';

  /** `min`: smaller is better, `max`: larger is, `auto`: as the monitor's name tells. Default `auto`. */
  @IsIn(['auto', 'min', 'max'])
  mode: MonitorMode = 'auto';

  /** Whether only what is better than everything before is saved. Default false. */
  @IsBoolean()
  saveBestOnly = false;

  /** Whether only the weights are saved: smaller, and nothing that `resume` could go on from. Default false. */
  @IsBoolean()
  saveWeightsOnly = false;

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

  /** How many of the newest checkpoints stay; with `saveBestOnly` these are the best ones. Default 3. */
  @IsInt()
  @IsPositive()
  keep = 3;

  /** 1 says what is saved, and why. Default 0. */
  @IsIn([0, 1])
  verbose: 0 | 1 = 0;
}

/**
 * Saves the model, with all that training needs to go on, while it is trained: after epochs, after steps, or when it is
 * better than ever.
 *
 * Training stands still only while references to the values are taken; they are written meanwhile. A checkpoint is there
 * whole or not at all, and an old one goes after the new one is complete. While the callback is attached, SIGTERM or SIGINT
 * makes `fit` write one last checkpoint, save with `saveBestOnly`, and resolve.
 *
 * When to use: to keep the best model, or several on the way; to be safe from a crash, `Backup` needs no choices.
 *
 * @throws OptionsError [invalid-option | monitor-direction]
 * @throws CallbackError [unknown-monitor | folder-in-use | checkpoint-failed] in `fit`
 *
 * @example
 * ```ts
 * import { mkdtemp, readdir, rm } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { layers, ModelCheckpoint, sequential, tf } from 'adjoint';
 *
 * const directory = await mkdtemp(join(tmpdir(), 'digits-'));
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
 * const best = new ModelCheckpoint({ directory, monitor: 'loss', saveBestOnly: true, keep: 1 });
 * await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { epochs: 3, verbose: 0, callbacks: [best] });
 * console.log(await readdir(directory)); // ['step-000000003']
 * await rm(directory, { recursive: true });
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/callbacks/model_checkpoint/, docs/resuming.md
 */
@Callback('adjoint/model-checkpoint', ModelCheckpointOptions)
export class ModelCheckpoint extends BaseCallback<ModelCheckpointOptions> {
  /** The best value of the monitor that was saved, with `saveBestOnly`. */
  bestValue: number | null = null;
  /** Index of the epoch in which it was. */
  bestEpoch: number | null = null;

  private readonly monitor: Monitor | null;
  private readonly writer: CheckpointWriter;

  constructor(options?: OptionsInput<ModelCheckpointOptions>) {
    super(options);
    const { directory, keep, saveBestOnly, saveWeightsOnly, monitor, mode } = this.options;
    this.monitor = saveBestOnly ? new Monitor({ monitor, mode, minDelta: 0 }, this.name) : null;
    this.writer = new CheckpointWriter({ directory, keep, holds: saveWeightsOnly ? 'weights' : 'all' }, this.name);
  }

  override get checkpoints(): CheckpointRequest {
    return { everySteps: this.options.everySteps ?? null };
  }

  override async onTrainBegin(): Promise<void> {
    this.bestValue = null;
    this.bestEpoch = null;
    this.monitor?.check(this.run);
    this.checkInMidEpoch();
    await this.writer.begin(this.run);
  }

  override detach(): void {
    super.detach();
    this.writer.end();
  }

  override async saveCheckpoint(point: CheckpointPoint): Promise<void> {
    if (!this.isDue(point)) return;
    await this.writer.write(this.run, point);
  }

  override saveState(): CallbackState {
    return { bestValue: this.bestValue, bestEpoch: this.bestEpoch };
  }

  override restoreState(state: CallbackState): void {
    const { bestValue, bestEpoch } = state as Pick<ModelCheckpoint, 'bestValue' | 'bestEpoch'>;
    Object.assign(this, { bestValue, bestEpoch });
  }

  private isDue(point: CheckpointPoint): boolean {
    const { everyEpochs } = this.options;
    if (point.at === 'epoch' && !point.isLast && (point.epoch + 1) % everyEpochs !== 0) return false;
    if (this.monitor === null) return true;
    return point.at !== 'interruption' && this.isBest(this.monitor, point);
  }

  private isBest(monitor: Monitor, { logs, epoch, totalSteps }: CheckpointPoint): boolean {
    const value = monitor.read(logs ?? this.run.runningLogs(), this.run);
    if (value === undefined || !monitor.improves(value, this.bestValue)) return false;
    this.bestValue = value;
    this.bestEpoch = epoch;
    if (this.options.verbose === 1) {
      const { monitor: name, directory } = this.options;
      this.run.logger.info(
        `${this.name}: ${name} ${formatNumber(value)} after step ${totalSteps} goes to "${directory}"`,
      );
    }
    return true;
  }

  /** Validation is for the ends of epochs. */
  private checkInMidEpoch(): void {
    const { saveBestOnly, everySteps, monitor } = this.options;
    if (!saveBestOnly || everySteps === undefined || !monitor.startsWith('val_')) return;
    throw new CallbackError('unknown-monitor', {
      where: `option "monitor" of callback "${this.name}"`,
      expected: 'an entry that is there after every step, because everySteps is set',
      received: `"${monitor}", which is there after an epoch`,
      fix: `leave everySteps out, or monitor "${monitor.slice('val_'.length)}"`,
    });
  }
}
