import { IsNumber, IsPositive } from 'class-validator';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { DecayOptions } from './decay-options.js';
import { Schedule } from './declarations.js';
import { wholeElapsed } from './elapsed.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';

/** Options of {@link StepDecay}. */
export class StepDecayOptions extends DecayOptions {
  /** Factor of each fall, above 0. Default 0.1. */
  @IsNumber()
  @IsPositive()
  decayRate = 0.1;
}

/**
 * A learning rate that falls by a factor once every `decaySteps` updates.
 *
 * Formula: `rate(step) = initialLearningRate * decayRate^floor(step / decaySteps)`.
 *
 * When to use: the classic recipe of image networks, which falls tenfold every thirty epochs or so; count updates, which are
 * epochs times steps an epoch. For falls at places of your own choice take `PiecewiseConstantDecay`. It has no end.
 *
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { StepDecay } from 'adjoint';
 *
 * const schedule = new StepDecay({ initialLearningRate: 1, decaySteps: 100, decayRate: 0.5 });
 * console.log(schedule.valueAt(99), schedule.valueAt(100), schedule.valueAt(200)); // 1 0.5 0.25
 * ```
 *
 * @see https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
 */
@Schedule('adjoint/step-decay', StepDecayOptions)
export class StepDecay extends LearningRateSchedule<StepDecayOptions> {
  at(step: Tensor): Tensor {
    const { initialLearningRate, decaySteps, decayRate } = this.options;
    return tf.mul(initialLearningRate, tf.pow(decayRate, wholeElapsed(step, decaySteps)));
  }
}
