import { IsBoolean, IsInt, Min } from 'class-validator';
import { BaseCallback } from '../callbacks/callback.js';
import { tapeEngine } from '../autodiff/tape.js';
import { engine } from '../engine/start-engine.js';
import type { Logs } from '../training/logs.js';
import { locateNonFinite } from '../training/locate-non-finite.js';
import type { ProbeReading, ProbeRequest } from '../training/probe-contract.js';
import type { WeightSnapshot } from '../training/weight-snapshot.js';
import { Callback } from './declarations.js';
import { DIAGNOSES } from './diagnoses/diagnosis-table.js';
import type { CauseName, Diagnosis, DoctorFinding } from './diagnoses/diagnosis.js';
import { attempt, Evidence } from './evidence.js';
import { formatFinding } from './format-finding.js';
import { tidied } from './look-inside.js';
import { median } from './statistics.js';
import type { WeightHistory } from './weight-history.js';
import { formatFixes, tryFixes, type TriedFix } from './try-fixes.js';

/** Losses before one with which it is compared, and how far above their median it is kept to be looked at. */
const EARLIER = { least: 10, most: 30 };
const OUTLIER = 5;
const MOST_OUTLIERS = 4;
/** Steps in a row that dynamic loss scaling leaves out while it looks for a scale. */
const MOST_SCALING = 20;

/** Seconds spent on looking that a user may wonder about. */
const WORTH_TELLING = 1;

/** Options of {@link GradientDoctor}. */
export class GradientDoctorOptions {
  /** Every how many steps gradients and updates are measured. Default 5. */
  @IsInt()
  @Min(1)
  every = 5;

  /** Whether rules of `defineVjp` and `@CustomVjp` are held against differences, on the first batch. Default true. */
  @IsBoolean()
  checkCustomRules = true;

  /** Whether fixes that can be made by themselves are tried in short trainings beside the run. Default false. */
  @IsBoolean()
  tryFixes = false;

  /** Whether findings are told by the logger as they come. Default true. */
  @IsBoolean()
  print = true;
}

/**
 * Says why a training goes wrong: symptom, evidence in numbers, cause and fix.
 *
 * It looks at the first batch, measures gradients every few steps, counts tensors, and makes short trainings from the first
 * weights where something looks wrong; weights, state and draws are put back each time. What it says is proven: where the
 * evidence does not do, it says nothing, and of a healthy run nothing at all.
 *
 * When to use: when a training does not do what it should, and in the first run of every new model. It runs the model's
 * `call` some times more, op by op, so that the first step and the end of the run take longer. A step with NaN or infinity
 * leaves the state as it was.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { GradientDoctor, layers, sequential, SGD, tf } from 'adjoint';
 *
 * const x = tf.randomNormal([64, 4], 0, 1, 'float32', 1);
 * const model = sequential([layers.dense({ units: 8, activation: 'tanh' }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: new SGD({ learningRate: 50 }), loss: 'meanSquaredError' });
 * const doctor = new GradientDoctor({ print: false });
 * await model.fit(x, tf.sum(x, 1, true), { epochs: 6, verbose: 0, callbacks: [doctor] });
 * for (const { cause, evidence, fix } of doctor.findings) console.log(cause, evidence, fix); // learning-rate-too-high ...
 * model.dispose();
 * ```
 *
 * @see `docs/debugging.md`, from symptom to cause
 */
@Callback('adjoint/gradient-doctor', GradientDoctorOptions)
export class GradientDoctor extends BaseCallback<GradientDoctorOptions> {
  override readonly gatesNonFinite = true;
  /** With `tryFixes`: what short trainings came to, the run as it is first. Empty where there is nothing to mend. */
  tried: readonly TriedFix[] = [];
  private found: DoctorFinding[] = [];
  private evidence: Evidence | null = null;
  private weightsBefore: WeightSnapshot | null = null;
  private isFresh = true;
  private opsBefore = 0;
  /** Whether the running step is a measured one. */
  private isProbed = false;
  /** Steps in a row that were not finite. */
  private bad = 0;
  private history: WeightHistory | null = null;
  private readonly examined = new Set<CauseName>();
  /** Spent on examinations. */
  private milliseconds = 0;

  /** What was found in the latest run, each cause once. */
  get findings(): readonly DoctorFinding[] {
    return this.found;
  }

  override get probeRequest(): ProbeRequest {
    return { every: this.options.every, weights: ['gradientNorm', 'updateRatio', 'weightNorm'] };
  }

  override onTrainBegin(): void {
    this.found = [];
    this.tried = [];
    this.evidence = null;
    this.weightsBefore = null;
    this.history = null;
    this.examined.clear();
    this.milliseconds = 0;
    this.isFresh = this.run.progress.totalSteps === 0;
    this.bad = 0;
  }

  override onEpochBegin(): void {
    this.evidence?.epochStarts.push(this.evidence.losses.length);
  }

  override onBatchBegin(): void {
    this.weightsBefore ??= this.run.readWeights();
    this.history?.begin(this.run.progress.totalSteps);
    this.opsBefore = engine().counters().executedOps;
  }

  override onProbe(reading: ProbeReading): void {
    this.ensureEvidence().probes.add(reading);
    this.isProbed = true;
    this.history?.probe(reading);
  }

  override async onBatchEnd(_batch: number, logs: Logs): Promise<void> {
    const { executedOps, tensors } = engine().counters();
    const evidence = this.ensureEvidence();
    this.history?.end(this.run.progress.totalSteps);
    const { state } = tapeEngine();
    const tapeNodes = state.gradientDepth > 0 ? (state.activeTape?.length ?? 0) : 0;
    evidence.counts.push({ tensors, ops: executedOps - this.opsBefore, tapeNodes, isProbed: this.isProbed });
    this.isProbed = false;
    const batch = this.run.inspection.batches.at(-1);
    if (batch !== undefined) evidence.add(batch);
    const loss = logs['loss'] ?? Object.values(logs)[0] ?? NaN;
    this.watchLoss(evidence, loss);
    evidence.losses.push(loss);
    if (!Object.values(logs).every(Number.isFinite)) await this.locate(evidence, logs);
    else this.bad = 0;
    if (evidence.losses.length === 1) this.examine(({ needs }) => needs === 'first-batch' || needs === 'both-ends');
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    this.ensureEvidence().epochs.push(logs);
    // After the first, second, fourth, eighth ... of a run: what counts all steps so far must not do so at each epoch of many.
    if (Number.isInteger(Math.log2(this.evidence!.epochs.length))) this.examine(({ needs }) => needs === 'epoch');
  }

  override onTrainEnd(): void {
    this.examine(({ needs }) => needs !== 'first-batch');
    const { evidence, options, found, run } = this;
    if (options.tryFixes && evidence !== null && found.length > 0) {
      this.timed(() => (this.tried = tryFixes(evidence, found)));
      if (options.print) run.logger.info(formatFixes(this.tried));
    }
    const seconds = this.milliseconds / 1000;
    if (!options.print || run.verbose === 0 || seconds < WORTH_TELLING) return;
    run.logger.info(`GradientDoctor: ${found.length} findings; looking took ${seconds.toFixed(1)} s`);
  }

  override onTrainError(error: unknown): void {
    const evidence = this.ensureEvidence();
    evidence.error = error;
    const batch = this.run.inspection.batches.at(-1);
    if (batch !== undefined && evidence.batches.length === 0) evidence.add(batch);
    // What was asked of the first batch has answered.
    this.examine(({ cause, needs }) => needs !== 'first-batch' || !this.examined.has(cause));
  }

  override detach(): void {
    this.evidence = null;
    this.weightsBefore = null;
    this.history = null;
    super.detach();
  }

  private ensureEvidence(): Evidence {
    if (this.evidence !== null) return this.evidence;
    const { model, plan, state, examples, validation } = this.run.inspection;
    const before = this.weightsBefore ?? new Map();
    // A step of the model's own makes weights as it goes.
    const isWhole = before.size > 0 && before.size === model.weightTree().size;
    const weights = isWhole ? before : this.run.readWeights();
    this.evidence = new Evidence(model, plan, state, weights, this.isFresh && isWhole, examples, validation);
    this.evidence.epochStarts.push(0);
    this.history = this.evidence.history;
    return this.evidence;
  }

  private watchLoss(evidence: Evidence, loss: number): void {
    const before = evidence.losses.slice(-EARLIER.most).filter(Number.isFinite);
    const batch = this.run.inspection.batches.at(-1);
    if (before.length < EARLIER.least || evidence.outliers.length >= MOST_OUTLIERS || batch === undefined) return;
    if (loss <= OUTLIER * median(before)) return;
    evidence.addOutlier(batch, loss);
  }

  private async locate(evidence: Evidence, logs: Logs): Promise<void> {
    this.bad++;
    const { model, plan, state, batches } = this.run.inspection;
    const isScaling = state.lossScale?.isDynamic === true && this.bad < MOST_SCALING;
    const batch = batches.at(-1);
    if (evidence.nonFinite !== null || isScaling || batch === undefined) return;
    const counter = state.randomStep.read();
    const randomStep = counter.dataSync()[0]! - 1;
    counter.dispose();
    const { epoch, step } = this.run.progress;
    const where = `epoch ${epoch + 1}, batch ${step}`;
    const lossScale = logs['lossScale'];
    const scaled = lossScale === undefined ? {} : { lossScale };
    const start = performance.now();
    try {
      evidence.nonFinite = await locateNonFinite({ model, plan, state, batch, randomStep, ...scaled }, where);
    } catch {
      // A step that cannot be run again tells nothing.
      return;
    } finally {
      this.milliseconds += performance.now() - start;
    }
    this.examine(({ needs }) => needs === 'epoch');
  }

  private timed<T>(fn: () => T): T {
    const start = performance.now();
    try {
      return fn();
    } finally {
      this.milliseconds += performance.now() - start;
    }
  }

  private examine(chosen: (diagnosis: Diagnosis) => boolean): void {
    const { evidence, options } = this;
    if (evidence === null) return;
    for (const diagnosis of DIAGNOSES) {
      const { cause } = diagnosis;
      const isKnown = this.found.some((finding) => finding.cause === cause);
      if (isKnown || !chosen(diagnosis) || (cause === 'wrong-sign-gradient' && !options.checkCustomRules)) continue;
      this.examined.add(cause);
      const finding = this.timed(() => attempt(() => tidied(() => diagnosis.examine(evidence))));
      if (finding === null) continue;
      this.found.push({ cause, ...finding });
      if (options.print) this.run.logger.warn(formatFinding(this.found.at(-1)!));
    }
  }
}
