import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../core/logger.js';
import type { Batch } from '../data/example.js';
import type { Dataset } from '../data/dataset.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { BatchFeed } from './batch-feed.js';
import type { ExecutionMode, Logs, RunProgress, TrainingRun } from './callback-contract.js';
import type { CallbackDispatcher } from './callback-dispatcher.js';
import { disposeBatch, toDeviceBatch, type DeviceBatch } from './device-batch.js';
import { LearningRateLog } from './learning-rate-log.js';
import type { RunQueue } from './run-queue.js';
import type { StepRunner } from './step-runner.js';
import type { TrainState } from './train-state.js';
import type { WeightSnapshot } from './weight-snapshot.js';

/** Everything that a run of `fit` needs, settled and checked. */
export interface FitPlan {
  readonly modelName: string;
  /** How errors name the run. */
  readonly where: string;
  readonly batches: Dataset<Batch>;
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly stepsPerEpoch: number | undefined;
  readonly verbose: 0 | 1 | 2;
  /** Whether the model has a training step of its own, which names what it logs. */
  readonly ownStep: boolean;
  /** Lets a step of the model's own make its layers and slots before it is run or recorded. */
  readonly rehearse: (state: TrainState, batch: DeviceBatch) => void;
  readonly gated: boolean;
  readonly accumulateSteps: number;
  /** Steps for which the hooks of a batch are called once. */
  readonly logEvery: number;
  readonly signal: AbortSignal | undefined;
  readonly optimizer: BaseOptimizer;
  readonly logger: Logger;
  /** Number of the first pass over the data: decides the order of shuffled data. */
  readonly firstPass: number;
  /** Steps trained since `compile`. */
  readonly stepsBefore: number;
  /** Checks a batch before it is trained on; the first of a run is checked before any hook is called. */
  readonly checkBatch: (batch: Batch, isFirst: boolean) => void;
  /** Last changes to a batch on the host, such as class weights. */
  readonly prepareBatch: (batch: Batch) => Batch;
  /** Evaluation after each epoch. */
  readonly validate: (() => Promise<Logs>) | undefined;
  readonly readWeights: () => WeightSnapshot;
  readonly writeWeights: (snapshot: WeightSnapshot) => void;
}

/** One run of `fit`: the loop over epochs and batches, as callbacks see it. */
export class FitSession implements TrainingRun {
  readonly modelName: string;
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly stepsPerEpoch: number | null;
  readonly validated: boolean;
  readonly verbose: 0 | 1 | 2;
  readonly optimizer: BaseOptimizer;
  readonly logger: Logger;
  stopReason: string | null = null;
  private epoch = 0;
  private step = 0;
  private totalSteps: number;
  private examples = 0;
  private milliseconds = 0;
  /** Time spent on batches that are not yet trained on. */
  private gathering = 0;
  private readonly feed: BatchFeed;
  private readonly rateLog: LearningRateLog;
  /** Steps after which callbacks have to be called. */
  private readonly watched: number;
  private ahead: Promise<Batch[]> | undefined;
  /** Whether callbacks were called after the last step, and so are before the next. */
  private isLogged = true;

  constructor(
    private readonly plan: FitPlan,
    private readonly runner: StepRunner,
    /** Made at the first batch, because its weights may not exist before; ready for whatever is trainable now. */
    private readonly makeState: () => TrainState,
    private readonly queue: RunQueue,
    private readonly callbacks: CallbackDispatcher,
  ) {
    this.modelName = plan.modelName;
    this.epochs = plan.epochs;
    this.initialEpoch = plan.initialEpoch;
    this.stepsPerEpoch = plan.stepsPerEpoch ?? plan.batches.size;
    this.validated = plan.validate !== undefined;
    this.verbose = plan.verbose;
    this.optimizer = plan.optimizer;
    this.logger = plan.logger;
    this.totalSteps = plan.stepsBefore;
    this.rateLog = new LearningRateLog(plan.optimizer);
    this.watched = callbacks.wantsEveryBatch ? plan.logEvery : Infinity;
    this.feed = new BatchFeed(plan.batches, plan.firstPass, plan.signal, plan.where);
  }

  /** Number of the pass over the data with which a later run goes on. */
  get nextPass(): number {
    return this.feed.nextPass;
  }

  /** May change with the first step, where that cannot be recorded. */
  get mode(): ExecutionMode {
    return this.runner.mode;
  }

  get progress(): RunProgress {
    return {
      epoch: this.epoch,
      step: this.step,
      totalSteps: this.totalSteps,
      examples: this.examples,
      millisecondsPerStep: this.step === 0 ? 0 : this.milliseconds / this.step,
    };
  }

  runningLogs(): Logs {
    const state = this.makeState();
    return this.plan.ownStep ? state.means.read() : state.sums.read();
  }

  stop(reason: string): void {
    this.stopReason ??= reason;
  }

  readWeights(): WeightSnapshot {
    return this.plan.readWeights();
  }

  writeWeights(snapshot: WeightSnapshot): void {
    this.plan.writeWeights(snapshot);
  }

  /** Trains; resolves to the last epoch's logs. */
  async run(): Promise<Logs> {
    try {
      return await this.trainEpochs();
    } finally {
      await this.feed.close();
    }
  }

  private async trainEpochs(): Promise<Logs> {
    let logs: Logs = {};
    this.epoch = this.initialEpoch;
    this.plan.checkBatch(await this.timed(() => this.feed.peek()), true);
    await this.callbacks.dispatch('onTrainBegin');
    for (; this.epoch < this.epochs && this.stopReason === null; this.epoch++) {
      await this.beginEpoch();
      await this.trainPass();
      await this.update(this.makeState());
      // Stopped by onEpochBegin: there is no epoch to tell of.
      if (this.step === 0) break;
      const running = this.runningLogs();
      const state = this.makeState();
      const settings = { ...this.rateLog.read(state, running), ...(state.lossScale?.hostLogs() ?? {}) };
      logs = { ...running, ...settings, ...(await this.validation()) };
      await this.callbacks.dispatch('onEpochEnd', this.epoch, logs);
      this.plan.signal?.throwIfAborted();
    }
    // Steps counted off a pass over several epochs leave its rest to nobody.
    await this.feed.leavePass();
    await this.callbacks.dispatch('onTrainEnd', logs);
    return logs;
  }

  /** The steps of one epoch: a whole pass or, where steps are counted, as many as asked for, pass after pass. */
  private async trainPass(): Promise<void> {
    const limit = this.plan.stepsPerEpoch;
    while (this.stopReason === null && (limit === undefined || this.step < limit)) {
      const batches = await this.timed(() => this.nextBatches());
      if (batches.length > 0) await this.trainOnAll(batches);
      else if (limit === undefined) return;
    }
  }

  /** What was read while the step before was running, or what is read now. */
  private nextBatches(): Promise<Batch[]> {
    const batches = this.ahead ?? this.feed.take(this.batchesAfter(this.step));
    this.ahead = undefined;
    return batches;
  }

  /** Reads what comes after the running steps meanwhile. */
  private readAhead(running: number): void {
    const count = this.batchesAfter(this.step + running);
    if (count < 1 || this.stopReason !== null || !this.plan.batches.mayReadAhead) return;
    this.ahead = this.feed.take(count);
    // Told when its turn has come; until then nobody waits for it.
    this.ahead.catch(() => undefined);
  }

  /** How many batches to read where so many steps of the epoch are done. */
  private batchesAfter(steps: number): number {
    const left = (this.plan.stepsPerEpoch ?? Infinity) - steps;
    return Math.min(this.stepsPerCall, this.watched - (steps % this.watched), left);
  }

  private get stepsPerCall(): number {
    const together = this.plan.batches.mayReadAhead && this.plan.accumulateSteps === 1;
    return together ? Math.min(this.runner.stepsPerCall, this.watched) : 1;
  }

  /** By one call where there are as many as a call takes; the rest of a pass one by one. */
  private async trainOnAll(batches: readonly Batch[]): Promise<void> {
    const calls = batches.length === this.stepsPerCall ? [batches] : batches.map((batch) => [batch]);
    for (const [i, call] of calls.entries()) {
      if (this.stopReason === null) await this.trainOn(call, i === calls.length - 1);
    }
  }

  private async timed<T>(gather: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const gathered = await gather();
    this.gathering += performance.now() - start;
    return gathered;
  }

  private async beginEpoch(): Promise<void> {
    this.step = 0;
    this.isLogged = true;
    this.examples = 0;
    this.milliseconds = 0;
    const state = this.makeState();
    state.sums.reset();
    state.means.reset();
    // What an aborted run has left of a group.
    state.gradientSums?.reset();
    await this.callbacks.dispatch('onEpochBegin', this.epoch);
  }

  private async trainOn(hostBatches: readonly Batch[], isLast: boolean): Promise<void> {
    this.plan.signal?.throwIfAborted();
    for (const batch of hostBatches) this.plan.checkBatch(batch, false);
    if (this.isLogged) await this.callbacks.dispatch('onBatchBegin', this.step);
    this.isLogged = this.endsLogged(hostBatches.length);
    const start = performance.now();
    const state = this.makeState();
    const logs = await this.queue.step(() => this.runStep(state, hostBatches, isLast));
    this.milliseconds += this.gathering + performance.now() - start;
    this.gathering = 0;
    this.step += hostBatches.length;
    this.totalSteps += hostBatches.length;
    for (const [i, { size }] of hostBatches.entries()) {
      this.examples += size;
      if (this.plan.ownStep) state.means.add(logs[i]!, size, this.plan.gated);
    }
    const updateLogs = await this.countMicroBatch(state);
    const last = logs.length === 0 ? undefined : { ...logs.at(-1), ...updateLogs };
    if (last !== undefined && this.isLogged) await this.callbacks.dispatch('onBatchEnd', this.step - 1, last);
    // Timers, signals and requests of the surrounding service get their turn between two steps.
    await nextTurn();
    this.plan.signal?.throwIfAborted();
  }

  /** Updates where a group of batches is complete; one that is not, at the end of an epoch. */
  private async countMicroBatch(state: TrainState): Promise<Logs> {
    return state.gradientSums?.completes(this.plan.accumulateSteps) === true ? this.update(state) : {};
  }

  private async update(state: TrainState): Promise<Logs> {
    const sums = state.gradientSums;
    if (sums === null || sums.pending === 0) return {};
    const options = { gated: this.plan.gated, fetchLogs: this.callbacks.hears('onBatchEnd') };
    const [logs] = await this.queue.step(() => this.runner.update(state, options));
    sums.pending = 0;
    return logs ?? {};
  }

  /** Whether so many steps more complete `logEvery` of them, or an epoch whose length is known. */
  private endsLogged(steps: number): boolean {
    const { logEvery } = this.plan;
    if (this.step + steps === this.stepsPerEpoch) return true;
    return Math.floor((this.step + steps) / logEvery) > Math.floor(this.step / logEvery);
  }

  private async runStep(state: TrainState, hostBatches: readonly Batch[], isLast: boolean): Promise<Logs[]> {
    const batches: DeviceBatch[] = [];
    try {
      for (const batch of hostBatches) batches.push(toDeviceBatch(this.plan.prepareBatch(batch)));
      this.plan.rehearse(state, batches[0]!);
      const running = this.runner.train(state, batches, {
        gated: this.plan.gated,
        fetchLogs: this.plan.ownStep || (this.isLogged && this.callbacks.hears('onBatchEnd')),
      });
      if (isLast) this.readAhead(hostBatches.length);
      return await running;
    } finally {
      for (const batch of batches) disposeBatch(batch);
      for (const batch of hostBatches) this.plan.batches.giveBack(batch);
    }
  }

  private async validation(): Promise<Logs> {
    if (this.plan.validate === undefined) return {};
    await this.callbacks.dispatch('onValidationBegin');
    const logs = Object.fromEntries(
      Object.entries(await this.plan.validate()).map(([name, value]) => [`val_${name}`, value] as const),
    );
    await this.callbacks.dispatch('onValidationEnd', logs);
    return logs;
  }
}
