import { GradientError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/**
 * A tensor, or an array or plain record of trees of tensors: what the transformations differentiate by, and give back.
 *
 * When to use: to keep the parameters of a function together, `{ dense: { kernel, bias } }`, or a model's weights by path.
 *
 * @example
 * ```ts
 * import { tf, type TensorTree } from 'adjoint';
 *
 * const dense = { kernel: tf.ones([3, 2]), bias: tf.zeros([2]) };
 * const parameters = { dense, scales: [tf.scalar(1)] } satisfies TensorTree;
 * tf.dispose(parameters);
 * ```
 */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [name: string]: TensorTree };

/** The tree `Tree` with `Leaf` in the place of each tensor. */
export type TreeOf<Tree, Leaf> = Tree extends Tensor ? Leaf : { [Key in keyof Tree]: TreeOf<Tree[Key], Leaf> };

/** A tensor of a tree. */
export interface TreeLeaf {
  /** `layer.kernel`, `[0].bias`; `''` where the tree is a tensor. */
  readonly path: string;
  readonly tensor: Tensor;
}

/**
 * A new tree of what `fn` gives for each tensor, and the tensors at the same place in further trees.
 *
 * When to use: to write an update of all parameters at once.
 *
 * @param fn - gets the tensors of one place, that of `tree` first
 * @param others - trees with the names and lengths of `tree`
 * @throws GradientError [tree-leaf | tree-cycle | tree-depth | tree-mismatch | not-a-function]
 *
 * @example
 * ```ts
 * import { grad, mapTree, tf } from 'adjoint';
 *
 * const weights = { slope: tf.scalar(1), offset: tf.scalar(0) };
 * const loss = (w: typeof weights) => tf.square(tf.sub(tf.add(tf.mul(w.slope, 2), w.offset), 5));
 * const stepped = tf.tidy(() => mapTree((w, g) => tf.sub(w, tf.mul(0.1, g)), weights, grad(loss)(weights)));
 * console.log(stepped.slope.dataSync()[0], stepped.offset.dataSync()[0]); // 2.2, 0.6
 * ```
 */
export function mapTree<Tree, Leaf = Tensor>(
  fn: (tensor: Tensor, ...others: Tensor[]) => Leaf,
  tree: Tree,
  ...others: readonly unknown[]
): TreeOf<Tree, Leaf> {
  if (typeof fn !== 'function') {
    throw new GradientError('not-a-function', {
      where: 'mapTree',
      expected: 'a function of tensors',
      received: formatValue(fn),
      fix: 'pass it before the tree: mapTree((tensor) => ..., tree)',
    });
  }
  const leaves = flattenTree(tree, 'the tree of mapTree');
  const columns = others.map((other, i) => {
    const label = `tree ${i + 1} of mapTree`;
    const flat = flattenTree(other, label);
    checkSamePaths(leaves, flat, label, 'mapTree');
    return flat;
  });
  return unflattenTree(
    tree,
    leaves.map(({ tensor }, i) => fn(tensor, ...columns.map((column) => column[i]!.tensor))),
  );
}

const MOST_DEPTH = 1000;

function leafFix(node: unknown): string {
  if (node === undefined) return 'pass what is missing: grad(fn)(x) takes two steps, hvp(fn, x, v) and vjp(fn, x) one';
  return typeof node === 'number' ? 'wrap it: tf.scalar(value)' : 'pass what is no tensor around the function';
}

/** The tensors of a tree, arrays by index and records in the order of their keys. */
export function flattenTree(tree: unknown, label: string): TreeLeaf[] {
  const leaves: TreeLeaf[] = [];
  const ancestors = new Set<object>();
  const visit = (node: unknown, path: string): void => {
    if (node instanceof tf.Tensor) {
      leaves.push({ path, tensor: node });
      return;
    }
    const where = placeIn(label, path);
    if (!isBranch(node)) {
      throw new GradientError(node instanceof Promise ? 'promise' : 'tree-leaf', {
        where,
        expected: 'a tensor, or an array or plain object of tensors',
        received: formatValue(node),
        fix: leafFix(node),
      });
    }
    if (ancestors.has(node)) {
      throw new GradientError('tree-cycle', {
        where,
        expected: 'a tree',
        received: 'an object that contains itself',
        fix: 'pass an object of tensors only',
      });
    }
    if (ancestors.size === MOST_DEPTH) {
      throw new GradientError('tree-depth', {
        where: label,
        expected: `arrays and objects in one another, ${MOST_DEPTH} deep at most`,
        received: 'a tree that goes deeper, perhaps without an end',
        fix: 'pass an object of tensors only',
      });
    }
    ancestors.add(node);
    for (const [key, child] of branches(node)) visit(child, join(path, key, Array.isArray(node)));
    ancestors.delete(node);
  };
  visit(tree, '');
  return leaves;
}

/** `tree` with its tensors replaced, in the order of {@link flattenTree}. */
export function unflattenTree<Tree, Leaf>(tree: Tree, leaves: readonly Leaf[]): TreeOf<Tree, Leaf> {
  let next = 0;
  const build = (node: unknown): unknown => {
    if (node instanceof tf.Tensor) return leaves[next++];
    const built = branches(node as object).map(([key, child]) => [key, build(child)] as const);
    if (Array.isArray(node)) return built.map(([, child]) => child);
    // Defined, not assigned: a key may be called __proto__.
    return Object.fromEntries(built);
  };
  const built = build(tree) as TreeOf<Tree, Leaf>;
  if (next === leaves.length) return built;
  throw new GradientError('tree-changed', {
    where: 'a tree of tensors',
    expected: `the ${leaves.length} tensors that it had at first`,
    received: `${next}`,
    fix: 'leave the objects that were passed in as they are, and give them no getters',
  });
}

/** `"layer.kernel" of argument 0 of grad`, or the label alone for a tree that is a tensor. */
export function placeIn(label: string, path: string): string {
  return path === '' ? label : `"${path}" of ${label}`;
}

/** Leaves of a tree that a function is differentiated by. */
export function differentiableLeaves(tree: unknown, label: string): TreeLeaf[] {
  const leaves = flattenTree(tree, label);
  for (const { path, tensor } of leaves) checkDifferentiable(tensor, placeIn(label, path));
  return leaves;
}

/** @throws GradientError [disposed-input] */
export function checkAlive(tensor: Tensor, where: string, kind = 'disposed-input'): void {
  if (!tensor.isDisposed) return;
  throw new GradientError(kind, {
    where,
    expected: 'a living tensor',
    received: `a tensor of shape ${formatShape(tensor.shape)} that was disposed`,
    fix: 'dispose it later, or keep it with tf.keep() inside tf.tidy()',
  });
}

/** @throws GradientError [disposed-input | integer-input | complex-input] */
export function checkDifferentiable(tensor: Tensor, where: string): void {
  checkAlive(tensor, where);
  if (tensor.dtype === 'float32') return;
  const complex = tensor.dtype === 'complex64';
  throw new GradientError(complex ? 'complex-input' : 'integer-input', {
    where,
    expected: 'dtype float32',
    received: `dtype ${tensor.dtype}`,
    fix: complex
      ? 'differentiate by its real and imaginary parts, and join them inside the function with tf.complex()'
      : 'pass it as a further argument, which is not differentiated by, or cast it with tf.cast(x, "float32")',
  });
}

/** Leaves of a cotangent or tangent, each like the tensor that it goes with. */
export function matchingLeaves(tree: unknown, like: readonly TreeLeaf[], label: string, kind: string): Tensor[] {
  const leaves = flattenTree(tree, label);
  checkSamePaths(like, leaves, label, kind);
  return like.map(({ tensor: wanted, path }, i) => {
    const { tensor } = leaves[i]!;
    const where = placeIn(label, path);
    checkAlive(tensor, where);
    if (tensor.dtype !== wanted.dtype || !tf.util.arraysEqual(tensor.shape, wanted.shape)) {
      throw new GradientError(`${kind}-mismatch`, {
        where,
        expected: `${wanted.dtype} ${formatShape(wanted.shape)}`,
        received: `${tensor.dtype} ${formatShape(tensor.shape)}`,
        fix: `give a ${kind} of the shape and dtype of what it goes with`,
      });
    }
    return tensor;
  });
}

function checkSamePaths(like: readonly TreeLeaf[], leaves: readonly TreeLeaf[], label: string, kind: string): void {
  const differs = leaves.length !== like.length || leaves.some(({ path }, i) => path !== like[i]!.path);
  if (!differs) return;
  throw new GradientError(kind === 'mapTree' ? 'tree-mismatch' : `${kind}-mismatch`, {
    where: label,
    expected: `a tree with ${describePaths(like)}`,
    received: describePaths(leaves),
    fix: 'use the same names, in the same order',
  });
}

const MOST_PATHS_SHOWN = 8;

function describePaths(leaves: readonly TreeLeaf[]): string {
  if (leaves.length === 0) return 'no tensor';
  if (leaves.length === 1 && leaves[0]!.path === '') return 'one tensor';
  const shown = leaves.slice(0, MOST_PATHS_SHOWN).map(({ path }) => (path === '' ? 'a tensor' : path));
  return `${shown.join(', ')}${leaves.length > shown.length ? `, ... (${leaves.length} in all)` : ''}`;
}

/** Of an array the elements, holes included; properties that somebody gave it are no part of the tree. */
function branches(node: object): [string, unknown][] {
  return Array.isArray(node) ? Array.from(node, (child: unknown, i) => [String(i), child]) : Object.entries(node);
}

function isBranch(node: unknown): node is object {
  if (typeof node !== 'object' || node === null || ArrayBuffer.isView(node)) return false;
  if (Array.isArray(node)) return true;
  const prototype: unknown = Object.getPrototypeOf(node);
  // Of another realm, such as a test runner's, the prototype is another object with a null prototype of its own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function join(path: string, key: string, isIndex: boolean): string {
  if (isIndex) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}
