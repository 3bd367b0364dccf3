import { GradientError, OptionsError, StateError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { checkOptionNames } from './check-option-names.js';
import { Pullback } from './pullback.js';
import { disposeSaved } from './tape-segment.js';
import { currentFrame, isRunning, tapeEngine, type TapeNode } from './tape.js';
import { checkDifferentiable, differentiableLeaves, placeIn, unflattenTree, type TreeOf } from './tensor-tree.js';

/** What {@link GradientTape.gradient} may be given. */
export interface TapeGradientOptions<Unused extends 'zeros' | 'null' = 'zeros' | 'null'> {
  /** Gradient of the final result by the target, of its shape. Default 1 for a scalar; needed for other targets. */
  readonly cotangent?: Tensor;
  /** What a source gets that the target does not depend on. Default `'zeros'`. */
  readonly unused?: Unused;
}

/** The tape that is put back when the last user of one is gone. */
const outerTapes = new WeakMap<TapeNode[], TapeNode[]>();

/**
 * A recording of everything that is computed between its creation and its disposal, to be differentiated any number of
 * times.
 *
 * When to use: where code cannot be put into a function that `grad` takes, or where several results are differentiated.
 * Gradients taken while it records are recorded as well: that is how second orders are taken, and what makes a tape grow;
 * `noGrad(() => tape.gradient(...))` leaves them out. It works inside `grad` and `recorded`, and other tapes inside of it.
 *
 * A layer reads its weights anew at each call, so that `layer.kernel.value` is no source. Watch what
 * `model.trainableWeightTensors()` gives, and call the model inside `model.withWeights`.
 *
 * @throws GradientError [not-watched | not-scalar | integer-input | disposed-input | cotangent-mismatch]; StateError
 *   [tape-disposed]
 *
 * @example
 * ```ts
 * import { gradientTape, tf } from 'adjoint';
 *
 * using tape = gradientTape();
 * const x = tape.watch(tf.scalar(3));
 * const cube = tf.mul(x, tf.mul(x, x));
 * const first = tape.gradient(cube, x);
 * const second = tape.gradient(first, x);
 * console.log(first.dataSync()[0], second.dataSync()[0]); // 27 18
 * ```
 *
 * @see https://www.tensorflow.org/guide/autodiff
 */
export class GradientTape {
  private readonly tape: TapeNode[];
  private readonly start: number;
  private readonly watched = new Set<number>();
  private isDisposed = false;
  /** The transformation that the tape was begun in. */
  private readonly frame = currentFrame();

  /** @internal */
  constructor() {
    const { state } = tapeEngine();
    if (state.gradientDepth === 0) {
      const fresh: TapeNode[] = [];
      if (state.activeTape !== null && state.activeTape !== undefined) outerTapes.set(fresh, state.activeTape);
      state.activeTape = fresh;
    }
    state.gradientDepth++;
    this.tape = state.activeTape!;
    this.start = this.tape.length;
  }

  /**
   * Names a tensor, or a tree of them, as something to differentiate by.
   *
   * @returns its argument
   */
  watch<Tree>(tree: Tree): Tree {
    this.checkLive('watch');
    for (const { tensor } of differentiableLeaves(tree, 'the argument of GradientTape.watch'))
      this.watched.add(tensor.id);
    return tree;
  }

  /**
   * The gradient `d target / d source`, as far as the tape has recorded the way; may be called any number of times.
   *
   * @param target - a float32 scalar, or any tensor with a `cotangent`
   * @param source - a tensor that was watched or computed on the tape, or a tree of them
   * @returns a tensor for each source, of its shape, which the caller owns
   */
  gradient<Tree>(target: Tensor, source: Tree, options?: TapeGradientOptions<'zeros'>): TreeOf<Tree, Tensor>;
  gradient<Tree>(target: Tensor, source: Tree, options: TapeGradientOptions): TreeOf<Tree, Tensor | null>;
  gradient<Tree>(target: Tensor, source: Tree, options: TapeGradientOptions = {}): TreeOf<Tree, Tensor | null> {
    this.checkLive('gradient');
    checkOptionNames('GradientTape.gradient', options, ['cotangent', 'unused']);
    const { unused = 'zeros' } = options;
    if (unused !== 'zeros' && unused !== 'null') {
      throw new OptionsError('invalid-option', {
        where: 'option "unused" of GradientTape.gradient',
        expected: '"zeros" or "null"',
        received: formatValue(unused),
      });
    }
    const cotangent = checkTarget(target, options.cotangent);
    const nodes = this.tape.slice(this.start);
    const label = 'the source of GradientTape.gradient';
    const made = new Set(nodes.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
    const leaves = differentiableLeaves(source, label);
    for (const { path, tensor } of leaves) {
      if (this.watched.has(tensor.id) || made.has(tensor.id)) continue;
      throw new GradientError('not-watched', {
        where: placeIn(label, path),
        expected: 'a tensor that was watched, or computed on this tape',
        received: `a tensor of shape ${formatShape(tensor.shape)} that was neither`,
        fix: 'call tape.watch(x) with it before it is used',
      });
    }
    const tensors = leaves.map(({ tensor }) => tensor);
    const gradients = tf.tidy(() => {
      const pullback = Pullback.through(nodes, tensors, [target]);
      const found = pullback.backward([cotangent ?? tf.ones(target.shape)]);
      const all = found.map((gradient, i) => gradient ?? (unused === 'zeros' ? tf.zeros(tensors[i]!.shape) : null));
      return all as unknown as tf.TensorContainer;
    }) as unknown as (Tensor | null)[];
    return unflattenTree(source, gradients);
  }

  /** Ends the recording and frees what it kept; a second call does nothing. `using` calls it at the end of the block. */
  dispose(): void {
    if (this.isDisposed) return;
    if (this.frame !== currentFrame() && isRunning(this.frame)) {
      throw new StateError('tape-order', {
        where: 'GradientTape.dispose',
        expected: 'to be called where the tape was begun',
        received: 'a call inside a transformation that began after it and is still running',
        fix: 'dispose it after that, or declare it with `using`',
      });
    }
    this.isDisposed = true;
    const { state } = tapeEngine();
    // A transformation that the tape was begun in, and that has ended, took it down with itself.
    if (!isRunning(this.frame) || state.activeTape !== this.tape || state.gradientDepth === 0) return;
    state.gradientDepth--;
    if (state.gradientDepth > 0) return;
    this.tape.forEach(disposeSaved);
    state.activeTape = outerTapes.get(this.tape) ?? null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private checkLive(method: string): void {
    if (!this.isDisposed && isRunning(this.frame)) return;
    throw new StateError('tape-disposed', {
      where: `GradientTape.${method}`,
      expected: 'a tape that records',
      received: this.isDisposed
        ? 'one that was disposed'
        : 'one that ended with the transformation that it was begun in',
      fix: 'take gradients before the end of its block',
    });
  }
}

/**
 * Begins to record for {@link GradientTape.gradient}; the tape records until it is disposed.
 *
 * @example
 * ```ts
 * import { gradientTape, tf } from 'adjoint';
 *
 * using tape = gradientTape();
 * const weights = tape.watch({ slope: tf.scalar(2), offset: tf.scalar(1) });
 * const output = tf.add(tf.mul(weights.slope, 5), weights.offset);
 * const { slope, offset } = tape.gradient(output, weights);
 * console.log(slope.dataSync()[0], offset.dataSync()[0]); // 5 1
 * ```
 */
export function gradientTape(): GradientTape {
  return new GradientTape();
}

function checkTarget(target: unknown, cotangent: unknown): Tensor | undefined {
  const where = 'the target of GradientTape.gradient';
  if (!(target instanceof tf.Tensor)) {
    throw new GradientError('not-scalar', { where, expected: 'a float32 tensor', received: formatValue(target) });
  }
  if (target.dtype !== 'float32' || (cotangent === undefined && target.rank !== 0)) {
    throw new GradientError('not-scalar', {
      where,
      expected: 'a float32 scalar, or a tensor and its cotangent',
      received: `${target.dtype} ${formatShape(target.shape)}`,
      fix: 'reduce it, e.g. tf.sum(y), or pass { cotangent } of its shape',
    });
  }
  if (cotangent === undefined) return undefined;
  const like = 'option "cotangent" of GradientTape.gradient';
  if (cotangent instanceof tf.Tensor) {
    checkDifferentiable(cotangent, like);
    if (tf.util.arraysEqual(cotangent.shape, target.shape)) return cotangent;
  }
  throw new GradientError('cotangent-mismatch', {
    where: like,
    expected: `float32 ${formatShape(target.shape)}`,
    received: cotangent instanceof tf.Tensor ? `float32 ${formatShape(cotangent.shape)}` : formatValue(cotangent),
    fix: "give a tensor of the target's shape",
  });
}
