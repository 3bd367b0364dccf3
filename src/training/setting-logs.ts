import type { Logger } from '../core/logger.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { Logs } from './logs.js';
import type { TrainState } from './train-state.js';

/** What an epoch's logs say of the settings that move while training: learning rate and loss scale. */
export class SettingLogs {
  /** Whether the learning rate ever was another one than the number the optimizer was made with; else it is not logged. */
  changed = false;
  private warned = false;

  constructor(
    private readonly optimizer: BaseOptimizer,
    private readonly logger: Logger,
  ) {}

  /** @param logs - the epoch's other logs, in which a model's own step may have an entry of that name */
  read(state: TrainState, logs: Logs): Logs {
    return { ...this.learningRate(state, logs), ...this.lossScale(state, logs) };
  }

  private learningRate(state: TrainState, logs: Logs): Logs {
    const { optimizer } = this;
    // A step of the model's own may have no use for the optimizer of `compile`.
    if ('learningRate' in logs || !state.usedOptimizers().includes(optimizer)) return {};
    optimizer.rateToFeed(state.stateOf(optimizer).iterations);
    const { learningRate } = optimizer;
    this.changed ||= optimizer.schedule !== null || learningRate !== optimizer.options.learningRate;
    return this.changed ? { learningRate } : {};
  }

  private lossScale(state: TrainState, { loss }: Logs): Logs {
    const logs = state.lossScale?.hostLogs() ?? {};
    // A loss that is a mean over no step: each was left out, and the scale can fall no further.
    if (logs['lossScale'] === 1 && Number.isNaN(loss) && !this.warned) {
      this.warned = true;
      this.logger.warn(
        'no step of this epoch was made: with a loss scale of 1, too, the loss or a gradient is beyond float16, whose ' +
          "largest number is 65504. Take precision: 'mixed_bfloat16', scale the inputs, or name the layer in " +
          'float32Layers; new NonFiniteGuard() among the callbacks says which op it is.',
      );
    }
    return logs;
  }
}
