import { OptionsError, StateError } from '../core/errors.js';
import { optionsClassOf, type OptionsClass } from '../core/declaration.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { refuseBaking } from '../engine/record/recording-state.js';
import type { Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import type { GradientTransform } from './gradient-transform.js';
import { OptimizerOptions } from './optimizer-options.js';
import { LearningRateSchedule } from './schedules/learning-rate-schedule.js';
import { withSchedule } from './schedules/resolve-schedule.js';

/** Everything that the update of one weight may use. */
export interface WeightUpdate {
  /** Path of the weight. */
  readonly path: string;
  readonly variable: Variable;
  /** The weight's value at the step's start. */
  readonly value: Tensor;
  readonly gradient: Tensor;
  /** The weight's slots, by the names that `slots` gives. */
  readonly slots: Readonly<Record<string, Variable>>;
  /** The optimizer's own scalars, by the names that `scalars` gives, as read at the step's start. */
  readonly scalars: Readonly<Record<string, Tensor>>;
  /** Scalar; fed each step or computed in it by a schedule, never baked into a recording. */
  readonly learningRate: Tensor;
}

/**
 * Base of every optimizer: a chain of pure gradient transforms and one rule that updates a weight.
 *
 * An optimizer holds options only. Its state lives in variables that belong to the model that it trains, keyed by
 * weight path, so that one optimizer may serve several models.
 *
 * When to use: extend it for an update rule of your own; declare the state it needs with `slots`.
 *
 * @throws OptionsError [unknown-option | invalid-option] in the constructor
 *
 * @example
 * ```ts
 * import { BaseOptimizer, layers, Optimizer, sequential, tf, type WeightUpdate } from 'adjoint';
 *
 * @Optimizer('app/sign-descent')
 * class SignDescent extends BaseOptimizer {
 *   apply({ variable, gradient, learningRate }: WeightUpdate): void {
 *     variable.assignAdd(tf.neg(tf.mul(learningRate, tf.sign(gradient))));
 *   }
 * }
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: new SignDescent({ learningRate: 0.01 }), loss: 'meanSquaredError' });
 * await model.fit([[1], [2]], [[2], [4]], { epochs: 2, verbose: 0 });
 * model.dispose();
 * ```
 *
 * @see https://optax.readthedocs.io, whose transforms are the model of this design
 */
export abstract class BaseOptimizer<O extends OptimizerOptions = OptimizerOptions> {
  readonly options: O;
  /** The learning-rate schedule in force; `null` where the learning rate is a number. */
  readonly schedule: LearningRateSchedule<object> | null;
  /** NaN where there is a schedule. */
  private rate: number;
  /** Counts of updates of the models that were trained, that of the last one last. */
  private counts: readonly Variable[] = [];

  constructor(options?: OptionsInput<O>) {
    const optimizerClass = new.target;
    const where = `optimizer ${optimizerClass.name}`;
    const optionsClass = optionsClassOf(optimizerClass, OptimizerOptions) as OptionsClass<O>;
    this.options = parseOptions(optionsClass, withSchedule(options, where), where);
    const { learningRate } = this.options;
    this.schedule = learningRate instanceof LearningRateSchedule ? learningRate : null;
    this.rate = learningRate instanceof LearningRateSchedule ? NaN : learningRate;
  }

  /**
   * Step size; may be set between steps and holds from the next step on.
   *
   * Where a schedule is in force, the rate of the next update, of the model that this optimizer trained last; reading it
   * waits for the device. It cannot be set then.
   *
   * @throws OptionsError [invalid-option], and StateError [scheduled] where a schedule is in force
   */
  get learningRate(): number {
    refuseBaking(
      `learningRate of optimizer ${this.constructor.name}`,
      'use the learningRate that apply is given, a tensor',
    );
    return this.schedule === null ? this.rate : this.schedule.valueAt(this.updates());
  }
  set learningRate(value: number) {
    if (this.schedule !== null) {
      throw new StateError('scheduled', {
        where: `learningRate of optimizer ${this.constructor.name}`,
        expected: 'a learning rate that is a number, to be changed by hand',
        received: `a new value while the schedule ${this.schedule.constructor.name} is in force`,
        fix: 'make the optimizer with a number as its learningRate, or put the change into the schedule',
      });
    }
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
      throw new OptionsError('invalid-option', {
        where: `learningRate of optimizer ${this.constructor.name}`,
        expected: 'a finite number of at least 0',
        received: String(value),
      });
    }
    this.rate = value;
  }

  /**
   * What a step of the model with this count of updates is fed; NaN where it computes the rate from a schedule.
   *
   * @internal
   */
  rateToFeed(iterations: Variable): number {
    if (this.counts.at(-1) !== iterations) {
      this.counts = [...this.counts.filter((count) => count !== iterations && !count.isDisposed), iterations];
    }
    return this.rate;
  }

  /** The optimizer's own transforms, run after clipping and before the update. Default none. */
  transforms(): readonly GradientTransform[] {
    return [];
  }

  /** Initial values of the slots that each weight needs, filled to the weight's shape. Default none. */
  slots(): Readonly<Record<string, number>> {
    return {};
  }

  /** Initial values of the optimizer's own float32 scalars. Default none. */
  scalars(): Readonly<Record<string, number>> {
    return {};
  }

  /**
   * Updates one weight and its slots, by a fused TensorFlow kernel where one computes the same. Written in ops only: it
   * reads nothing on the host. A step that must not count is undone by the caller.
   */
  abstract apply(update: WeightUpdate): void;

  /** Moves the optimizer's scalars on, once a step after every weight. Default: they stay. */
  advance(_scalars: Readonly<Record<string, Variable>>): void {}

  private updates(): number {
    const last = this.counts.filter(({ isDisposed }) => !isDisposed).at(-1);
    if (last === undefined) return 0;
    const count = last.read();
    try {
      return count.dataSync()[0]!;
    } finally {
      count.dispose();
    }
  }
}
