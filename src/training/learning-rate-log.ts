import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { Logs } from './logs.js';
import type { TrainState } from './train-state.js';

/** Logs the learning rate of an epoch, once it is or was another one than the number the optimizer was made with. */
export class LearningRateLog {
  /** Whether it ever was another one. */
  changed = false;

  constructor(private readonly optimizer: BaseOptimizer) {}

  /** @param logs - the epoch's other logs, in which a model's own step may have an entry of that name */
  read(state: TrainState, logs: Logs): Logs {
    const { optimizer } = this;
    // A step of the model's own may have no use for the optimizer of `compile`.
    if ('learningRate' in logs || !state.usedOptimizers().includes(optimizer)) return {};
    optimizer.rateToFeed(state.stateOf(optimizer).iterations);
    const { learningRate } = optimizer;
    this.changed ||= optimizer.schedule !== null || learningRate !== optimizer.options.learningRate;
    return this.changed ? { learningRate } : {};
  }
}
