import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../core/logger.js';
import type { Batch } from '../data/example.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { BackgroundWork } from './background-work.js';
import { BatchFeed } from './batch-feed.js';
import type { ExecutionMode } from './execution-mode.js';
import type { CallbackContract, RunProgress, TrainingRun } from './callback-contract.js';
import type { Logs } from './logs.js';
import type { CallbackDispatcher } from './callback-dispatcher.js';
import { BatchReader } from './batch-reader.js';
import type { CheckpointPoint } from './checkpoint-contract.js';
import type { FitPlan } from './fit-plan.js';
import { Interruption } from './interruption.js';
import type { StoredTraining } from './restore-training.js';
import { describeResumed, RunCheckpoints, whyFinished } from './run-checkpoints.js';
import { RunPosition } from './run-position.js';
import type { RunQueue } from './run-queue.js';
import { readProbes } from './probe-layout.js';
import type { RunInspection } from './run-inspection.js';
import { SettingLogs } from './setting-logs.js';
import { StepCalls } from './step-calls.js';
import type { StepRunner } from './step-runner.js';
import type { TrainState } from './train-state.js';
import type { TrainingPosition } from './training-snapshot.js';
import type { WeightSnapshot } from './weight-snapshot.js';

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
  readonly mayResume: boolean;
  stopReason: string | null = null;
  private readonly position: RunPosition;
  /** The last epoch's. */
  private logs: Logs = {};
  /** What listens for signals of the system, while the run goes on. */
  private interruption: Interruption | undefined;
  private readonly background = new BackgroundWork();
  private readonly checkpoints: RunCheckpoints;
  /** Time spent on batches that are not yet trained on. */
  private gathering = 0;
  private readonly feed: BatchFeed;
  private readonly settingLogs: SettingLogs;
  private readonly reader: BatchReader;
  private readonly calls: StepCalls;
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
    this.position = new RunPosition(plan.initialEpoch, plan.stepsBefore, plan.firstPass);
    this.stepsPerEpoch = plan.stepsPerEpoch ?? plan.batches.size;
    this.validated = plan.validate !== undefined;
    this.verbose = plan.verbose;
    this.optimizer = plan.optimizer;
    this.logger = plan.logger;
    this.settingLogs = new SettingLogs(plan.optimizer, plan.logger);
    this.feed = new BatchFeed(plan.batches, plan.firstPass, plan.signal, plan.where);
    const watched = callbacks.wantsEveryBatch ? plan.logEvery : Infinity;
    this.reader = new BatchReader(this.feed, runner, callbacks, { ...plan, watched });
    this.mayResume = plan.mayResume;
    this.calls = new StepCalls(plan, runner, queue, callbacks);
    this.checkpoints = new RunCheckpoints(plan, callbacks, makeState, this.settingLogs, () => this.mode);
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
    return this.position.progress;
  }

  get inspection(): RunInspection {
    const { trained, gated } = this.plan;
    const { lastBatches, badUpdate } = this.calls;
    const { recordingCount } = this.runner;
    const { makeState } = this;
    const looked = { ...trained, batches: lastBatches, badUpdate, recordingCount, gated };
    // Some look at every step, and few of them at the state.
    return {
      ...looked,
      get state() {
        return makeState();
      },
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

  get attached(): readonly CallbackContract[] {
    return this.callbacks.callbacks;
  }

  inBackground(work: Promise<void>): void {
    this.background.add(work);
  }

  /** Trains; resolves to the last epoch's logs. */
  async run(): Promise<Logs> {
    if (this.callbacks.checkpoints.callbacks.length > 0) {
      this.interruption = new Interruption((signal) => this.interrupt(signal));
    }
    try {
      await this.trainEpochs();
      return this.logs;
    } finally {
      try {
        await this.feed.close();
        await this.background.settle();
      } finally {
        this.interruption?.stop();
      }
    }
  }

  private async trainEpochs(): Promise<void> {
    const first = await this.timed(() => this.feed.peek());
    this.plan.checkBatch(first, true);
    this.checkpoints.begin(first);
    if (this.plan.resumed === null) await this.callbacks.dispatch('onTrainBegin');
    else await this.resume(this.plan.resumed, first);
    while (this.position.epoch < this.epochs && this.stopReason === null) {
      if (!(await this.trainEpoch())) break;
      await this.offerCheckpoint('epoch', this.callbacks.checkpoints.callbacks, this.position.epoch - 1);
    }
    if (this.interrupted) await this.offerCheckpoint('interruption', this.callbacks.checkpoints.callbacks);
    // Steps counted off a pass over several epochs leave its rest to nobody.
    await this.feed.leavePass();
    await this.callbacks.dispatch('onTrainEnd', this.logs);
    await this.background.settle();
    this.background.throwIfFailed();
  }

  /** Puts back what a checkpoint holds; all of it is looked at before anything is changed. */
  private async resume(stored: StoredTraining, first: Batch): Promise<void> {
    const { position } = stored.record;
    const restore = this.checkpoints.prepare(stored, first);
    await this.feed.skip(position.taken);
    this.position.restore(position);
    this.isLogged = position.step % this.plan.logEvery === 0;
    const finished = whyFinished(position, this.epochs);
    this.logger.info(`${this.plan.where} ${describeResumed(stored, this.epochs)}`);
    await this.callbacks.dispatch('onTrainBegin');
    if (position.next !== 'begin' && finished === null) await this.callbacks.dispatch('onEpochBegin', position.epoch);
    this.logs = await this.queue.step(async () => restore());
    this.checkpoints.restoreCallbacks(stored);
    this.stopReason ??= position.stopReason;
  }

  /** @returns whether the epoch came to its end */
  private async trainEpoch(): Promise<boolean> {
    const { position } = this;
    if (position.next === 'begin') await this.beginEpoch();
    if (position.next === 'steps') {
      await this.trainPass();
      if (this.interrupted) return false;
      await this.calls.update(this.makeState());
      this.calls.giveBack(this.makeState());
      // Stopped by onEpochBegin: there is no epoch to tell of.
      if (position.step === 0) return false;
      position.next = 'validation';
    }
    const running = this.runningLogs();
    const state = this.makeState();
    const settings = this.settingLogs.read(state, running);
    const validated = await this.validation();
    if (validated === null) return false;
    this.logs = { ...running, ...settings, ...validated };
    await this.callbacks.dispatch('onEpochEnd', position.epoch, this.logs);
    this.plan.signal?.throwIfAborted();
    position.endEpoch();
    return true;
  }

  private async offerCheckpoint(
    at: CheckpointPoint['at'],
    callbacks: readonly CallbackContract[],
    epoch = this.position.epoch,
  ): Promise<void> {
    if (callbacks.length === 0) return;
    await this.callbacks.saveCheckpoints(callbacks, {
      at,
      epoch,
      totalSteps: this.position.totalSteps,
      logs: at === 'epoch' ? this.logs : null,
      isLast: this.stopReason !== null || this.position.epoch >= this.epochs,
      snapshot: () => this.queue.step(async () => this.checkpoints.capture(this.savedPosition(), this.logs)),
    });
  }

  /** A run that a signal ended is not over. */
  private savedPosition(): TrainingPosition {
    return this.position.save(this.interrupted ? null : this.stopReason);
  }

  private get interrupted(): boolean {
    return this.interruption?.signal.aborted === true;
  }

  private interrupt(signal: string): boolean {
    if (this.stopReason !== null) return false;
    this.stopReason = `${signal} was received; fit with resume goes on from the last checkpoint`;
    return true;
  }

  /** The steps of one epoch: a whole pass or, where steps are counted, as many as asked for, pass after pass. */
  private async trainPass(): Promise<void> {
    const limit = this.plan.stepsPerEpoch;
    while (this.stopReason === null && (limit === undefined || this.position.step < limit)) {
      const batches = await this.timed(() => this.nextBatches());
      if (batches === null) return;
      if (batches.length > 0) {
        await this.trainOnAll(batches);
        continue;
      }
      this.position.endPass();
      if (limit === undefined) return;
    }
  }

  /** `null` where a signal ends the run before they are there. */
  private nextBatches(): Promise<Batch[] | null> {
    const batches = this.reader.next(this.position.step, this.position.totalSteps);
    return this.interruption?.until(batches) ?? batches;
  }

  /** By one call where there are as many as a call takes; the rest of a pass one by one. */
  private async trainOnAll(batches: readonly Batch[]): Promise<void> {
    const whole = batches.length === this.reader.stepsPerCall(this.position.totalSteps);
    const calls = whole ? [batches] : batches.map((batch) => [batch]);
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
    this.position.beginEpoch();
    this.isLogged = true;
    const state = this.makeState();
    state.sums.reset();
    state.means.reset();
    // What an aborted run has left of a group.
    state.gradientSums?.reset();
    await this.callbacks.dispatch('onEpochBegin', this.position.epoch);
  }

  private async trainOn(hostBatches: readonly Batch[], isLast: boolean): Promise<void> {
    this.plan.signal?.throwIfAborted();
    for (const batch of hostBatches) this.plan.checkBatch(batch, false);
    const { position } = this;
    if (this.isLogged) await this.callbacks.dispatch('onBatchBegin', position.step);
    this.isLogged = this.endsLogged(hostBatches.length);
    const start = performance.now();
    const state = this.makeState();
    const probes = this.callbacks.probes.due(position.totalSteps);
    const after = hostBatches.length;
    const meanwhile = () => {
      if (isLast && this.stopReason === null) this.reader.readAhead(position.step + after, position.totalSteps + after);
    };
    const { logs, probed } = await this.calls.train(state, hostBatches, { isLogged: this.isLogged, probes, meanwhile });
    position.advance(hostBatches, this.gathering + performance.now() - start);
    this.gathering = 0;
    if (this.plan.ownStep) {
      const gated = this.plan.gated || state.lossScale?.isDynamic === true;
      for (const [i, { size }] of hostBatches.entries()) state.means.add(logs[i]!, size, gated);
    }
    const updateLogs = await this.calls.countMicroBatch(state);
    if (probed !== null) {
      const at = { ...position.lastStep, loss: logs.at(-1)?.loss ?? NaN };
      await this.callbacks.tell(readProbes(probed.layout, probed.vector, at));
    }
    const last = logs.length === 0 ? undefined : { ...logs.at(-1), ...updateLogs };
    if (last !== undefined && this.isLogged) await this.callbacks.dispatch('onBatchEnd', position.step - 1, last);
    this.calls.giveBack(state);
    const saving = this.callbacks.checkpoints.due(position.totalSteps);
    if (this.stopReason === null) await this.offerCheckpoint('step', saving);
    this.background.throwIfFailed();
    // Timers, signals and requests of the surrounding service get their turn between two steps.
    await nextTurn();
    this.plan.signal?.throwIfAborted();
  }

  /** Whether so many steps more complete `logEvery` of them, or an epoch whose length is known. */
  private endsLogged(steps: number): boolean {
    const { logEvery } = this.plan;
    const { step } = this.position;
    if (step + steps === this.stepsPerEpoch) return true;
    return Math.floor((step + steps) / logEvery) > Math.floor(step / logEvery);
  }

  /** `null` where a signal ends the run before. */
  private async validation(): Promise<Logs | null> {
    if (this.plan.validate === undefined) return {};
    await this.callbacks.dispatch('onValidationBegin');
    const measured = await this.measure(this.plan.validate);
    if (measured === null) return null;
    const logs = Object.fromEntries(Object.entries(measured).map(([name, value]) => [`val_${name}`, value] as const));
    await this.callbacks.dispatch('onValidationEnd', logs);
    return logs;
  }

  private measure(validate: NonNullable<FitPlan['validate']>): Promise<Logs | null> {
    const measured = validate(this.interruption?.signal);
    return this.interruption?.until(measured) ?? measured;
  }
}
