import { checkFunction } from '../autodiff/traced-call.js';
import { LookupError, ShapeError, StateError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import { readVariable, withVariableReads } from '../engine/variable-reads.js';
import type { Trainable } from '../training/trainable.js';

/** The trainable weights by path, as tensors that the caller owns. */
export function trainableWeightTensors(model: Trainable): Record<string, Tensor> {
  return Object.fromEntries(
    [...model.weightTree()]
      .filter(([, { trainable }]) => trainable)
      // A clone: inside a step, or inside `withWeights`, what is read belongs to somebody else.
      .map(([path, { handle }]) => [path, tf.tidy(() => readVariable(handle.variable).clone())]),
  );
}

/** Runs `fn` while the model's weights have the given values. */
export function withWeights<Result>(
  model: Trainable,
  weights: Readonly<Record<string, Tensor>>,
  fn: () => Result,
): Result {
  const where = `withWeights of ${model.describe()}`;
  checkFunction(fn, where);
  const result = withVariableReads(readsOf(model, weights, where), fn);
  if (!(result instanceof Promise)) return result;
  // Nobody awaits it, and what it may fail with would end the process.
  result.catch(() => {});
  throw new StateError('async-weights', {
    where,
    expected: 'a synchronous function',
    received: 'one that returns a promise, which would go on with other weights',
    fix: 'write it without async and await',
  });
}

function readsOf(model: Trainable, weights: unknown, where: string): Map<Variable, Tensor> {
  if (typeof weights !== 'object' || weights === null || Symbol.iterator in weights || weights instanceof tf.Tensor) {
    throw new ShapeError('weights', {
      where,
      expected: 'tensors by weight path, as model.trainableWeightTensors() gives them',
      received: formatValue(weights),
    });
  }
  const tree = model.weightTree();
  return new Map(
    Object.entries(weights as Record<string, unknown>).map(([path, value]) => {
      const handle = tree.get(path)?.handle;
      if (handle === undefined) {
        throw new LookupError('unknown-weight', {
          where,
          expected: 'paths of weights',
          received: `"${path}"`,
          fix: tree.size === 0 ? 'build the model first' : didYouMean(path, tree.paths()),
        });
      }
      const expected = `float32 ${formatShape(handle.shape)}`;
      const received =
        value instanceof tf.Tensor
          ? `${value.isDisposed ? 'disposed ' : ''}${value.dtype} ${formatShape(value.shape)}`
          : `${formatValue(value)}, not a tensor`;
      if (received !== expected) {
        throw new ShapeError('weight-shape', { where: `weight "${path}" in ${where}`, expected, received });
      }
      return [handle.variable, value as Tensor] as const;
    }),
  );
}
