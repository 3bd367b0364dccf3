import { GradientError } from '../core/errors.js';
import { choosesNothing, compilePathPredicate, type PathPredicate } from '../core/path-predicate.js';
import type { Trainable, TrainableWeight } from './trainable.js';

/**
 * The trainable ones of the weights that a predicate chooses.
 *
 * @throws OptionsError [invalid-option] where it chooses none; GradientError [nothing-to-train] where none is trainable
 */
export function chooseWeights(
  model: Trainable,
  predicate: PathPredicate | undefined,
  where: string,
): [path: string, weight: TrainableWeight][] {
  const matches = predicate === undefined ? () => true : compilePathPredicate(predicate);
  const tree = model.weightTree();
  const matching = [...tree].filter(([path]) => matches(path));
  if (matching.length === 0 && predicate !== undefined) {
    throw choosesNothing(predicate, `option "weights" of ${where}`, 'weight of the model', tree.paths());
  }
  const trainable = matching.filter(([, weight]) => weight.trainable);
  if (trainable.length > 0) return trainable;
  throw new GradientError('nothing-to-train', {
    where,
    expected: 'at least one trainable weight among the chosen ones',
    received: `${matching.length} weights, none of them trainable`,
    fix: 'look for trainable: false on the layers or on the model',
  });
}
