import type { Batch } from '../data/example.js';
import type { CallbackDispatcher } from './callback-dispatcher.js';
import type { Logs } from './logs.js';
import { disposeBatch, toDeviceBatch, type DeviceBatch } from './device-batch.js';
import type { FitPlan } from './fit-plan.js';
import type { ProbeSet } from './probe-contract.js';
import type { RunQueue } from './run-queue.js';
import type { StepResult, StepRunner } from './step-runner.js';
import type { TrainState } from './train-state.js';
import { UPDATED } from './update-step.js';

/** How the steps of one call are run. */
interface StepCall {
  /** Whether callbacks get the last step's logs. */
  readonly isLogged: boolean;
  readonly probes: ProbeSet | null;
  /** Called once the steps are under way. */
  readonly meanwhile: () => void;
}

/** Runs the steps of a run of `fit` on batches in host memory. */
export class StepCalls {
  /** What the last call trained on, while hooks may look at it. */
  lastBatches: readonly Batch[] = [];
  /** Whether the last update, of a group of batches that were each finite, was not. */
  badUpdate = false;
  /** Whether the sums of an update that was not made are still there. */
  private sumsLeft = false;
  /** Whether a batch of the group was not finite, and its update cannot be. */
  private groupIsBad = false;

  constructor(
    private readonly plan: FitPlan,
    private readonly runner: StepRunner,
    private readonly queue: RunQueue,
    private readonly callbacks: CallbackDispatcher,
  ) {}

  /** @param hostBatches - one a step */
  async train(state: TrainState, hostBatches: readonly Batch[], call: StepCall): Promise<StepResult> {
    const result = await this.queue.step(() => this.run(state, hostBatches, call));
    for (const logs of result.logs) if (!Object.values(logs).every(Number.isFinite)) this.groupIsBad = true;
    return result;
  }

  /** Updates where a group of batches is complete. */
  async countMicroBatch(state: TrainState): Promise<Logs> {
    return state.gradientSums?.completes(this.plan.accumulateSteps) === true ? this.update(state) : {};
  }

  /** Updates by a group of batches that is complete, or that the end of an epoch ends. */
  async update(state: TrainState): Promise<Logs> {
    const sums = state.gradientSums;
    if (sums === null || sums.pending === 0) return {};
    const options = { gated: this.plan.gated, fetchLogs: this.callbacks.hears('onBatchEnd') };
    const [logs] = await this.queue.step(() => this.runner.update(state, options));
    sums.pending = 0;
    const { [UPDATED]: updated, ...told } = logs ?? {};
    this.sumsLeft = updated === 0;
    this.badUpdate = this.sumsLeft && !this.groupIsBad;
    this.groupIsBad = false;
    return this.badUpdate ? { ...told, loss: NaN } : told;
  }

  /** Nobody looks at the last batches again, and at the sums of an update that was not made. */
  giveBack(state: TrainState): void {
    if (this.sumsLeft) state.gradientSums?.reset();
    this.sumsLeft = false;
    this.badUpdate = false;
    for (const batch of this.lastBatches) this.plan.batches.giveBack(batch);
    this.lastBatches = [];
  }

  private async run(
    state: TrainState,
    hostBatches: readonly Batch[],
    { isLogged, probes, meanwhile }: StepCall,
  ): Promise<StepResult> {
    const batches: DeviceBatch[] = [];
    try {
      const prepared = hostBatches.map((batch) => this.plan.prepareBatch(batch));
      this.lastBatches = prepared;
      for (const batch of prepared) batches.push(toDeviceBatch(batch));
      this.plan.rehearse(state, batches[0]!);
      const running = this.runner.train(state, batches, {
        gated: this.plan.gated,
        fetchLogs: this.plan.ownStep || probes !== null || (isLogged && this.callbacks.hears('onBatchEnd')),
        probes,
      });
      meanwhile();
      return await running;
    } finally {
      for (const batch of batches) disposeBatch(batch);
    }
  }
}
