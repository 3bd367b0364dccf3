import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { Pullback } from './pullback.js';
import { checkAlive, differentiableLeaves, flattenTree, placeIn, unflattenTree, type TreeOf } from './tensor-tree.js';
import { checkFunction, checkScalar, OwnResults, refusePromise } from './traced-call.js';

/** Options of {@link grad}. */
export interface GradOptions {
  /** Indices of the arguments to differentiate by; the result is then an array, one tree for each. Default the first. */
  readonly arguments?: readonly number[];
  /** What stands for a tensor that the value does not depend on. Default `'zeros'`. */
  readonly unused?: 'zeros' | 'null';
}

/** Options of {@link valueAndGrad}. */
export interface ValueAndGradOptions extends GradOptions {
  /** Whether the function returns `{ value, auxiliary }`, with tensors that are passed on. Default false. */
  readonly auxiliary?: boolean;
}

/** What stands for a leaf's gradient: a tensor, or with `unused: 'null'` perhaps `null`. */
export type LeafUnder<Options> = Options extends { readonly unused: 'null' } ? Tensor | null : Tensor;

/** What {@link grad} gives: a tree like the first argument, or an array of trees like those chosen. */
export type GradientsOf<Args extends readonly unknown[], Options> = Options extends {
  readonly arguments: infer Chosen extends readonly number[];
}
  ? { -readonly [Key in keyof Chosen]: TreeOf<Args[Chosen[Key]], LeafUnder<Options>> }
  : TreeOf<Args[0], LeafUnder<Options>>;

/** What {@link valueAndGrad} gives; all tensors are the caller's. */
export interface ValueAndGrad<Args extends readonly unknown[], Options, Auxiliary> {
  /** Scalar. */
  readonly value: Tensor;
  /** A tree like the first argument, or an array of trees like those chosen. */
  readonly gradient: GradientsOf<Args, Options>;
  /** What the function gave beside the value, under `auxiliary: true`. */
  readonly auxiliary: Auxiliary;
}

/**
 * A function that computes a scalar and its gradient, in one forward and one backward pass: `(f(x), df/dx)`.
 *
 * When to use: for a training step of your own, which wants the loss too; `grad` gives the gradient alone. For the weights
 * of a model, see `model.withWeights`.
 *
 * Shapes: the gradient has the tree and the shapes of what is differentiated by.
 *
 * @param fn - returns a float32 scalar, or `{ value, auxiliary }` under `auxiliary: true`; its first argument is a float32
 *   tensor, or a tree of them, further ones are anything
 * @throws GradientError [not-scalar | integer-input | disposed-input | promise | tree-leaf] from the function that it returns;
 *   OptionsError
 *
 * @example
 * ```ts
 * import { tf, valueAndGrad } from 'adjoint';
 *
 * const loss = (w: { slope: tf.Tensor }, x: tf.Tensor) => {
 *   const prediction = tf.mul(w.slope, x);
 *   return { value: tf.mean(tf.square(prediction)), auxiliary: prediction };
 * };
 * const { value, gradient, auxiliary } = valueAndGrad(loss, { auxiliary: true })(
 *   { slope: tf.scalar(3) },
 *   tf.tensor1d([1, 2]),
 * );
 * console.log(value.dataSync()[0], gradient.slope.dataSync()[0], [...auxiliary.dataSync()]); // 22.5, 15, [3, 6]
 * ```
 *
 * @see Griewank, Walther: "Evaluating Derivatives" (SIAM 2008), chapter 3
 */
export function valueAndGrad<
  Auxiliary,
  Args extends readonly unknown[] = readonly Tensor[],
  const Options extends ValueAndGradOptions = ValueAndGradOptions,
>(
  fn: (...args: Args) => { readonly value: Tensor; readonly auxiliary: Auxiliary },
  options: Options & { readonly auxiliary: true },
): (...args: Args) => ValueAndGrad<Args, Options, Auxiliary>;
export function valueAndGrad<
  Args extends readonly unknown[] = readonly Tensor[],
  const Options extends ValueAndGradOptions = ValueAndGradOptions,
>(fn: (...args: Args) => Tensor, options?: Options): (...args: Args) => ValueAndGrad<Args, Options, undefined>;
export function valueAndGrad(
  fn: (...args: unknown[]) => unknown,
  options: ValueAndGradOptions = {},
): (...args: unknown[]) => unknown {
  return differentiated('valueAndGrad', fn, options);
}

/** {@link valueAndGrad} under another name. */
export function differentiated(
  where: string,
  fn: (...args: unknown[]) => unknown,
  options: ValueAndGradOptions = {},
): (...args: unknown[]) => { value: Tensor; gradient: unknown; auxiliary: unknown } {
  checkFunction(fn, where);
  checkGradOptions(where, options);
  return (...args) => computeValueAndGrad(where, fn, options, args);
}

/** `grad` by the first argument under another name, of any function. */
export function gradientFunction(where: string, fn: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  const compute = differentiated(where, fn, {});
  return (...args) => {
    const { value, gradient } = compute(...args);
    value.dispose();
    return gradient;
  };
}

function computeValueAndGrad(
  where: string,
  fn: (...args: unknown[]) => unknown,
  options: ValueAndGradOptions,
  args: readonly unknown[],
): { value: Tensor; gradient: unknown; auxiliary: unknown } {
  const chosen = (options.arguments ?? [0]).map((index) => ({
    index,
    leaves: differentiableLeaves(args[index], `argument ${index} of ${where}`),
  }));
  const tensors = chosen.flatMap(({ leaves }) => leaves.map(({ tensor }) => tensor));
  const compute = () => {
    // Clones, so that what was computed from these tensors before is a constant here.
    const copies = tensors.map((tensor) => tensor.clone());
    const inside = [...args];
    let offset = 0;
    for (const { index, leaves } of chosen) {
      inside[index] = unflattenTree(args[index], copies.slice(offset, (offset += leaves.length)));
    }
    const { pullback, result } = Pullback.record(copies, () => {
      const results = new OwnResults();
      const returned = fn(...inside);
      const { value, auxiliary } = options.auxiliary === true ? splitAuxiliary(returned, where) : { value: returned };
      checkScalar(value, where);
      const own = results.of(value);
      if (options.auxiliary !== true) return { outputs: [own], result: { value: own, auxiliary: undefined } };
      const label = `auxiliary of the function given to ${where}`;
      const leaves = flattenTree(auxiliary, label);
      for (const { path, tensor } of leaves) checkAlive(tensor, placeIn(label, path), 'disposed-result');
      return { outputs: [own], result: { value: own, auxiliary: results.ofTree(auxiliary, leaves) } };
    });
    try {
      const gradients = pullback.backward([tf.onesLike(result.value)]);
      const filled = gradients.map((gradient, i) =>
        gradient === null && options.unused !== 'null' ? tf.zerosLike(tensors[i]!) : gradient,
      );
      offset = 0;
      const trees = chosen.map(({ index, leaves }) =>
        unflattenTree(args[index], filled.slice(offset, (offset += leaves.length))),
      );
      return { ...result, gradient: options.arguments === undefined ? trees[0] : trees };
    } finally {
      pullback.dispose();
    }
  };
  return tf.tidy(compute as unknown as () => tf.TensorContainer) as unknown as ReturnType<typeof compute>;
}

function splitAuxiliary(returned: unknown, where: string): { value: unknown; auxiliary: unknown } {
  refusePromise(returned, where);
  if (typeof returned === 'object' && returned !== null && 'value' in returned && 'auxiliary' in returned)
    return returned;
  throw new OptionsError('auxiliary', {
    where: `the function given to ${where} with { auxiliary: true }`,
    expected: '{ value, auxiliary } as its result',
    received: returned instanceof tf.Tensor ? 'a tensor' : formatValue(returned),
    fix: 'return both, or leave the option out',
  });
}

const KNOWN_OPTIONS = ['arguments', 'unused', 'auxiliary'];

function checkGradOptions(where: string, options: ValueAndGradOptions): void {
  const refuse = (option: string, expected: string, received: unknown, fix?: string): never => {
    throw new OptionsError('invalid-option', {
      where: `option "${option}" of ${where}`,
      expected,
      received: formatValue(received),
      fix,
    });
  };
  if (typeof options !== 'object' || options === null || options instanceof tf.Tensor || Array.isArray(options)) {
    throw new OptionsError('invalid-option', {
      where: `the options of ${where}`,
      expected: 'an object',
      received: formatValue(options),
      fix: `call it in two steps: ${where}(fn, options)(...arguments)`,
    });
  }
  for (const name of Object.keys(options)) {
    if (!KNOWN_OPTIONS.includes(name)) refuse(name, 'a known option', name, didYouMean(name, KNOWN_OPTIONS));
  }
  const { arguments: chosen, unused, auxiliary } = options;
  if (auxiliary !== undefined && typeof auxiliary !== 'boolean') refuse('auxiliary', 'true or false', auxiliary);
  if (auxiliary === true && where === 'grad') {
    refuse('auxiliary', 'an option of valueAndGrad', auxiliary, 'call valueAndGrad, which gives the auxiliary back');
  }
  if (unused !== undefined && unused !== 'zeros' && unused !== 'null') refuse('unused', '"zeros" or "null"', unused);
  if (chosen === undefined) return;
  const valid =
    Array.isArray(chosen) &&
    chosen.length > 0 &&
    chosen.every((index) => Number.isInteger(index) && index >= 0) &&
    new Set(chosen).size === chosen.length;
  if (!valid) refuse('arguments', 'different indices of arguments, from 0 on', chosen);
}
