import { IsNumber, IsOptional, Min, ValidateBy } from 'class-validator';
import type { Logs } from '../training/logs.js';
import { BaseCallback } from './callback.js';
import { Callback } from './declarations.js';
import { formatLogs, formatMillisecondsPerStep, formatSeconds, wrapParts } from './format-logs.js';
import { columnsOf, TerminalBar, type BarParts, type LineStream } from './terminal-bar.js';

const MILLISECONDS_BETWEEN_DRAWINGS = 100;
const NARROW_COLUMNS = 60;

const isStream = (value: unknown): boolean => typeof (value as { write?: unknown } | null)?.write === 'function';

/** Options of {@link ProgressBar}. */
export class ProgressBarOptions {
  /** Where to write: a bar where its `isTTY` is true, lines elsewhere. Default `process.stdout`. */
  @IsOptional()
  @ValidateBy(
    { name: 'isStream', validator: { validate: isStream } },
    { message: 'stream must be a writable stream, such as process.stderr' },
  )
  stream?: LineStream;

  /** Seconds between two lines within an epoch where there is no terminal and `verbose` is 1. Default 30. */
  @IsNumber()
  @Min(0)
  secondsBetweenLines = 30;
}

/**
 * Shows how training goes: a bar in a terminal, lines in a log file, then one line an epoch.
 *
 * ```text
 * Epoch 3/10  63/63 steps  25 ms/step  loss 0.1023  accuracy 0.9712  val_loss 0.0981  (eager)
 * ```
 *
 * `fit` adds one by itself unless `verbose` is 0; with `verbose: 2` there is one line an epoch and nothing else. Give one
 * to `fit` to write elsewhere. Loss and metrics are fetched from the device at most ten times a second. A line does not
 * change the terminal's settings, so that an interrupted process leaves them as they were.
 *
 * @example
 * ```ts
 * import { layers, ProgressBar, sequential, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const toStderr = new ProgressBar({ stream: process.stderr });
 * await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { epochs: 1, callbacks: [toStderr] });
 * model.dispose();
 * ```
 *
 * @see https://github.com/npkgz/cli-progress
 */
@Callback('adjoint/progress-bar', ProgressBarOptions)
export class ProgressBar extends BaseCallback<ProgressBarOptions> {
  override readonly everyBatch = false;
  private stream: LineStream = process.stdout;
  private bar: TerminalBar | null = null;
  private openEpoch: number | null = null;
  private validating = false;
  private nextDrawing = 0;
  private shownLogs: Logs = {};

  override onTrainBegin(): void {
    this.stream = this.options.stream ?? process.stdout;
    this.openEpoch = null;
    const terminal = this.stream.isTTY === true && this.run.verbose === 1;
    this.bar = terminal ? new TerminalBar(this.stream) : null;
  }

  override onEpochBegin(epoch: number): void {
    if (this.run.verbose === 0) return;
    this.openEpoch = epoch;
    this.validating = false;
    this.shownLogs = {};
    this.bar?.start(this.run.stepsPerEpoch, { label: this.label(epoch), parts: [this.steps()] });
    this.nextDrawing = performance.now() + this.interval();
  }

  /** Not `onBatchEnd`: the loop would fetch every batch's loss for it. */
  override onBatchBegin(): void {
    if (this.openEpoch === null || this.run.verbose === 2 || performance.now() < this.nextDrawing) return;
    if (this.run.progress.step > 0) this.show();
  }

  override onValidationBegin(): void {
    if (this.openEpoch === null) return;
    this.validating = true;
    if (this.bar !== null) this.show();
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    if (this.openEpoch === null) return;
    this.shownLogs = logs;
    this.finishLine(epoch, []);
  }

  override onTrainEnd(): void {
    if (this.run.verbose === 0) return;
    if (this.openEpoch !== null) this.finishLine(this.openEpoch, ['stopped']);
    if (this.run.stopReason !== null) this.writeLine(`Stopped: ${this.run.stopReason}`);
  }

  override detach(): void {
    try {
      if (this.openEpoch !== null) this.finishLine(this.openEpoch, ['interrupted']);
    } finally {
      this.openEpoch = null;
      this.bar = null;
      super.detach();
    }
  }

  private show(): void {
    this.shownLogs = this.run.runningLogs();
    if (this.bar !== null) {
      this.bar.draw(this.run.progress.step, this.liveParts());
    } else {
      const { label, parts } = this.liveParts();
      this.writeLine([label, ...parts].join('  '));
    }
    // Counted from the end of a drawing: reading logs must not eat up a slow device's time.
    this.nextDrawing = performance.now() + this.interval();
  }

  private liveParts(): BarParts {
    const { step, millisecondsPerStep } = this.run.progress;
    const total = this.run.stepsPerEpoch;
    const parts = [this.steps()];
    if (this.validating) parts.push('validating');
    else if (total !== null) parts.push(`ETA ${formatSeconds(((total - step) * millisecondsPerStep) / 1000)}`);
    // What a narrow terminal cuts off stands last.
    parts.push(...formatLogs(this.shownLogs));
    if (!this.validating) parts.push(formatMillisecondsPerStep(millisecondsPerStep));
    return { label: this.label(this.openEpoch!), parts };
  }

  private finishLine(epoch: number, notes: readonly string[]): void {
    this.openEpoch = null;
    this.bar?.stop();
    const label = this.label(epoch);
    const { step, millisecondsPerStep } = this.run.progress;
    const speed = step > 0 ? [formatMillisecondsPerStep(millisecondsPerStep)] : [];
    const mode = `(${this.run.mode})`;
    const parts = [label, this.steps(' steps'), ...speed, ...formatLogs(this.shownLogs), mode, ...notes];
    const width = this.bar === null ? Infinity : columnsOf(this.stream);
    const indent = width < NARROW_COLUMNS ? 2 : label.length + '  '.length;
    this.writeLine(wrapParts(parts, width, indent));
  }

  private label(epoch: number): string {
    const last = String(this.run.epochs);
    return `Epoch ${String(epoch + 1).padStart(last.length)}/${last}`;
  }

  /** Padded, so that the columns of two epochs stand below each other. */
  private steps(unit = ''): string {
    const { step } = this.run.progress;
    const total = this.run.stepsPerEpoch;
    return total === null ? `${step} steps` : `${String(step).padStart(String(total).length)}/${total}${unit}`;
  }

  private interval(): number {
    return this.bar === null ? this.options.secondsBetweenLines * 1000 : MILLISECONDS_BETWEEN_DRAWINGS;
  }

  private writeLine(line: string): void {
    this.stream.write(`${line}\n`);
  }
}
