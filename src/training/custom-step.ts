import { SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { compilePathPredicate } from '../core/path-predicate.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { CallContext } from '../layers/call-context.js';
import type { DeviceBatch } from './device-batch.js';
import { differentiate } from './differentiate.js';
import { applyGradients, type LearningRates } from './apply-gradients.js';
import { gatedAssign, type Gate } from './gate.js';
import type { MinimizeOptions, StepContext } from './step-context.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** The {@link StepContext} of one run of a model's own step. */
class CustomStepContext implements StepContext {
  readonly call: CallContext;
  private gate: Gate = null;

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
    const context = new CustomStepContext(model, plan, state, learningRates, gated);
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
    const context = new CustomStepContext(model, plan, state, null, false);
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
