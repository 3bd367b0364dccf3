import type { Tensor } from '../engine/tfjs.js';
import type { Logs } from './callback-contract.js';
import type { DeviceBatch } from './device-batch.js';
import { evaluateStep, predictStep } from './evaluate-step.js';
import type { RunningSums } from './running-sums.js';
import type { StepRunner, TrainStepOptions } from './step-runner.js';
import { fetchLogs, withLearningRates } from './step-scalars.js';
import { trainStep } from './train-step.js';
import type { TrainState } from './train-state.js';
import { updateStep } from './update-step.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Calls the step op by op. */
export class EagerRunner implements StepRunner {
  readonly mode = 'eager';
  readonly stepsPerCall = 1;

  constructor(
    private readonly model: Trainable,
    private readonly plan: TrainingPlan,
  ) {}

  train(state: TrainState, batches: readonly DeviceBatch[], options: TrainStepOptions): Promise<Logs[]> {
    return withLearningRates(state, async (learningRates) =>
      batches.flatMap((batch) =>
        fetchLogs(trainStep(this.model, this.plan, state, { batch, learningRates }, options.gated), options.fetchLogs),
      ),
    );
  }

  update(state: TrainState, options: TrainStepOptions): Promise<Logs[]> {
    return withLearningRates(state, async (learningRates) =>
      fetchLogs(updateStep(this.model, this.plan, state, learningRates, options.gated), options.fetchLogs),
    );
  }

  async evaluate(sums: RunningSums, batch: DeviceBatch): Promise<void> {
    evaluateStep(this.model, this.plan, sums, batch);
  }

  async predict(x: Tensor): Promise<Tensor> {
    return predictStep(this.model, this.plan, x);
  }

  dispose(): void {}
}
