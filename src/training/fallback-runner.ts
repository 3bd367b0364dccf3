import { TraceError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { Tensor } from '../engine/tfjs.js';
import type { ExecutionMode } from './execution-mode.js';
import type { Logs } from './logs.js';
import type { DeviceBatch } from './device-batch.js';
import type { RunningSums } from './running-sums.js';
import type { StepResult, StepRunner, TrainStepOptions } from './step-runner.js';
import type { TrainState } from './train-state.js';

/** Runs recorded until a step cannot be recorded, and from then on, after one warning, eagerly. */
export class FallbackRunner implements StepRunner {
  private current: StepRunner;

  constructor(
    recorded: StepRunner,
    private readonly eager: StepRunner,
    private readonly logger: Logger,
  ) {
    this.current = recorded;
  }

  get mode(): ExecutionMode {
    return this.current.mode;
  }

  get stepsPerCall(): number {
    return this.current.stepsPerCall;
  }

  get recordingCount(): StepRunner['recordingCount'] {
    return this.current.recordingCount;
  }

  train(state: TrainState, batches: readonly DeviceBatch[], options: TrainStepOptions): Promise<StepResult> {
    return this.attempt((runner) => runner.train(state, batches, options));
  }

  update(state: TrainState, options: Omit<TrainStepOptions, 'probes'>): Promise<readonly Logs[]> {
    return this.attempt((runner) => runner.update(state, options));
  }

  evaluate(sums: RunningSums, batch: DeviceBatch): Promise<void> {
    return this.attempt((runner) => runner.evaluate(sums, batch));
  }

  predict(x: Tensor): Promise<Tensor> {
    return this.attempt((runner) => runner.predict(x));
  }

  dispose(): void {
    this.current.dispose();
  }

  /** A recording that fails has changed nothing, so that the same step can be run again. */
  private async attempt<T>(step: (runner: StepRunner) => Promise<T>): Promise<T> {
    try {
      return await step(this.current);
    } catch (error) {
      if (!(error instanceof TraceError) || this.current === this.eager) throw error;
      this.logger.warn(`Steps run op by op, several times slower, because they cannot be recorded:\n${error.message}`);
      this.current.dispose();
      this.current = this.eager;
      return step(this.eager);
    }
  }
}
