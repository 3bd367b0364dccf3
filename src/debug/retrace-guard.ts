import { IsIn, IsInt, Min } from 'class-validator';
import { BaseCallback } from '../callbacks/callback.js';
import { Callback } from './declarations.js';
import { FindingLog, type Finding, type SeenFinding } from './finding.js';

/** Options of {@link RetraceGuard}. */
export class RetraceGuardOptions {
  /** Steps in a row that may have to be recorded anew. Default 3. */
  @IsInt()
  @Min(1)
  tolerated = 3;

  /** Recordings of all kinds that a run may make. Default 16. */
  @IsInt()
  @Min(1)
  maximum = 16;

  /** Whether it is warned of, or ends training as well. Default `warn`. */
  @IsIn(['warn', 'stop'])
  action: 'warn' | 'stop' = 'warn';
}

/** What {@link RetraceGuard} found. */
export interface RetraceFinding extends Finding<'every-step' | 'too-many'> {
  /** What the last recording was made for, e.g. `x from float32 [8, 3] to float32 [7, 3]`. */
  readonly changes: readonly string[];
}

/**
 * Notices where steps are recorded over and over, and names the argument that changes.
 *
 * A recording is made for the shapes and types of a step's inputs, and takes longer than many steps. The short last batch of an
 * epoch, validation and measured steps have recordings of their own, once.
 *
 * When to use: with data of changing lengths, or where steps take long for no reason. Steps that run op by op are never
 * recorded, and this callback then says nothing.
 *
 * Default: warned of after more than 3 recordings in a row, or more than 16 in a run.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { Dataset, layers, RetraceGuard, sequential, tf } from 'adjoint';
 *
 * const lengths = [2, 3, 4, 5, 6, 7, 8, 9];
 * const batches = Dataset.fromIterable(() => lengths.map((rows) => ({ x: tf.ones([rows, 2]), y: tf.ones([rows, 1]) })));
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'recorded' });
 * const guard = new RetraceGuard({ action: 'stop' });
 * const { stopReason } = await model.fitDataset(batches, { verbose: 0, callbacks: [guard] });
 * console.log(stopReason); // 4 steps in a row had to be recorded, because x from float32 [4, 2] to float32 [5, 2] ...
 * model.dispose();
 * ```
 *
 * @see `docs/recorded-step.md`
 */
@Callback('adjoint/retrace-guard', RetraceGuardOptions)
export class RetraceGuard extends BaseCallback<RetraceGuardOptions> {
  override readonly everyBatch = false;
  private readonly log = new FindingLog<RetraceFinding>(this.name);
  /** Recordings before the run, and those that were looked at. */
  private before = 0;
  private seen = 0;

  /** What was found in the latest run. */
  get findings(): readonly RetraceFinding[] {
    return this.log.all;
  }

  override onTrainBegin(): void {
    this.log.clear();
    this.before = -1;
  }

  override onBatchBegin(): void {
    this.look();
  }

  override onEpochEnd(): void {
    this.look();
  }

  private look(): void {
    if (this.run.mode === 'eager') return;
    const { recordingCount: recordings } = this.run.inspection;
    if (recordings === null) return;
    if (this.before < 0) this.before = this.seen = recordings.made;
    if (recordings.made === this.seen) return;
    this.seen = recordings.made;
    const { tolerated, maximum } = this.options;
    const { streak, changes } = recordings.last!;
    const made = recordings.made - this.before;
    const what = changes.length === 0 ? 'the kind of step changed' : `${changes.join(' and ')} changed`;
    const help = `give batches one shape (dropRemainder, padding), or set execution: 'eager'`;
    const found: SeenFinding<RetraceFinding>[] = [];
    const evidence = { streak, recordings: made };
    if (streak > tolerated) {
      const message = `${streak} steps in a row had to be recorded, because ${what}; ${help}`;
      found.push({ kind: 'every-step', where: '', evidence, message, changes });
    } else if (made > maximum) {
      const message = `${made} recordings were made in this run, the last because ${what}; ${help}`;
      found.push({ kind: 'too-many', where: '', evidence, message, changes });
    }
    const warning = this.log.add(this.run.progress.totalSteps, found);
    if (warning === null) return;
    this.run.logger.warn(warning);
    if (this.options.action === 'stop') this.run.stop(found[0]!.message);
  }
}
