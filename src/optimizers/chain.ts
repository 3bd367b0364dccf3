import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import type { GradientTransform, TensorsByPath, TransformStep } from './gradient-transform.js';

/**
 * Runs transforms one after another, each on what the one before it returned.
 *
 * @param stepOf - what each is given of the running step, by its place
 * @throws OptionsError [transform-result] where a transform drops, adds or reshapes a gradient
 */
export function applyTransforms(
  transforms: readonly GradientTransform[],
  gradients: TensorsByPath,
  weights: TensorsByPath,
  stepOf?: (index: number) => TransformStep,
): TensorsByPath {
  return transforms.reduce((current, transform, i) => {
    const next: unknown = transform.transform(current, weights, stepOf?.(i));
    if (!(next instanceof Map)) throw noMap(transform, next);
    checkResult(transform, current, next as TensorsByPath);
    return next as TensorsByPath;
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

function noMap({ name }: GradientTransform, received: unknown): OptionsError {
  // Nobody awaits it, and what it may fail with would end the process.
  if (received instanceof Promise) received.catch(() => {});
  return new OptionsError('transform-result', {
    where: `gradient transform "${name}"`,
    expected: 'a Map of gradients by weight path',
    received: received instanceof Promise ? 'a promise' : formatValue(received),
    fix: 'return a map with the same paths and shapes',
  });
}
