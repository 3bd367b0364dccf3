import { OptionsError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import type { GradientTransform, TensorsByPath } from './gradient-transform.js';

/**
 * Runs transforms one after another, each on what the one before it returned.
 *
 * @throws OptionsError [transform-result] where a transform drops, adds or reshapes a gradient
 */
export function applyTransforms(
  transforms: readonly GradientTransform[],
  gradients: TensorsByPath,
  weights: TensorsByPath,
): TensorsByPath {
  return transforms.reduce((current, transform) => {
    const next = transform.transform(current, weights);
    checkResult(transform, current, next);
    return next;
  }, gradients);
}

function checkResult({ name }: GradientTransform, before: TensorsByPath, after: TensorsByPath): void {
  const where = `gradient transform "${name}"`;
  for (const [path, { shape }] of before) {
    const result = after.get(path);
    if (result !== undefined && formatShape(result.shape) === formatShape(shape)) continue;
    throw new OptionsError('transform-result', {
      where,
      expected: `a gradient of shape ${formatShape(shape)} for weight "${path}"`,
      received: result === undefined ? 'none' : `shape ${formatShape(result.shape)}`,
      fix: 'return a map with the same paths and shapes',
    });
  }
  const added = [...after.keys()].find((path) => !before.has(path));
  if (added === undefined) return;
  throw new OptionsError('transform-result', {
    where,
    expected: 'gradients of the weights that were passed in',
    received: `one more, for "${added}"`,
    fix: 'return a map with the same paths and shapes',
  });
}
