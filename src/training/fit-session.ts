import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../core/logger.js';
import { emptyDataset, type Batch } from '../data/example.js';
import type { Dataset } from '../data/dataset.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { ExecutionMode, Logs, RunProgress, TrainingRun } from './callback-contract.js';
import type { CallbackDispatcher } from './callback-dispatcher.js';
import { disposeBatch, toDeviceBatch } from './device-batch.js';
import type { RunQueue } from './run-queue.js';
import type { StepRunner } from './step-runner.js';
import type { TrainState } from './train-state.js';
import type { WeightSnapshot } from './weight-snapshot.js';

/** Everything that a run of `fit` needs, settled and checked. */
export interface FitPlan {
  readonly modelName: string;
  readonly batches: Dataset<Batch>;
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly stepsPerEpoch: number | undefined;
  readonly verbose: 0 | 1 | 2;
  readonly gated: boolean;
  readonly signal: AbortSignal | undefined;
  readonly optimizer: BaseOptimizer;
  readonly logger: Logger;
  /** Epochs trained since `compile`: decides the order of shuffled data. */
  readonly epochsBefore: number;
  /** Steps trained since `compile`. */
  readonly stepsBefore: number;
  /** Checks of the first batch, before it is trained on. */
  readonly beforeFirstBatch: (batch: Batch) => void;
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

  constructor(
    private readonly plan: FitPlan,
    private readonly runner: StepRunner,
    /** Made at the first batch, because its weights may not exist before. */
    private readonly makeState: () => TrainState,
    private readonly queue: RunQueue,
    private readonly callbacks: CallbackDispatcher,
  ) {
    this.modelName = plan.modelName;
    this.epochs = plan.epochs;
    this.initialEpoch = plan.initialEpoch;
    const known = plan.batches.size;
    this.stepsPerEpoch = plan.stepsPerEpoch === undefined ? known : Math.min(plan.stepsPerEpoch, known ?? Infinity);
    this.validated = plan.validate !== undefined;
    this.verbose = plan.verbose;
    this.optimizer = plan.optimizer;
    this.logger = plan.logger;
    this.totalSteps = plan.stepsBefore;
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
    return this.makeState().sums.read();
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
    let logs: Logs = {};
    let begun = false;
    for (this.epoch = this.initialEpoch; this.epoch < this.epochs && !this.stopReason; this.epoch++) {
      const pass = this.plan.batches.iterate(this.plan.epochsBefore + this.epoch - this.initialEpoch);
      const iterator = pass[Symbol.asyncIterator]();
      try {
        let next = await iterator.next();
        if (!begun) {
          if (next.done) throw emptyDataset(`fit of model "${this.modelName}"`);
          this.plan.beforeFirstBatch(next.value);
          begun = true;
          await this.callbacks.dispatch('onTrainBegin');
        }
        await this.beginEpoch();
        const limit = this.plan.stepsPerEpoch ?? Infinity;
        for (; !next.done && !this.stopReason; next = await iterator.next()) {
          await this.trainOn(next.value);
          if (this.step >= limit) break;
        }
      } finally {
        await iterator.return?.();
      }
      logs = { ...this.runningLogs(), ...(await this.validation()) };
      await this.callbacks.dispatch('onEpochEnd', this.epoch, logs);
    }
    if (begun) await this.callbacks.dispatch('onTrainEnd', logs);
    return logs;
  }

  private async beginEpoch(): Promise<void> {
    this.step = 0;
    this.examples = 0;
    this.milliseconds = 0;
    this.makeState().sums.reset();
    await this.callbacks.dispatch('onEpochBegin', this.epoch);
  }

  private async trainOn(hostBatch: Batch): Promise<void> {
    this.plan.signal?.throwIfAborted();
    await this.callbacks.dispatch('onBatchBegin', this.step);
    const start = performance.now();
    const state = this.makeState();
    const loss = await this.queue.step(async () => {
      const batch = toDeviceBatch(this.plan.prepareBatch(hostBatch));
      try {
        return await this.runner.train(state, batch, {
          gated: this.plan.gated,
          fetchLoss: this.callbacks.hears('onBatchEnd'),
        });
      } finally {
        disposeBatch(batch);
      }
    });
    this.milliseconds += performance.now() - start;
    const index = this.step++;
    this.totalSteps++;
    this.examples += hostBatch.size;
    if (loss !== null) await this.callbacks.dispatch('onBatchEnd', index, { loss });
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
