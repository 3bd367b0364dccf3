import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { sizeOf } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { transpose } from './linearize.js';
import { unflattenTree, type TreeLeaf, type TreeOf } from './tensor-tree.js';
import { checkFunction } from './traced-call.js';
import { flatVjp, type FlatVjp } from './vjp.js';

const MODES = ['auto', 'reverse', 'forward'] as const;

/** Options of {@link jacobian}. */
export interface JacobianOptions {
  /**
   * `'reverse'` takes one pass for each element of the result, `'forward'` one for each element of the first argument; `'auto'`
   * takes what is fewer. Default `'auto'`.
   */
  readonly mode?: 'reverse' | 'forward' | 'auto';
}

/**
 * A function that computes the matrix of all partial derivatives, `J[i, j] = df_i / dx_j`.
 *
 * When to use: where the matrix itself is wanted. Products with it are `vjp` (from the left) and `jvp` (from the right), at a
 * fraction of the cost.
 *
 * Shapes: of a result `[...out]` and an argument `[...in]`, `[...out, ...in]`; of trees, a tree like the result, with a tree
 * like the argument at each tensor.
 *
 * @param fn - returns a float32 tensor, or a tree of them; it is differentiated by its first argument, a float32 tensor or a
 *   tree of them
 * @throws GradientError [integer-input | disposed-input | not-float | promise | tree-leaf] from the function that it returns;
 *   OptionsError
 *
 * @example
 * ```ts
 * import { jacobian, tf } from 'adjoint';
 *
 * const matrix = jacobian((x: tf.Tensor) => tf.square(x))(tf.tensor1d([1, 2, 3]));
 * console.log(matrix.arraySync()); // [[2, 0, 0], [0, 4, 0], [0, 0, 6]]
 * ```
 *
 * @see https://docs.jax.dev/en/latest/_autosummary/jax.jacrev.html
 */
export function jacobian<Output, Args extends readonly unknown[] = readonly Tensor[]>(
  fn: (...args: Args) => Output,
  options: JacobianOptions = {},
): (...args: Args) => TreeOf<Output, TreeOf<Args[0], Tensor>> {
  checkFunction(fn, 'jacobian');
  checkOptions(options);
  return (...args) =>
    computeJacobian(
      'jacobian',
      fn as unknown as (...args: unknown[]) => Output,
      args,
      options.mode ?? 'auto',
    ) as TreeOf<Output, TreeOf<Args[0], Tensor>>;
}

export function computeJacobian(
  where: string,
  fn: (...args: unknown[]) => unknown,
  args: readonly unknown[],
  mode: 'reverse' | 'forward' | 'auto',
): unknown {
  const [first, ...others] = args;
  const compute = () => {
    const { value, flat, leaves } = flatVjp(where, (x) => fn(x, ...others), [first]);
    try {
      const inputs = leaves[0]!;
      const forward = mode === 'forward' || (mode === 'auto' && elements(inputs) < elements(flat.outputs));
      const blocks = forward ? byColumns(flat, inputs) : byRows(flat, inputs);
      return unflattenTree(
        value,
        blocks.map((row) => unflattenTree(first, row)),
      );
    } finally {
      flat.dispose();
    }
  };
  return tf.tidy(compute as () => tf.TensorContainer);
}

/** A block for each pair of an output and an input. */
function byRows(flat: FlatVjp, inputs: readonly TreeLeaf[]): Tensor[][] {
  const shapes = flat.outputs.map(({ tensor }) => tensor.shape);
  return shapes.map((shape, position) =>
    passes(flat, shapes, position, inputs.length).map((rows, i) => {
      const wanted = [...shape, ...inputs[i]!.tensor.shape];
      return rows.length === 0 ? tf.zeros(wanted) : tf.reshape(tf.stack(rows), wanted);
    }),
  );
}

function byColumns(flat: FlatVjp, inputs: readonly TreeLeaf[]): Tensor[][] {
  const linear = transpose(flat);
  try {
    const shapes = inputs.map(({ tensor }) => tensor.shape);
    const columns = shapes.map((shape, position) =>
      passes(linear, shapes, position, flat.outputs.length).map((column, i) => {
        const wanted = [...flat.outputs[i]!.tensor.shape, ...shape];
        return column.length === 0 ? tf.zeros(wanted) : tf.reshape(tf.stack(column, -1), wanted);
      }),
    );
    return flat.outputs.map((_, i) => columns.map((column) => column[i]!));
  } finally {
    linear.dispose();
  }
}

/** What comes back for each unit vector at one place: a list for each of `count` results. */
function passes(flat: FlatVjp, shapes: readonly number[][], position: number, count: number): Tensor[][] {
  const shape = shapes[position]!;
  const size = sizeOf(shape);
  const found: Tensor[][] = Array.from({ length: count }, () => []);
  for (let element = 0; element < size; element++) {
    const results = tf.tidy(() => {
      const unit = unitTensor(element, size, shape);
      return flat.backward(shapes.map((_, i) => (i === position ? unit : null)));
    });
    results.forEach((result, i) => found[i]!.push(result));
  }
  return found;
}

/** Made on the device: as constants, the unit vectors of a recorded function would be a matrix. */
function unitTensor(element: number, size: number, shape: number[]): Tensor {
  if (size === 1) return tf.ones(shape);
  return tf.reshape(tf.oneHot(tf.scalar(element, 'int32'), size, 1, 0, 'float32'), shape);
}

function elements(leaves: readonly TreeLeaf[]): number {
  return leaves.reduce((sum, { tensor }) => sum + tensor.size, 0);
}

function checkOptions(options: unknown): void {
  const refuse = (where: string, expected: string, received: string, fix?: string): never => {
    throw new OptionsError('invalid-option', { where, expected, received, fix });
  };
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return refuse('the options of jacobian', 'an object', formatValue(options), 'call it as jacobian(fn, options)(x)');
  }
  for (const [name, value] of Object.entries(options)) {
    if (name !== 'mode') refuse('jacobian', 'the option "mode"', `"${name}"`);
    if (value === undefined || MODES.includes(value as (typeof MODES)[number])) continue;
    refuse(
      'option "mode" of jacobian',
      MODES.map((mode) => `"${mode}"`).join(', '),
      formatValue(value),
      didYouMean(String(value), MODES),
    );
  }
}
