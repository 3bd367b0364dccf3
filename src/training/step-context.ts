import { IsInstance, IsOptional } from 'class-validator';
import type { OptionsInput } from '../core/parse-options.js';
import type { PathPredicate } from '../core/path-predicate.js';
import type { Tensor } from '../engine/tfjs.js';
import type { CallContext } from '../layers/call-context.js';
import { BaseOptimizer } from '../optimizers/base-optimizer.js';

/** Options of {@link StepContext.minimize}. */
export class MinimizeOptions {
  /** Paths of the weights to update. Default all trainable ones. */
  @IsOptional()
  weights?: PathPredicate;

  /** What updates them; one object for each objective, made once. Default the one given to `compile`. */
  @IsOptional()
  @IsInstance(BaseOptimizer as unknown as new () => BaseOptimizer)
  optimizer?: BaseOptimizer;
}

/**
 * What a model's own `trainStep` is given besides the batch: the context for its layers' calls, and the update.
 *
 * Formula of `minimize`: `weights = optimizer(weights, clip(d (loss + penalties) / d weights))`.
 *
 * When to use: a step may minimise several losses in turn, each over weights and with an optimizer of its own, as a GAN
 * does. Layers called with `step.call` run in training mode; one that is to stay as it is, such as a teacher, is called
 * without a context.
 *
 * `trainStep` is called once more than there are steps or recordings: its first run, the rehearsal, builds layers and the
 * optimizers' slots and changes nothing. A recorded step runs its JavaScript while it is recorded and never again.
 *
 * @example
 * ```ts
 * import { BaseModel, Child, layers, MeanSquaredError, Model, tf, type StepBatch, type StepContext, type Tensor } from 'adjoint';
 *
 * const squared = new MeanSquaredError();
 *
 * @Model('app/denoiser')
 * class Denoiser extends BaseModel {
 *   @Child() body = layers.dense({ units: 2 });
 *   call(x: Tensor): Tensor {
 *     return this.body.call(x);
 *   }
 *   override trainStep({ x }: StepBatch, step: StepContext) {
 *     const noisy = tf.add(x, step.call.normal(x.shape));
 *     return { loss: step.minimize(() => squared.compute(x, this.body.call(noisy, step.call))) };
 *   }
 * }
 * const model = new Denoiser();
 * model.compile({ optimizer: 'adam' });
 * await model.fit({ x: [[0, 1], [1, 0]] }, { epochs: 1, verbose: 0 });
 * model.dispose();
 * ```
 *
 * @see https://keras.io/guides/custom_train_step_in_tensorflow/
 */
export interface StepContext {
  /** For the layers called in this step: training mode, draws by key, moving statistics. */
  readonly call: CallContext;

  /**
   * Computes a loss, its gradients and the update of the weights; what follows sees the updated weights.
   *
   * The regularisation of the chosen weights, and what layers called within add to the loss, is added to it. Gradients
   * are clipped as `compile` says. Where a callback such as `TerminateOnNaN` asks for it, a loss or gradient that is not
   * finite leaves everything that the step writes as it was, earlier updates of the same step included.
   *
   * @param loss - calls layers with `step.call` and returns a scalar; what was computed outside is a constant to it
   * @returns the loss with its penalties, a scalar
   * @throws OptionsError [unknown-option | invalid-option], also where `weights` chooses none
   * @throws GradientError [nothing-to-train] where the loss depends on none of the weights; [not-scalar]
   * @throws SetupError [step-optimizer] where the optimizer is a new one at every step
   */
  minimize(loss: () => Tensor, options?: OptionsInput<MinimizeOptions>): Tensor;
}
