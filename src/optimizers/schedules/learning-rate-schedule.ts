import { optionsClassOf, ownDeclaration, type NoOptions, type OptionsClass } from '../../core/declaration.js';
import { OptionsError, SetupError } from '../../core/errors.js';
import { formatValue } from '../../core/format-value.js';
import { parseOptions, type OptionsInput } from '../../core/parse-options.js';
import { formatShape } from '../../core/shape.js';
import { tf, type Tensor } from '../../engine/tfjs.js';

/** What a schedule is written to JSON as; an optimizer's `learningRate` takes it back. */
export interface ScheduleConfig {
  /** The name that `@Schedule` declares. */
  readonly name: string;
  readonly options: object;
}

/**
 * Base of every learning-rate schedule: a function of the number of updates made so far.
 *
 * The optimizer evaluates it inside the step, from its own count of updates, so that it costs no trip to the host and
 * holds recorded, several steps a call and after a resumed run. A step that was skipped, because it was not finite, is no
 * update; neither is a micro-batch whose gradient is only accumulated.
 *
 * When to use: give one of the built-in schedules to an optimizer as its `learningRate`; extend this class for another
 * curve. `at` is written in ops and is recorded once: what it reads from JavaScript, other than the step, stays as it
 * was. For a rate that follows the losses, or that you set by hand, use `ReduceLROnPlateau`, `LearningRateScheduler` or
 * `optimizer.learningRate = ...` instead.
 *
 * @throws OptionsError [unknown-option | invalid-option] in the constructor
 * @throws SetupError [schedule-result] in the step, where `at` returns something else than a float32 scalar
 *
 * @example
 * ```ts
 * import { IsNumber } from 'class-validator';
 * import { layers, LearningRateSchedule, Schedule, sequential, SGD, tf, type Tensor } from 'adjoint';
 *
 * class RootDecayOptions {
 *   @IsNumber() initialLearningRate = 0.1;
 * }
 *
 * @Schedule('app/root-decay', RootDecayOptions)
 * class RootDecay extends LearningRateSchedule<RootDecayOptions> {
 *   at(step: Tensor): Tensor {
 *     return tf.mul(this.options.initialLearningRate, tf.rsqrt(tf.add(step, 1)));
 *   }
 * }
 * const schedule = new RootDecay();
 * console.log(schedule.valueAt(0), schedule.valueAt(3)); // 0.1 and 0.05, in single precision
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: new SGD({ learningRate: schedule }), loss: 'meanSquaredError' });
 * await model.fit([[1], [2]], [[2], [4]], { epochs: 2, verbose: 0 });
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/optimizers/learning_rate_schedules/
 */
export abstract class LearningRateSchedule<O extends object = NoOptions> {
  readonly options: O;

  constructor(options?: OptionsInput<O>) {
    const scheduleClass = new.target;
    const optionsClass = optionsClassOf(scheduleClass) as OptionsClass<O>;
    this.options = parseOptions(optionsClass, options, `schedule ${scheduleClass.name}`);
  }

  /**
   * The learning rate of one update, in ops.
   *
   * @param step - number of updates made before it, a float32 scalar; exact up to 2^24
   * @returns the rate, a float32 scalar
   */
  abstract at(step: Tensor): Tensor;

  /**
   * The learning rate after a number of updates, as a number: to look at a schedule or to plot it.
   *
   * @param step - number of updates, a whole number of at least 0
   * @throws OptionsError [schedule-step]
   */
  valueAt(step: number): number {
    if (typeof step !== 'number' || !Number.isInteger(step) || step < 0) {
      throw new OptionsError('schedule-step', {
        where: `valueAt of schedule ${this.constructor.name}`,
        expected: 'a whole number of updates of at least 0',
        received: formatValue(step),
      });
    }
    const rate = rateAt(this, tf.scalar(step));
    try {
      return rate.dataSync()[0]!;
    } finally {
      rate.dispose();
    }
  }

  /**
   * Name and options, from which an optimizer makes the schedule again.
   *
   * @throws SetupError [not-declared] for a class without `@Schedule`
   */
  toJSON(): ScheduleConfig {
    const declaration = ownDeclaration(this.constructor);
    if (declaration !== undefined) return { name: declaration.name, options: { ...this.options } };
    throw new SetupError('not-declared', {
      where: `toJSON of schedule ${this.constructor.name}`,
      expected: 'a class that is declared by a name',
      received: 'a class without @Schedule',
      fix: `write @Schedule('app/${this.constructor.name.toLowerCase()}') above the class`,
    });
  }
}

/** A schedule's rate, checked; `step` is freed. */
export function rateAt(schedule: LearningRateSchedule<object>, step: Tensor): Tensor {
  try {
    return tf.tidy(() => {
      const rate: unknown = schedule.at(tf.cast(step, 'float32'));
      if (rate instanceof tf.Tensor && rate.rank === 0 && rate.dtype === 'float32') return rate;
      throw wrongResult(schedule, rate);
    });
  } finally {
    step.dispose();
  }
}

function wrongResult(schedule: LearningRateSchedule<object>, rate: unknown): SetupError {
  // Nobody awaits it, and what it may fail with would end the process.
  if (rate instanceof Promise) rate.catch(() => {});
  return new SetupError('schedule-result', {
    where: `at of schedule ${schedule.constructor.name}`,
    expected: 'a float32 scalar',
    received: rate instanceof tf.Tensor ? `${rate.dtype} ${formatShape(rate.shape)}` : formatValue(rate),
    fix: 'compute the rate from the step in tf ops, e.g. tf.mul(0.1, tf.pow(0.5, tf.div(step, 1000)))',
  });
}
