import { tf } from '../engine/tfjs.js';
import { Variable } from '../engine/variable.js';
import { OptimizerState } from '../optimizers/optimizer-state.js';
import { RunningSums } from './running-sums.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Everything that training changes, weights apart; in variables, so that both ways of running a step see the same. */
export class TrainState {
  readonly optimizer: OptimizerState;
  readonly sums: RunningSums;
  /** Counts steps, bad ones too: the draws of a step are keyed by it. */
  readonly randomStep: Variable;

  constructor(model: Trainable, plan: TrainingPlan) {
    this.optimizer = OptimizerState.create(plan.optimizer, []);
    this.sums = new RunningSums('train', plan.metrics);
    const zero = tf.scalar(0, 'int32');
    this.randomStep = Variable.create('random-step', zero);
    zero.dispose();
    this.ensure(model);
  }

  /** Makes slots for weights that have become trainable since, before a step that would update them. */
  ensure(model: Trainable): void {
    for (const [path, { handle, trainable }] of model.weightTree()) {
      if (trainable) this.optimizer.ensure(path, handle.variable);
    }
  }

  dispose(): void {
    this.optimizer.dispose();
    this.sums.dispose();
    this.randomStep.dispose();
  }
}
