import { GradientError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { compilePathPredicate, type PathPredicate } from '../core/path-predicate.js';
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
    const names = [...new Set(tree.paths().flatMap(placesOf))];
    throw new OptionsError('invalid-option', {
      where: `option "weights" of ${where}`,
      expected: 'a predicate that chooses at least one weight of the model',
      received: predicate instanceof RegExp ? String(predicate) : formatValue(predicate),
      fix: didYouMean(typeof predicate === 'string' ? predicate : '', names),
    });
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

/** `a/b/kernel`: `a`, `a/b`, `a/b/kernel`. */
function placesOf(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}
