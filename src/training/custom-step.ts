import { SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { compilePathPredicate, type PathPredicate } from '../core/path-predicate.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { DeviceBatch } from './device-batch.js';
import { differentiate } from './differentiate.js';
import { applyGradients, type LearningRates } from './apply-gradients.js';
import { gatedAssign, type Gate } from './gate.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

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
export class StepContext {
  /** For the layers called in this step: training mode, draws by key. */
  readonly call: CallContext;
  private gate: Gate = null;

  /** @internal */
  constructor(
    private readonly model: Trainable,
    private readonly plan: TrainingPlan,
    private readonly state: TrainState,
    /** `null` in the rehearsal, which builds layers and slots and changes nothing. */
    private readonly learningRates: LearningRates | null,
    private readonly gated: boolean,
  ) {
    this.call = new CallContext({ training: true, seed: plan.seed, step: state.randomStep.read() });
  }

  /**
   * Computes a loss, its gradients and the update of the weights; what follows sees the updated weights.
   *
   * @param loss - returns a scalar
   * @returns the loss, a scalar
   * @throws GradientError [nothing-to-train] where the loss depends on none of the weights
   */
  minimize(loss: () => Tensor, options: MinimizeOptions = {}): Tensor {
    const { model, plan, state } = this;
    const optimizer = options.optimizer ?? plan.optimizer;
    const matches = options.weights === undefined ? () => true : compilePathPredicate(options.weights);
    if (this.learningRates === null) {
      const value = loss();
      const optimizerState = state.stateOf(optimizer);
      for (const [path, { handle, trainable }] of model.weightTree()) {
        if (trainable && matches(path)) optimizerState.ensure(path, handle.variable);
      }
      return value;
    }
    const differentiated = differentiate(model, loss, matches);
    const gate = applyGradients(model, plan, state, optimizer, differentiated, this.learningRates, this.gated);
    if (gate !== null) this.gate = this.gate === null ? gate : tf.logicalAnd(this.gate, gate);
    return differentiated.loss;
  }

  /** Writes what layers staged, and moves the draws on; NaN for the logs of a step that was kept from changing state. */
  finish(logs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    for (const [handle, value] of this.call.stateWrites) gatedAssign(handle.variable, value, this.gate);
    this.state.randomStep.assignAdd(tf.scalar(1, 'int32'));
    const { gate } = this;
    return Object.fromEntries(
      Object.entries(logs).map(([name, value]) => [name, gate === null ? value : tf.where(gate, value, tf.scalar(NaN))]),
    );
  }
}

/** Runs a model's own step. */
export function customStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  batch: DeviceBatch,
  learningRates: LearningRates,
  gated: boolean,
): Record<string, Tensor> {
  return tf.tidy(() => {
    const context = new StepContext(model, plan, state, learningRates, gated);
    try {
      return context.finish(checkLogs(model, model.trainStep!(batch, context)));
    } finally {
      context.call.dispose();
    }
  });
}

/** Runs a model's own step for its layers, weights and slots alone; changes nothing that exists. */
export function rehearse(model: Trainable, plan: TrainingPlan, state: TrainState, batch: DeviceBatch): void {
  tf.tidy(() => {
    const context = new StepContext(model, plan, state, null, false);
    try {
      checkLogs(model, model.trainStep!(batch, context));
    } finally {
      context.call.dispose();
    }
  });
}

function checkLogs(model: Trainable, logs: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>> {
  const isRecord = typeof logs === 'object' && logs !== null && !(logs instanceof tf.Tensor);
  const wrong = isRecord ? Object.entries(logs).find(([, value]) => !(value instanceof tf.Tensor) || value.size !== 1) : null;
  if (wrong === undefined) return logs;
  throw new SetupError('step-logs', {
    where: `trainStep of ${model.describe()}`,
    expected: 'an object with a scalar tensor for each number to log, such as { loss }',
    received: wrong === null ? formatValue(logs) : `${wrong[0]}: ${formatValue(wrong[1])}`,
    fix: 'return { loss: step.minimize(...) }',
  });
}
