import { StateError } from '../core/errors.js';
import type { Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';

/** Gradients, or weights, by weight path. */
export type TensorsByPath = ReadonlyMap<string, Tensor>;

/** A variable that a gradient transform keeps from step to step. */
export interface TransformVariable {
  /** Default a scalar, `[]`. */
  readonly shape?: readonly number[];
  /** What every element starts at; finite. */
  readonly value: number;
  /** Default `float32`. */
  readonly dtype?: 'float32' | 'int32';
  /**
   * Whether a write stays where the update is skipped on the wish of a transform, as for statistics that decide on
   * skipping. A step with something non-finite in it is undone all the same. Default false: it is put back.
   */
  readonly keptOnSkip?: boolean;
}

/** What a transform is given of the running step besides gradients and weights; all of it in tensors and variables. */
export interface TransformStep {
  /** Updates that the optimizer made before this one, an int32 scalar. */
  readonly iteration: Tensor;
  /** Step size of this update, a scalar. */
  readonly learningRate: Tensor;
  /** The transform's own variables, by the names that `variables` gives. */
  readonly variables: Readonly<Record<string, Variable>>;
  /** The transform's slots for a weight, by the names that `slots` gives. */
  slotsOf(path: string): Readonly<Record<string, Variable>>;
  /** Normal numbers of mean 0 and deviation 1, keyed by seed, place in the chain, `name` and step. */
  normal(shape: readonly number[], name: string): Tensor;
  /** Asks that this update be left out unless a boolean scalar is true, as one that is not finite is. */
  skipUnless(condition: Tensor): void;
  /** Logs a scalar under one of the names that `logs` gives; an epoch logs the mean over its finite values. */
  log(name: string, value: Tensor): void;
}

/**
 * A function on a step's gradients, e.g. clipping; an optimizer is a chain of these and one `apply` rule.
 *
 * Written in ops only: it reads nothing on the host and keeps nothing in fields, because a recorded step runs its
 * JavaScript once. What it has to remember it declares in `slots` (for each weight) and `variables`: training makes them,
 * saves them from skipped steps, and frees them with the model.
 *
 * When to use: pass one in `compile({ gradientTransforms: [...] })`; extend nothing, an object will do.
 *
 * @example
 * ```ts
 * import { layers, sequential, tf, type GradientTransform } from 'adjoint';
 *
 * // Passes on the sign of a running sum of the gradients.
 * const signOfSum: GradientTransform = {
 *   name: 'signOfSum',
 *   slots: () => ({ sum: 0 }),
 *   transform: (gradients, _, step) =>
 *     new Map(
 *       [...gradients].map(([path, gradient]) => {
 *         const { sum } = step!.slotsOf(path);
 *         sum!.assignAdd(gradient);
 *         return [path, tf.sign(sum!.read())];
 *       }),
 *     ),
 * };
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ loss: 'meanSquaredError', gradientTransforms: [signOfSum] });
 * await model.fit([[1], [2]], [[2], [4]], { epochs: 2, verbose: 0 });
 * model.dispose();
 * ```
 */
export interface GradientTransform {
  readonly name: string;
  /** Initial values of the slots for the weight of a path, filled to the weight's shape. Default none. */
  slots?(path: string): Readonly<Record<string, number>>;
  /** Variables that belong to no single weight. Default none. */
  variables?(): Readonly<Record<string, TransformVariable>>;
  /** Names of what it logs. Default none. */
  readonly logs?: readonly string[];
  /** Refuses, before the first step, a model whose weights it cannot serve. Default none. */
  check?(paths: readonly string[]): void;
  /**
   * @param gradients - by weight path
   * @param weights - the weights' values at the step's start, same paths
   * @param step - given by training; those that need neither state nor draws work without
   * @returns new gradients, same paths
   */
  transform(gradients: TensorsByPath, weights: TensorsByPath, step?: TransformStep): TensorsByPath;
}

/**
 * The step, for a transform that cannot do without.
 *
 * @throws StateError [no-step]
 */
export function requireStep(name: string, step: TransformStep | undefined): TransformStep {
  if (step !== undefined) return step;
  throw new StateError('no-step', {
    where: `gradient transform "${name}"`,
    expected: 'a step of training, which holds its state and its draws',
    received: 'a call without one',
    fix: 'pass it in compile({ gradientTransforms })',
  });
}
