import { IsInt, IsNotEmpty, IsOptional, IsString, Min } from 'class-validator';
import { BaseCallback } from '../../callbacks/callback.js';
import { CallbackError } from '../../core/errors.js';
import type { Logs } from '../../training/logs.js';
import type { ProbeReading, ProbeRequest } from '../../training/probe-contract.js';
import { withoutHistograms } from '../../training/probe-log.js';
import { Callback } from '../declarations.js';
import { findingsOf } from './found.js';
import { inspectStep } from './inspect-step.js';
import { toJson } from './markup.js';
import { reportPage, type ReportContent } from './report-page.js';
import { ReportFiles } from './report-files.js';
import { histogramsOf, RunRecord } from './run-record.js';

/** Options of {@link DebugReport}. */
export class DebugReportOptions {
  /** Folder to write into; made where it is missing. Required. */
  @IsString()
  @IsNotEmpty()
  directory!: string;

  /** Every how many steps gradients, weights and outputs are measured. Default 10. */
  @IsInt()
  @Min(1)
  every = 10;

  /** First line of the page. Default the model's name. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  title?: string;
}

const MILLISECONDS_BETWEEN_PAGES = 2000;
/** A page takes at most this part of the time. */
const PART_OF_TIME = 0.02;

/**
 * Writes what a run does into a folder: a page to look at, lines of JSON, and event files for TensorBoard.
 *
 * `report.html` opens without a network in any browser and is written anew as training goes on: loss, metrics, learning
 * rate, heat maps of gradient norms and update ratios by layer, histograms, dead units, memory and time of a step, the graph
 * of layers with shapes and gradient norms, and what other callbacks of the run have found. `report.jsonl` has one line for
 * each probe, epoch and finding; `tensorboard` the scalars and histograms.
 *
 * When to use: in any run that is to be understood; `fit({ debug: { report: directory } })` attaches one together with a
 * `GradientDoctor`. A folder holds one run: a later one begins the files anew, unless `fit` is given `resume`, and one that
 * still writes there is told so and writes no more.
 *
 * The first probed step is recorded and traced once more for its graph and its times; probed steps cost what their
 * measurements cost.
 *
 * @throws OptionsError [unknown-option | invalid-option]; CallbackError [report-directory] where the folder cannot be written
 *
 * @example
 * ```ts
 * import { existsSync, mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { DebugReport, layers, sequential, tf } from 'adjoint';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'report-'));
 * const model = sequential([layers.dense({ units: 8, activation: 'relu' }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
 * await model.fit(tf.ones([32, 4]), tf.ones([32, 1]), {
 *   epochs: 3,
 *   verbose: 0,
 *   callbacks: [new DebugReport({ directory, every: 1 })],
 * });
 * console.log(existsSync(join(directory, 'report.html'))); // true
 * model.dispose();
 * ```
 *
 * @see `docs/report.md`
 */
@Callback('adjoint/debug-report', DebugReportOptions)
export class DebugReport extends BaseCallback<DebugReportOptions> {
  private record = new RunRecord();
  private anatomy: ReportContent['anatomy'];
  private files: ReportFiles | undefined;
  private told = new Set<string>();
  private histogramsOfEpoch: number | undefined;
  private state: string | undefined;
  private nextPage = 0;
  /** Whether the folder could no longer be written. */
  private isLost = false;

  override get probeRequest(): ProbeRequest {
    return {
      every: this.options.every,
      weights: ['gradientNorm', 'weightNorm', 'updateRatio', 'zeroFraction', 'nonFinite'],
      layers: ['mean', 'standardDeviation', 'zeroFraction', 'nonFinite', 'saturation', 'unitActivity', 'cotangentNorm'],
      histograms: true,
    };
  }

  override onTrainBegin(): void {
    const { directory } = this.options;
    this.record = new RunRecord();
    this.anatomy = undefined;
    this.told = new Set();
    this.histogramsOfEpoch = undefined;
    this.nextPage = 0;
    this.isLost = false;
    try {
      this.files = new ReportFiles(directory, this.run.mayResume);
      const { modelName, epochs, initialEpoch, stepsPerEpoch } = this.run;
      this.tell('run', { title: this.title, model: modelName, epochs, initialEpoch, stepsPerEpoch });
      this.state = 'running';
      this.writePage();
    } catch (error) {
      this.state = undefined;
      throw new CallbackError('report-directory', {
        where: `callback "${this.name}"`,
        expected: 'a folder that can be written',
        received: (error as Error).message,
        fix: 'choose another directory',
        cause: error,
      });
    }
  }

  override async onProbe(reading: ProbeReading): Promise<void> {
    const { learningRate } = this.run.optimizer;
    this.record.addProbe(reading, learningRate);
    if (this.anatomy === undefined && Object.keys(reading.layers).length > 0) await this.lookIntoStep();
    const isFirst = this.histogramsOfEpoch !== reading.epoch;
    this.histogramsOfEpoch = reading.epoch;
    this.write(() => {
      this.tell('probe', { learningRate, ...(isFirst ? reading : withoutHistograms(reading)) });
      this.tellEvents(reading, learningRate, isFirst);
      this.refresh();
    });
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { optimizer, progress, mode } = this.run;
    const { totalSteps, millisecondsPerStep } = progress;
    const { learningRate } = optimizer;
    const entry = { epoch, totalSteps, millisecondsPerStep, mode, learningRate, logs };
    this.record.epochs.push(entry);
    this.write(() => {
      this.tell('epoch', entry);
      this.files?.events.add(totalSteps, logs);
      this.refresh();
    });
  }

  override onTrainEnd(): void {
    const { stopReason } = this.run;
    this.state = stopReason === null ? 'finished' : `stopped: ${stopReason}`;
  }

  override onTrainError(error: unknown): void {
    // It may not have begun.
    if (this.state === undefined) return;
    this.state = `ended by an error: ${error instanceof Error ? error.message.split('\n')[0]! : String(error)}`;
  }

  override detach(): void {
    try {
      if (this.state !== undefined) this.finish(this.state);
    } finally {
      this.state = undefined;
      this.files?.close();
      this.files = undefined;
      super.detach();
    }
  }

  private get title(): string {
    return this.options.title ?? this.run.modelName;
  }

  /** Here, and not in `onTrainEnd`: other callbacks may find something in theirs. */
  private finish(state: string): void {
    this.state = state === 'running' ? 'ended early' : state;
    this.write(() => {
      this.tell('end', { state: this.state });
      this.writePage();
    });
  }

  /** A training is worth more than its report: where that cannot be written any more, it is told of once. */
  private write(fn: () => void): void {
    if (this.isLost) return;
    try {
      fn();
    } catch (error) {
      this.isLost = true;
      this.run.logger.warn(
        `${this.name}: training goes on, but its report is not written any more: ${(error as Error).message}`,
      );
    }
  }

  private async lookIntoStep(): Promise<void> {
    const { inspection } = this.run;
    if (inspection.batches.length === 0) return;
    this.anatomy = await inspectStep(inspection);
    const { anatomy } = this;
    if ('problem' in anatomy) return this.write(() => this.tell('step', anatomy));
    const { graph, bytes, profile, examples } = anatomy;
    const { stepMilliseconds, layers } = profile;
    this.write(() => this.tell('step', { examples, bytes, stepMilliseconds, layers, graph }));
  }

  private tell(kind: string, content: object): void {
    this.files?.addLine(toJson({ kind, ...content }));
  }

  private tellEvents(reading: ProbeReading, learningRate: number, withHistograms: boolean): void {
    const scalars: Record<string, number> = { 'probe/loss': reading.loss, 'probe/learningRate': learningRate };
    for (const [path, { gradientNorm, updateRatio }] of Object.entries(reading.weights)) {
      if (gradientNorm !== undefined) scalars[`gradientNorm/${path}`] = gradientNorm;
      if (updateRatio !== undefined) scalars[`updateRatio/${path}`] = updateRatio;
    }
    const kinds = withHistograms ? (['gradients', 'weights', 'outputs'] as const) : [];
    const histograms = kinds.flatMap((kind) =>
      histogramsOf(reading, kind).map(([path, histogram]) => [`${kind}/${path}`, histogram] as const),
    );
    this.files?.events.add(reading.totalSteps, scalars, Object.fromEntries(histograms));
  }

  /** Writes the page where the last one is old enough. */
  private refresh(): void {
    const start = performance.now();
    if (start < this.nextPage) return;
    this.writePage();
    const end = performance.now();
    this.nextPage = end + Math.max(MILLISECONDS_BETWEEN_PAGES, (end - start) / PART_OF_TIME);
  }

  private writePage(): void {
    const { modelName, mode, epochs, progress } = this.run;
    const found = findingsOf(this.run.attached);
    for (const finding of found) {
      const key = `${finding.from} ${finding.title} ${finding.words['where'] ?? ''}`;
      if (!this.told.has(key)) this.tell('finding', finding);
      this.told.add(key);
    }
    const page = reportPage({
      title: this.title,
      modelName,
      state: this.state!,
      mode,
      epochs,
      ...progress,
      record: this.record,
      found,
      anatomy: this.anatomy,
    });
    this.files?.writePage(page);
  }
}
