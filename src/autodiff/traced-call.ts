import { GradientError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { tapeEngine } from './tape.js';
import { checkAlive, flattenTree, placeIn, unflattenTree, type TreeLeaf } from './tensor-tree.js';

/** Refuses a function that could not be differentiated, before anything runs. */
export function checkFunction(fn: unknown, where: string): void {
  if (typeof fn === 'function') return;
  throw new GradientError('not-a-function', {
    where,
    expected: 'a function of tensors',
    received: formatValue(fn),
    fix: `pass the function itself: ${where}((x) => ...)`,
  });
}

/** @throws GradientError [promise]: what a promise computes later is on no tape */
export function refusePromise(result: unknown, where: string): void {
  if (!(typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function')) return;
  // Nobody awaits it, and what it may fail with would end the process.
  if (result instanceof Promise) result.catch(() => {});
  throw new GradientError('promise', {
    where: `the function given to ${where}`,
    expected: 'a synchronous function',
    received: 'one that returns a promise',
    fix: 'write it without async and await; load data before, and read results after',
  });
}

/** @throws GradientError [not-scalar | disposed-result] */
export function checkScalar(value: unknown, where: string): asserts value is Tensor {
  refusePromise(value, where);
  if (value instanceof tf.Tensor && value.rank === 0 && value.dtype === 'float32') {
    checkAlive(value, `the result of the function given to ${where}`, 'disposed-result');
    return;
  }
  throw new GradientError('not-scalar', {
    where: `the function given to ${where}`,
    expected: 'a float32 scalar as its result',
    received: value instanceof tf.Tensor ? `${value.dtype} ${formatShape(value.shape)}` : formatValue(value),
    fix: notScalarFix(value),
  });
}

function notScalarFix(value: unknown): string {
  if (value instanceof tf.Tensor) {
    return 'reduce it first, e.g. tf.mean(loss); jacobian() and vjp() take functions with other results';
  }
  if (value === undefined) return 'return the loss at its end';
  return typeof value === 'object'
    ? 'return the scalar tensor alone; valueAndGrad(fn, { auxiliary: true }) takes { value, auxiliary }'
    : 'return the tensor itself, without dataSync() or arraySync(): a number that was read is on no tape';
}

/** The leaves of what a function returned, all float32. */
export function outputLeaves(result: unknown, where: string): TreeLeaf[] {
  refusePromise(result, where);
  const label = `the result of the function given to ${where}`;
  const leaves = flattenTree(result, label);
  for (const { path, tensor } of leaves) {
    checkAlive(tensor, placeIn(label, path), 'disposed-result');
    if (tensor.dtype === 'float32') continue;
    throw new GradientError('not-float', {
      where: label,
      expected: 'float32 tensors',
      received: `${tensor.dtype} ${formatShape(tensor.shape)}`,
      fix: 'return what is not to be differentiated by another way, e.g. as auxiliary of valueAndGrad',
    });
  }
  return leaves;
}

/** Makes results of a function the caller's own: each a tensor of its own, made by the function or a clone. */
export class OwnResults {
  private readonly first = tapeEngine().nextTensorId();
  private readonly taken = new Set<Tensor>();

  of(tensor: Tensor): Tensor {
    const own = tensor.id > this.first && !this.taken.has(tensor) && !tensor.kept ? tensor : tensor.clone();
    this.taken.add(own);
    return own;
  }

  ofTree<Tree>(tree: Tree, leaves: readonly TreeLeaf[]): Tree {
    return unflattenTree(
      tree,
      leaves.map(({ tensor }) => this.of(tensor)),
    ) as Tree;
  }
}
