import { tf, type Tensor } from '../engine/tfjs.js';
import type { DeviceBatch } from './device-batch.js';
import { evaluateStep, predictStep } from './evaluate-step.js';
import type { RunningSums } from './running-sums.js';
import type { StepRunner, TrainStepOptions } from './step-runner.js';
import { trainStep } from './train-step.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Calls the step op by op. */
export class EagerRunner implements StepRunner {
  readonly mode = 'eager';

  constructor(
    private readonly model: Trainable,
    private readonly plan: TrainingPlan,
  ) {}

  async train(state: TrainState, batch: DeviceBatch, options: TrainStepOptions): Promise<number | null> {
    const learningRate = tf.scalar(this.plan.optimizer.learningRate);
    try {
      const loss = trainStep(this.model, this.plan, state, { batch, learningRate }, options.gated);
      const value = options.fetchLoss ? loss.dataSync()[0]! : null;
      loss.dispose();
      return value;
    } finally {
      learningRate.dispose();
    }
  }

  async evaluate(sums: RunningSums, batch: DeviceBatch): Promise<void> {
    evaluateStep(this.model, this.plan, sums, batch);
  }

  async predict(x: Tensor): Promise<Tensor> {
    return predictStep(this.model, this.plan.seed, x);
  }

  dispose(): void {}
}
