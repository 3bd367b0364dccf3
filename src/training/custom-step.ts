import { GradientError, SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import { CallContext } from '../layers/call-context.js';
import { allFinite } from '../optimizers/all-finite.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { putBack } from '../optimizers/update-weights.js';
import { applyGradients, type LearningRates } from './apply-gradients.js';
import { chooseWeights } from './choose-weights.js';
import type { DeviceBatch } from './device-batch.js';
import { PROBES, type ProbeRun } from './probe-run.js';
import { differentiate } from './differentiate.js';
import { gatedAssign, type Gate } from './gate.js';
import { penalties } from './penalties.js';
import { MinimizeOptions, type StepContext } from './step-context.js';
import { checkLogs, gateLogs } from './step-logs.js';
import type { TrainState } from './train-state.js';
import type { Trainable, TrainableWeight } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** The {@link StepContext} of one run of a model's own step. */
class CustomStepContext implements StepContext {
  readonly call: CallContext;
  private readonly where: string;
  private readonly gates: Tensor[] = [];
  /** Of each update, whether loss and gradients were finite. */
  private readonly finites: Tensor[] = [];
  private readonly gated: boolean;
  /** Of each update, whether all was finite; apart from the gate where a transform had an update skipped. */
  private readonly sounds: Tensor[] = [];
  /** What the updates measured. */
  private readonly measured: Record<string, Tensor> = {};
  /** What gated updates write over, as it was before the first of them. */
  private readonly before = new Map<Variable, Tensor>();

  constructor(
    private readonly model: Trainable,
    private readonly plan: TrainingPlan,
    private readonly state: TrainState,
    /** `null` in the rehearsal, which builds layers and slots and changes nothing. */
    private readonly learningRates: LearningRates | null,
    gated: boolean,
    private readonly probe: ProbeRun | null,
  ) {
    this.gated = gated || (state.lossScale?.isDynamic ?? false);
    this.where = `minimize in trainStep of ${model.describe()}`;
    const observer = probe?.observer;
    const step = state.randomStep.read();
    this.call = new CallContext({ training: true, seed: plan.seed, step, caller: model, observer });
  }

  minimize(loss: () => Tensor, options?: OptionsInput<MinimizeOptions>): Tensor {
    const { model, plan, state, where, learningRates } = this;
    const { weights, optimizer = plan.optimizer } = parseOptions(MinimizeOptions, options, where);
    if (learningRates === null) return this.rehearse(loss, optimizer, weights);
    if (!learningRates.has(optimizer)) throw newOptimizer(where);
    const chosen = new Set(chooseWeights(model, weights, where).map(([path]) => path));
    const differentiated = differentiate(
      model,
      plan,
      state.lossScale,
      (trained) => this.penalised(loss, trained),
      (path) => chosen.has(path),
    );
    const transforms = state.transformsOf(optimizer);
    if (this.gated || transforms.chain.length > 0) {
      for (const { handle, gradient } of differentiated.weights) if (gradient !== null) this.remember(handle.variable);
      for (const [, variable] of state.stateOf(optimizer).entries()) this.remember(variable);
      for (const [, variable] of state.afterUpdatesOf(optimizer).entries()) this.remember(variable);
      for (const variable of transforms.undoneOnSkip()) this.remember(variable);
    }
    const { finite, gate, sound, logs } = applyGradients(
      model,
      plan,
      state,
      optimizer,
      differentiated,
      learningRates,
      this.call,
      this.gated,
    );
    this.probe?.addWeights(differentiated.weights, true);
    if (finite !== null) this.finites.push(this.call.keep(finite));
    if (gate !== null) this.gates.push(this.call.keep(gate));
    if (sound !== null) this.sounds.push(this.call.keep(sound));
    for (const [name, value] of Object.entries(logs)) this.measured[this.freeName(name)] = this.call.keep(value);
    return differentiated.loss;
  }

  /** Writes what layers staged, and moves the draws on; one gate is over all that the step writes. */
  finish(logs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const staged = this.call.stateWrites;
    const gate = this.wholeGate(this.gates);
    // An update whose own loss was sound was made, and seen by what followed, before another one was found bad.
    if (gate !== null && this.gates.length + staged.size > 1) {
      for (const [variable, old] of this.before) putBack(variable, old, gate);
    }
    for (const [handle, value] of staged) gatedAssign(handle.variable, value, gate);
    const { lossScale, randomStep } = this.state;
    const scaleLogs = lossScale?.logs() ?? {};
    const probed = this.probe && { [PROBES]: this.probe.vector(lossScale?.read()) };
    if (this.finites.length > 0) lossScale?.update(this.finites.reduce((a, b) => tf.logicalAnd(a, b)));
    randomStep.assignAdd(tf.scalar(1, 'int32'));
    return { ...gateLogs({ ...this.measured, ...logs }, this.wholeGate(this.sounds)), ...scaleLogs, ...probed };
  }

  private rehearse(loss: () => Tensor, optimizer: BaseOptimizer, weights: MinimizeOptions['weights']): Tensor {
    const value = this.penalised(loss, []);
    for (const [path, { handle }] of chooseWeights(this.model, weights, this.where)) {
      this.state.ensureWeight(optimizer, path, handle.variable);
    }
    return value;
  }

  /** The user's loss with the penalties of the weights that it trains, and of the layers that it calls. */
  private penalised(loss: () => Tensor, trained: readonly Pick<TrainableWeight, 'handle'>[]): Tensor {
    const earlier = this.call.losses.length;
    const value: unknown = loss();
    if (!(value instanceof tf.Tensor) || value.rank !== 0 || value.dtype !== 'float32')
      throw notScalar(value, this.where);
    return penalties(trained, this.call.losses.slice(earlier)).reduce((sum, penalty) => tf.add(sum, penalty), value);
  }

  private remember(variable: Variable): void {
    if (!this.before.has(variable)) this.before.set(variable, this.call.keep(variable.read()));
  }

  /** `gradientNorm` of a second `minimize` is `gradientNorm_1`. */
  private freeName(name: string): string {
    if (!(name in this.measured)) return name;
    let i = 1;
    while (`${name}_${i}` in this.measured) i++;
    return `${name}_${i}`;
  }

  /** All updates' gates together, and where non-finite values are looked for, what layers staged. */
  private wholeGate(parts: readonly Tensor[]): Gate {
    const staged = this.gated ? [...this.call.stateWrites.values()] : [];
    const gates = staged.length === 0 ? parts : [...parts, allFinite(staged)];
    return gates.length === 0 ? null : gates.reduce((a, b) => tf.logicalAnd(a, b));
  }
}

/** Runs a model's own step. */
export function customStep(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  batch: DeviceBatch,
  learningRates: LearningRates | null,
  gated: boolean,
  probe: ProbeRun | null = null,
): Record<string, Tensor> {
  return tf.tidy(() => {
    const context = new CustomStepContext(model, plan, state, learningRates, gated, probe);
    try {
      const logs: unknown = model.trainStep!(batch, context);
      checkLogs(model, logs);
      return learningRates === null ? {} : context.finish(logs);
    } finally {
      probe?.dispose();
      context.call.dispose();
    }
  });
}

/** Runs a model's own step for its layers, weights and slots alone; changes nothing that exists. */
export function rehearse(model: Trainable, plan: TrainingPlan, state: TrainState, batch: DeviceBatch): void {
  customStep(model, plan, state, batch, null, false);
  state.checkTransforms(model);
  model.settleLayers();
}

function notScalar(value: unknown, where: string): GradientError {
  // Nobody awaits it, and what it may fail with would end the process.
  if (value instanceof Promise) value.catch(() => {});
  return new GradientError('not-scalar', {
    where,
    expected: 'a synchronous function that returns a float32 scalar',
    received: value instanceof tf.Tensor ? `${value.dtype} ${formatShape(value.shape)}` : formatValue(value),
    fix: 'reduce it first, e.g. tf.mean(loss)',
  });
}

function newOptimizer(where: string): SetupError {
  return new SetupError('step-optimizer', {
    where,
    expected: 'the same optimizers at every step: their state lives as long as the model',
    received: 'an optimizer that was not there when the step was rehearsed',
    fix: 'make optimizers once, e.g. in fields of the model',
  });
}
