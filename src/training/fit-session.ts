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
      // Stopped by onEpochBegin: there is no epoch to tell of.
      if (this.step === 0) break;
      const running = this.runningLogs();
      const rate = this.rateLog.read(this.makeState(), running);
      logs = { ...running, ...rate, ...(await this.validation()) };
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
      const batch = await this.timed(() => this.feed.next());
      if (batch !== null) await this.trainOn(batch);
      else if (limit === undefined) return;
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
    this.examples = 0;
    this.milliseconds = 0;
    const state = this.makeState();
    state.sums.reset();
    state.means.reset();
    await this.callbacks.dispatch('onEpochBegin', this.epoch);
  }

  private async trainOn(hostBatch: Batch): Promise<void> {
    this.plan.signal?.throwIfAborted();
    this.plan.checkBatch(hostBatch, false);
    await this.callbacks.dispatch('onBatchBegin', this.step);
    const start = performance.now();
    const state = this.makeState();
    const logs = await this.queue.step(async () => {
      const batch = toDeviceBatch(this.plan.prepareBatch(hostBatch));
      try {
        this.plan.rehearse(state, batch);
        return await this.runner.train(state, batch, {
          gated: this.plan.gated,
          fetchLogs: this.plan.ownStep || this.callbacks.hears('onBatchEnd'),
        });
      } finally {
        disposeBatch(batch);
      }
    });
    this.milliseconds += this.gathering + performance.now() - start;
    this.gathering = 0;
    const index = this.step++;
    this.totalSteps++;
    this.examples += hostBatch.size;
    if (logs !== null) {
      if (this.plan.ownStep) state.means.add(logs, hostBatch.size, this.plan.gated);
      await this.callbacks.dispatch('onBatchEnd', index, logs);
    }
    // Timers, signals and requests of the surrounding service get their turn between two steps.
    await nextTurn();
    this.plan.signal?.throwIfAborted();
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
