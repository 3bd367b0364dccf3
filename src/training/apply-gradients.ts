import { GradientError } from '../core/errors.js';
import { withPhase } from '../core/path-scope.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { CallContext } from '../layers/call-context.js';
import { allFinite } from '../optimizers/all-finite.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { both } from '../optimizers/conditions.js';
import { rateAt } from '../optimizers/schedules/learning-rate-schedule.js';
import { putBack, updateWeights } from '../optimizers/update-weights.js';
import type { Differentiated } from './differentiate.js';
import type { Gate } from './gate.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';
import { TransformRun } from './transform-run.js';

/** Learning rates as scalars, fed at each step. */
export type LearningRates = ReadonlyMap<BaseOptimizer, Tensor>;

/** What became of an update. */
export interface AppliedGradients {
  /** Whether the loss and, where a transform or loss scaling asks, the gradients were finite; `null` where nobody asked. */
  readonly finite: Gate;
  /** Whether the update was made: all was finite, and no transform had it skipped; `null` where nobody asked. */
  readonly gate: Gate;
  /** Whether loss, gradients and new values were finite; `null` where nobody asked. */
  readonly sound: Gate;
  /** What was measured on the way: scalars by name. */
  readonly logs: Readonly<Record<string, Tensor>>;
}

/**
 * The one owner of the order in which gradients become an update: finite?, clip, noise, update, what follows updates. See
 * docs/gradient-handling.md.
 *
 * @param call - keys the draws of this step
 * @param gated - whether a non-finite loss, gradient, `more` or new value leaves weights and slots as they were
 * @param more - further values that have to be finite
 */
export function applyGradients(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  optimizer: BaseOptimizer,
  { loss, weights }: Differentiated,
  learningRates: LearningRates,
  call: CallContext,
  gated: boolean,
  more: Iterable<Tensor> = [],
): AppliedGradients {
  const reached = weights.flatMap(({ gradient, ...weight }) => (gradient === null ? [] : [{ ...weight, gradient }]));
  if (reached.length === 0) throw nothingToTrain(model);
  return withPhase('update', () => {
    // The update tests gradients with what it makes of them, unless somebody has to know before or apart from it.
    const isApart = state.transformsOf(optimizer).chain.length > 0 || state.lossScale?.isDynamic === true;
    const tested = isApart ? reached.map(({ gradient }) => gradient) : [];
    const finite = gated ? allFinite([loss, ...tested, ...more]) : null;
    const optimizerState = state.stateOf(optimizer);
    const rate = rateOf(plan, state, optimizer) ?? learningRates.get(optimizer)!;
    const transforms = state.transformsOf(optimizer);
    const before = [transforms.undoneOnSkip(), transforms.keptOnSkip()].map((variables) =>
      variables.map((variable) => ({ variable, old: variable.read() })),
    );
    const run = new TransformRun(transforms, call, optimizerState.iterations, rate);
    const transformed = run.apply(
      new Map(reached.map(({ path, gradient }) => [path, gradient])),
      new Map(reached.map(({ path, value }) => [path, value])),
      plan.logGradientNorms ? plan.clipping.length : null,
    );
    const updates = reached.map(({ path, handle, value }) => ({
      path,
      variable: handle.variable,
      value,
      gradient: transformed.get(path)!,
    }));
    const { wanted, logs } = run;
    const gate = updateWeights(optimizer, optimizerState, updates, rate, both(finite, wanted));
    const sound = soundness(finite, wanted, gate);
    for (const [i, stays] of [gate, sound].entries()) {
      if (stays !== null) for (const { variable, old } of before[i]!) putBack(variable, old, stays);
    }
    state.afterUpdatesOf(optimizer).apply(optimizerState.iterations, gate);
    return { finite, gate, sound, logs };
  });
}

/** The rate that the step computes itself; `undefined` where it is fed. */
function rateOf(
  { optimizer: own, sweep }: TrainingPlan,
  state: TrainState,
  optimizer: BaseOptimizer,
): Tensor | undefined {
  // A sweep goes on at every step, whether or not an update is made.
  if (sweep !== undefined && optimizer === own) return rateAt(sweep, state.randomStep.read());
  if (optimizer.schedule === null) return undefined;
  return rateAt(optimizer.schedule, state.stateOf(optimizer).iterations.read());
}

/** A spike that was skipped is sound; an update that was made and undone, because it made something infinite, is not. */
function soundness(finite: Gate, wanted: Gate, gate: Gate): Gate {
  if (finite === null || wanted === null) return finite === null ? null : gate;
  return tf.logicalOr(gate!, tf.logicalAnd(finite, tf.logicalNot(wanted)));
}

function nothingToTrain(model: Trainable): GradientError {
  return new GradientError('nothing-to-train', {
    where: model.describe(),
    expected: 'a loss that depends on at least one trainable weight',
    received: 'a loss that depends on none',
    fix: 'look for layers that call() does not use, for trainable: false, and for ops without a gradient',
  });
}
