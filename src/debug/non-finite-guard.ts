import { IsIn, IsInt, IsNotEmpty, IsOptional, IsString, Min, ValidateBy } from 'class-validator';
import { AdjointError } from '../core/errors.js';
import { BaseCallback } from '../callbacks/callback.js';
import type { Logs } from '../training/logs.js';
import { forwardLoss } from '../training/forward-loss.js';
import { locateNonFinite } from '../training/locate-non-finite.js';
import type { NonFiniteReport } from '../training/non-finite-report.js';
import type { PastStep } from '../training/replay-step.js';
import { writeRepro } from '../training/repro-folder.js';
import { Callback } from './declarations.js';

/** Options of {@link NonFiniteGuard}. */
export class NonFiniteGuardOptions {
  /**
   * What becomes of the run at a step that is not finite: `stop` ends it; `skip` goes on without that step; `continue`
   * reports the first such step, leaves that one out, and from then on guards no more. Default `stop`.
   */
  @IsIn(['stop', 'skip', 'continue'])
  action: 'stop' | 'skip' | 'continue' = 'stop';

  /** How many steps are looked into; later ones are counted only. Default 1. */
  @IsInt()
  @Min(0)
  maxReports = 1;

  /** Steps in a row that dynamic loss scaling may leave out before it counts as a fault. Default 20. */
  @IsInt()
  @Min(1)
  patience = 20;

  /** Folder for all that `adjoint replay` needs to find the first fault again. Default none is written. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  reproDirectory?: string;

  /** Is given each report in the place of the logger. */
  @IsOptional()
  @ValidateBy(
    { name: 'isFunction', validator: { validate: (value) => typeof value === 'function' } },
    { message: 'onReport must be a function' },
  )
  onReport?: (report: NonFiniteReport) => void | Promise<void>;
}

/**
 * Leaves steps with NaN or infinity out, and says which op made the first such value, in which layer, from what, by which
 * examples, and why.
 *
 * A step is bad where its loss, a gradient, a new weight or new state of the optimizer is not finite. All that it would
 * write stays as it was. The guard then runs the same graph again from that state, with a flag for each op.
 *
 * When to use: in every training; it costs the transfer of one number a step. With dynamic loss scaling, steps are left
 * out as the scale is found; they count as faults where the loss itself is not finite, where the scale has come down to 1,
 * and after `patience` of them in a row.
 *
 * The report is logged as a table and kept in `reports`. A model whose step cannot be recorded is run again op by op, and
 * code in JavaScript that changes at every call may then do something else.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { layers, NonFiniteGuard, sequential, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: (labels, predictions) => tf.mean(tf.div(predictions, labels), -1) });
 * const guard = new NonFiniteGuard({ onReport: ({ culprit, examples }) => console.log(culprit, examples) });
 * await model.fit(tf.ones([3, 2]), tf.tensor2d([[1], [0], [2]]), { verbose: 0, shuffle: false, callbacks: [guard] });
 * model.dispose(); // RealDiv in the forward pass of the loss "loss" [ 1 ]
 * ```
 *
 * @see TerminateOnNaN, which only stops; `docs/non-finite.md`
 */
@Callback('adjoint/non-finite-guard', NonFiniteGuardOptions)
export class NonFiniteGuard extends BaseCallback<NonFiniteGuardOptions> {
  override gatesNonFinite: boolean = true;
  /** What was found in the latest run. */
  reports: NonFiniteReport[] = [];
  /** Steps of the latest run that were left out, those of loss scaling apart. */
  badSteps = 0;
  /** Steps in a row that loss scaling has left out. */
  private unscaled = 0;

  override onTrainBegin(): void {
    this.reports = [];
    this.badSteps = 0;
    this.unscaled = 0;
  }

  override onBatchEnd(batch: number, logs: Logs): void | Promise<void> {
    if (areFinite(logs)) {
      this.unscaled = 0;
      return undefined;
    }
    return this.gatesNonFinite ? this.look(batch, logs) : undefined;
  }

  override onTrainEnd(): void {
    const unseen = this.badSteps - this.reports.length;
    if (unseen > 0 && this.options.action === 'skip' && this.run.verbose > 0) {
      this.run.logger.info(`NonFiniteGuard: ${this.badSteps} steps were left out, ${unseen} of them unexplained`);
    }
  }

  override detach(): void {
    // The next run begins with the guard.
    this.gatesNonFinite = true;
    super.detach();
  }

  private async look(batch: number, logs: Logs): Promise<void> {
    const { run, options } = this;
    const { model, plan, state, batches, badUpdate } = run.inspection;
    const step: PastStep = {
      model,
      plan,
      state,
      batch: batches.at(-1)!,
      isUpdate: badUpdate,
      // A batch has counted on; an update does not.
      randomStep: readInteger(state.randomStep) - (badUpdate ? 0 : 1),
      lossScale: logs.lossScale,
    };
    if (state.lossScale?.isDynamic === true && this.isScaling(step)) return;
    this.badSteps++;
    const { action, maxReports, reproDirectory } = options;
    const what = badUpdate ? 'the update after batch' : 'batch';
    const where = `epoch ${run.progress.epoch + 1}, ${what} ${batch + 1} of ${model.describe()}`;
    let culprit = 'loss or gradient';
    if (this.reports.length < maxReports) {
      // An option that is null in JavaScript is none.
      if (typeof reproDirectory === 'string' && this.reports.length === 0) await this.keep(step, where, reproDirectory);
      culprit = (await this.explain(step, where)) ?? culprit;
    }
    if (action === 'continue') this.gatesNonFinite = false;
    if (action === 'stop') {
      run.stop(`${where} is not finite, by ${culprit}; weights and optimizer stand as before that step`);
    }
  }

  /** @returns what is to blame; `undefined` where that cannot be told */
  private async explain(step: PastStep, where: string): Promise<string | undefined> {
    let report: NonFiniteReport;
    try {
      report = await locateNonFinite(step, where);
    } catch (error) {
      // Code that does something else when it is run again may fail; the training goes on or stops as it was told.
      if (!(error instanceof AdjointError)) throw error;
      this.run.logger.warn(`NonFiniteGuard: ${where} is not finite, and cannot be run again\n${error.message}`);
      return undefined;
    }
    this.reports.push(report);
    await this.tell(report);
    return report.kind === 'unreproduced' ? undefined : report.culprit;
  }

  private async keep(step: PastStep, where: string, directory: string): Promise<void> {
    const { logger } = this.run;
    try {
      await writeRepro(directory, step, where);
      if (typeof this.options.onReport !== 'function') {
        logger.info(`NonFiniteGuard: adjoint replay ${directory} --model FILE finds it again`);
      }
    } catch (error) {
      // A full disk is no reason to end a training that is to go on.
      if (!(error instanceof AdjointError)) throw error;
      logger.warn(`NonFiniteGuard: the step was not kept for replay\n${error.message}`);
    }
  }

  /** Whether the step was left out because its scale was too large, as it happens while the scale is found. */
  private isScaling(step: PastStep): boolean {
    this.unscaled++;
    if (step.lossScale === undefined || step.lossScale <= 1 || this.unscaled > this.options.patience) return false;
    return step.isUpdate === true || step.model.trainStep !== undefined || Number.isFinite(forwardLoss(step));
  }

  private async tell(report: NonFiniteReport): Promise<void> {
    const { onReport } = this.options;
    if (typeof onReport === 'function') await onReport(report);
    else this.run.logger.warn(report.table());
  }
}

function areFinite(logs: Logs): boolean {
  for (const name in logs) if (!Number.isFinite(logs[name])) return false;
  return true;
}

function readInteger(variable: { read(): { dataSync(): ArrayLike<number>; dispose(): void } }): number {
  const value = variable.read();
  const [number] = Array.from(value.dataSync());
  value.dispose();
  return number!;
}
