import type { PathPredicate } from '../core/path-predicate.js';
import type { Tensor } from '../engine/tfjs.js';
import type { CallContext } from '../layers/call-context.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';

/** What {@link StepContext.minimize} minimises by, and with what. */
export interface MinimizeOptions {
  /** Paths of the weights to update; default all trainable ones. */
  readonly weights?: PathPredicate;
  /** Default the one given to `compile`. */
  readonly optimizer?: BaseOptimizer;
}

/**
 * What a model's own `trainStep` is given besides the batch: the context for its layers' calls, and the update.
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
 */
export interface StepContext {
  /** For the layers called in this step: training mode, draws by key. */
  readonly call: CallContext;

  /**
   * Computes a loss, its gradients and the update of the weights; what follows sees the updated weights.
   *
   * @param loss - returns a scalar
   * @returns the loss, a scalar
   * @throws GradientError [nothing-to-train] where the loss depends on none of the weights
   */
  minimize(loss: () => Tensor, options?: MinimizeOptions): Tensor;
}
