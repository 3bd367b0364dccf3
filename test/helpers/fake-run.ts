import { IsNumber } from 'class-validator';
import type { Logger } from '../../src/core/logger.js';
import { BaseOptimizer } from '../../src/optimizers/base-optimizer.js';
import type { OptimizerOptions } from '../../src/optimizers/optimizer-options.js';
import type { CallbackContract, RunProgress, TrainingRun } from '../../src/training/callback-contract.js';
import type { Logs } from '../../src/training/logs.js';
import { CallbackDispatcher } from '../../src/training/callback-dispatcher.js';
import type { WeightSnapshot } from '../../src/training/weight-snapshot.js';
import { declarationDecorator } from '../../src/core/declaration.js';

class FixedRateOptions {
  @IsNumber() learningRate = 0.1;
}

const Optimizer = declarationDecorator('optimizer', 'Optimizer');

@Optimizer('test/fixed-rate', FixedRateOptions)
class FixedRate extends BaseOptimizer<OptimizerOptions> {
  apply(): void {}
}

/** What a run without a model does. */
export interface FakeRunPlan {
  readonly epochs?: number;
  readonly initialEpoch?: number;
  readonly steps?: number;
  /** Whether `stepsPerEpoch` is told. Default true. */
  readonly stepsKnown?: boolean;
  readonly verbose?: 0 | 1 | 2;
  /** Loss of a batch. Default falls with every step. */
  readonly loss?: (epoch: number, batch: number) => number;
  /** Metrics of an epoch besides the loss. */
  readonly metrics?: (epoch: number) => Logs;
  /** The `val_` entries of an epoch; none: no validation. */
  readonly validation?: (epoch: number) => Logs;
  /** Called in the middle of each step. */
  readonly step?: (epoch: number, batch: number) => void | Promise<void>;
  readonly millisecondsPerStep?: number;
}

/** A training run whose one weight, `kernel`, counts the steps done; the loop calls hooks as `fit` does. */
export class FakeRun implements TrainingRun {
  readonly modelName = 'fake';
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly stepsPerEpoch: number | null;
  readonly validated: boolean;
  readonly verbose: 0 | 1 | 2;
  readonly mode = 'eager';
  readonly optimizer = new FixedRate();
  readonly messages: string[] = [];
  readonly logger: Logger = {
    info: (message) => void this.messages.push(message),
    warn: (message) => void this.messages.push(message),
  };
  readonly mayResume = false;
  attached: readonly CallbackContract[] = [];
  progress: RunProgress;
  get inspection(): never {
    throw new Error('this run has no model to look into');
  }
  stopReason: string | null = null;
  kernel = 0;
  private readonly background: Promise<void>[] = [];
  private readonly steps: number;
  private losses: number[] = [];

  constructor(private readonly plan: FakeRunPlan = {}) {
    this.epochs = plan.epochs ?? 1;
    this.initialEpoch = plan.initialEpoch ?? 0;
    this.steps = plan.steps ?? 1;
    this.stepsPerEpoch = plan.stepsKnown === false ? null : this.steps;
    this.validated = plan.validation !== undefined;
    this.verbose = plan.verbose ?? 0;
    this.progress = { epoch: 0, step: 0, totalSteps: 0, examples: 0, millisecondsPerStep: 0 };
  }

  runningLogs(): Logs {
    const loss = this.losses.reduce((sum, value) => sum + value, 0) / this.losses.length;
    return { loss, ...this.plan.metrics?.(this.progress.epoch) };
  }

  inBackground(work: Promise<void>): void {
    this.background.push(work);
  }

  stop(reason: string): void {
    this.stopReason ??= reason;
  }

  readWeights(): WeightSnapshot {
    return new Map([['kernel', { shape: [1], values: Float32Array.of(this.kernel) }]]);
  }

  writeWeights(snapshot: WeightSnapshot): void {
    this.kernel = snapshot.get('kernel')!.values[0]!;
  }

  /** Trains with these callbacks; rejects with what they throw, after detaching them. */
  async train(...callbacks: readonly CallbackContract[]): Promise<Logs> {
    const dispatcher = new CallbackDispatcher(callbacks);
    this.attached = callbacks;
    try {
      dispatcher.attach(this);
      await dispatcher.dispatch('onTrainBegin');
      let logs: Logs = {};
      for (let epoch = this.initialEpoch; epoch < this.epochs && this.stopReason === null; epoch++) {
        logs = await this.trainEpoch(dispatcher, epoch);
      }
      await dispatcher.dispatch('onTrainEnd', logs);
      await Promise.all(this.background);
      return logs;
    } finally {
      dispatcher.detach();
    }
  }

  private async trainEpoch(dispatcher: CallbackDispatcher, epoch: number): Promise<Logs> {
    this.losses = [];
    this.progress = { ...this.progress, epoch, step: 0, examples: 0, millisecondsPerStep: 0 };
    await dispatcher.dispatch('onEpochBegin', epoch);
    for (let batch = 0; batch < this.steps && this.stopReason === null; batch++) {
      await dispatcher.dispatch('onBatchBegin', batch);
      await this.plan.step?.(epoch, batch);
      const loss = this.plan.loss?.(epoch, batch) ?? 1 / (this.progress.totalSteps + 1);
      if (Number.isFinite(loss) || !dispatcher.gatesNonFinite) {
        this.losses.push(loss);
        this.kernel += 1;
      }
      const { step, totalSteps, examples } = this.progress;
      const millisecondsPerStep = this.plan.millisecondsPerStep ?? 2;
      this.progress = {
        epoch,
        step: step + 1,
        totalSteps: totalSteps + 1,
        examples: examples + 4,
        millisecondsPerStep,
      };
      await dispatcher.tell({ epoch, step, totalSteps, loss, weights: {}, layers: {}, withoutGradient: [] });
      await dispatcher.dispatch('onBatchEnd', batch, { loss });
    }
    const validated = await this.validate(dispatcher, epoch);
    const logs = { ...this.runningLogs(), ...validated };
    await dispatcher.dispatch('onEpochEnd', epoch, logs);
    return logs;
  }

  private async validate(dispatcher: CallbackDispatcher, epoch: number): Promise<Logs> {
    if (this.plan.validation === undefined || this.stopReason !== null) return {};
    await dispatcher.dispatch('onValidationBegin');
    const logs = this.plan.validation(epoch);
    await dispatcher.dispatch('onValidationEnd', logs);
    return logs;
  }
}
