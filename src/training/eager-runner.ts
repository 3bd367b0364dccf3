import type { Tensor } from '../engine/tfjs.js';
import type { Logs } from './logs.js';
import type { DeviceBatch } from './device-batch.js';
import { evaluateStep, predictStep } from './evaluate-step.js';
import { PROBES, ProbeRun } from './probe-run.js';
import type { RunningSums } from './running-sums.js';
import type { StepResult, StepRunner, TrainStepOptions } from './step-runner.js';
import { fetchLogs, fetchProbes, withLearningRates } from './step-scalars.js';
import { trainStep } from './train-step.js';
import type { TrainState } from './train-state.js';
import { updateStep } from './update-step.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Calls the step op by op. */
export class EagerRunner implements StepRunner {
  readonly mode = 'eager';
  readonly stepsPerCall = 1;
  readonly recordingCount = null;

  constructor(
    private readonly model: Trainable,
    private readonly plan: TrainingPlan,
  ) {}

  train(state: TrainState, batches: readonly DeviceBatch[], options: TrainStepOptions): Promise<StepResult> {
    const { gated, fetchLogs: wanted, probes = null } = options;
    if (probes !== null) state.previousGradients.ensure(probes, this.model);
    return withLearningRates(state, async (learningRates) => {
      let probed: StepResult['probed'] = null;
      const logs = batches.flatMap((batch) => {
        const probe = probes && new ProbeRun(probes, state.previousGradients);
        const made = trainStep(this.model, this.plan, state, { batch, learningRates }, gated, probe);
        const { [PROBES]: vector, ...scalars } = made;
        if (probe !== null) probed = fetchProbes(vector!, probe.layout);
        return fetchLogs(scalars, wanted);
      });
      return { logs, probed };
    });
  }

  update(state: TrainState, options: Omit<TrainStepOptions, 'probes'>): Promise<readonly Logs[]> {
    const { gated, fetchLogs: wanted } = options;
    return withLearningRates(state, async (learningRates) =>
      fetchLogs(updateStep(this.model, this.plan, state, learningRates, gated, gated && wanted), wanted),
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
