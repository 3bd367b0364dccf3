import { tf } from '../engine/tfjs.js';
import { Variable } from '../engine/variable.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { OptimizerState } from '../optimizers/optimizer-state.js';
import { LogMeans } from './log-means.js';
import { RunningSums } from './running-sums.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Everything that training changes, weights apart; in variables, so that both ways of running a step see the same. */
export class TrainState {
  readonly sums: RunningSums;
  /** Means of what a model's own step logs. */
  readonly means = new LogMeans();
  /** Counts steps, bad ones too: the draws of a step are keyed by it. */
  readonly randomStep: Variable;
  /** State by optimizer, in the order of first use; the plan's own first. */
  private readonly optimizers = new Map<BaseOptimizer, OptimizerState>();

  constructor(
    model: Trainable,
    private readonly plan: TrainingPlan,
  ) {
    this.sums = new RunningSums('train', plan.metrics);
    const zero = tf.scalar(0, 'int32');
    this.randomStep = Variable.create('random-step', zero);
    zero.dispose();
    try {
      this.ensure(model);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** The state of the plan's own optimizer. */
  get optimizer(): OptimizerState {
    return this.stateOf(this.plan.optimizer);
  }

  /** The state of an optimizer, made at the first question. */
  stateOf(optimizer: BaseOptimizer): OptimizerState {
    let state = this.optimizers.get(optimizer);
    if (state === undefined) this.optimizers.set(optimizer, (state = OptimizerState.create(optimizer, [])));
    return state;
  }

  /** The optimizers that have state. */
  usedOptimizers(): readonly BaseOptimizer[] {
    return [...this.optimizers.keys()];
  }

  /** Makes slots for weights that have become trainable since, before a step that would update them. */
  ensure(model: Trainable): void {
    // A model's own step says itself which weights it updates, in its rehearsal.
    if (model.trainStep !== undefined) return;
    for (const [path, { handle, trainable }] of model.weightTree()) {
      if (trainable) this.optimizer.ensure(path, handle.variable);
    }
  }

  dispose(): void {
    for (const state of this.optimizers.values()) state.dispose();
    this.optimizers.clear();
    this.sums.dispose();
    this.randomStep.dispose();
  }
}
