import { choosesNothing, compilePathPredicate, formatPredicate, type PathPredicate } from '../core/path-predicate.js';
import type { GradientTransform, TensorsByPath } from './gradient-transform.js';

/**
 * Restricts a transform to some of the weights; the gradients of the others pass as they are.
 *
 * What the transform measures, it measures over the chosen weights alone: `onlyFor('head', clipByGlobalNorm(1))` limits the
 * norm of the head's gradients together.
 *
 * When to use: to clip or to disturb a part of a network, or parts of it by different limits. `clip: { globalNorm: 1, only }`
 * is short for one clipping.
 *
 * @param predicate - weight paths: a glob (`body` takes all below it), a regular expression, a function, or a list of these
 * @param transform - what is done to the gradients of those weights
 * @throws OptionsError [invalid-option] for what is no predicate, and before the first step where it chooses no weight of the model
 *
 * @example
 * ```ts
 * import { clipByValue, onlyFor, tf } from 'adjoint';
 *
 * const gradients = new Map([
 *   ['body/kernel', tf.tensor1d([3])],
 *   ['head/kernel', tf.tensor1d([3])],
 * ]);
 * const clipped = onlyFor('head', clipByValue(1)).transform(gradients, new Map());
 * console.log([...clipped].map(([path, gradient]) => [path, gradient.dataSync()[0]])); // body/kernel 3, head/kernel 1
 * ```
 */
export function onlyFor(predicate: PathPredicate, transform: GradientTransform): GradientTransform {
  const matches = compilePathPredicate(predicate, 'predicate of onlyFor');
  const chosen = (tensors: TensorsByPath): TensorsByPath => new Map([...tensors].filter(([path]) => matches(path)));
  const name = `${transform.name} only for ${formatPredicate(predicate)}`;
  return {
    name,
    slots: (path) => (matches(path) ? (transform.slots?.(path) ?? {}) : {}),
    variables: () => transform.variables?.() ?? {},
    logs: transform.logs,
    check: (paths) => {
      const own = paths.filter((path) => matches(path));
      if (own.length === 0)
        throw choosesNothing(predicate, `predicate of gradient transform "${name}"`, 'weight of the model', paths);
      transform.check?.(own);
    },
    transform: (gradients, weights, step) => {
      const own = chosen(gradients);
      // The others may all be frozen, or belong to another objective of the step.
      if (own.size === 0) return gradients;
      const changed = transform.transform(own, chosen(weights), step);
      return new Map([...[...gradients].filter(([path]) => !own.has(path)), ...changed]);
    },
  };
}
