import { GradientError } from '../core/errors.js';
import { withPhase } from '../core/path-scope.js';
import type { Tensor } from '../engine/tfjs.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { applyTransforms } from '../optimizers/chain.js';
import { updateWeights } from '../optimizers/update-weights.js';
import type { Differentiated } from './differentiate.js';
import { allFinite, type Gate } from './gate.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Learning rates as scalars, fed at each step. */
export type LearningRates = ReadonlyMap<BaseOptimizer, Tensor>;

/**
 * finite?, clip, update: what a step does with its gradients.
 *
 * @param gated - whether a non-finite loss, gradient, `more` or new value leaves weights and slots as they were
 * @param more - further values that have to be finite
 * @returns whether the update stands; `null` where nobody asked
 */
export function applyGradients(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  optimizer: BaseOptimizer,
  { loss, weights }: Differentiated,
  learningRates: LearningRates,
  gated: boolean,
  more: Iterable<Tensor> = [],
): Gate {
  const reached = weights.flatMap(({ gradient, ...weight }) => (gradient === null ? [] : [{ ...weight, gradient }]));
  if (reached.length === 0) throw nothingToTrain(model);
  return withPhase('update', () => {
    const finite = gated ? allFinite([loss, ...reached.map(({ gradient }) => gradient), ...more]) : null;
    const transformed = applyTransforms(
      [...plan.clipping, ...optimizer.transforms()],
      new Map(reached.map(({ path, gradient }) => [path, gradient])),
      new Map(reached.map(({ path, value }) => [path, value])),
    );
    const updates = reached.map(({ path, handle, value }) => ({
      path,
      variable: handle.variable,
      value,
      gradient: transformed.get(path)!,
    }));
    return updateWeights(optimizer, state.stateOf(optimizer), updates, learningRates.get(optimizer)!, finite);
  });
}

function nothingToTrain(model: Trainable): GradientError {
  return new GradientError('nothing-to-train', {
    where: model.describe(),
    expected: 'a loss that depends on at least one trainable weight',
    received: 'a loss that depends on none',
    fix: 'look for layers that call() does not use, for trainable: false, and for ops without a gradient',
  });
}
