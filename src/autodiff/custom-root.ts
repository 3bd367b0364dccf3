import { GradientError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { checkOptionNames } from './check-option-names.js';
import { implicitRoot } from './implicit-root.js';
import { denseSolver, type LinearSolver } from './linear-solvers.js';

/** What {@link customRoot} may be given. */
export interface CustomRootOptions {
  /**
   * Solves the linear system of the derivative, of as many unknowns as the root has elements. Default: the matrix is
   * written down and factored, for at most 256 unknowns.
   */
  readonly linearSolver?: LinearSolver;
  /** Largest element of the residual that counts as zero; read on the host, so not inside `recorded`. Default unchecked. */
  readonly tolerance?: number;
}

/**
 * The root `x` of `residual(x, ...parameters) = 0`, found by any means, with its exact derivative by the parameters.
 *
 * By the implicit function theorem `dx/dp = -(dF/dx)^-1 dF/dp` at the root. The solver is not differentiated: it may iterate as
 * long as it likes, branch on values, or run elsewhere, and nothing of it is kept. Every order is right.
 *
 * When to use: for a function that is defined by an equation, such as the minimum of an inner problem (its residual is
 * the inner gradient), a layer in equilibrium, or a hyperparameter's influence on a fitted model.
 *
 * Shapes: root and residual have one shape, any; parameters have any.
 *
 * @param residual - in differentiable ops of the root and the parameters; a tensor that it uses without being given it
 *   is a constant, or an error where it is differentiated by
 * @param solve - computes the root from the parameters
 * @returns a function of the parameters, float32 tensors or integer ones that are constants; the caller owns its result
 * @throws OptionsError; GradientError [residual-shape | not-a-root | singular | captured-tensor]
 *
 * @example
 * ```ts
 * import { customRoot, grad, tf } from 'adjoint';
 *
 * // The cube root, found by Newton's method on the host.
 * const newton = (a: tf.Tensor) => {
 *   let x = 1;
 *   for (let i = 0; i < 50; i++) x -= (x ** 3 - a.dataSync()[0]!) / (3 * x ** 2);
 *   return tf.scalar(x);
 * };
 * const cubeRoot = customRoot((x, a) => tf.sub(tf.pow(x, 3), a), newton);
 * console.log(grad(cubeRoot)(tf.scalar(8)).dataSync()[0]); // 1/12
 * ```
 *
 * @see Blondel et al.: "Efficient and Modular Implicit Differentiation" (2022)
 */
export function customRoot<Parameters extends Tensor[]>(
  residual: (x: Tensor, ...parameters: Parameters) => Tensor,
  solve: (...parameters: Parameters) => Tensor,
  options: CustomRootOptions = {},
): (...parameters: Parameters) => Tensor {
  checkOptionNames('customRoot', options, ['linearSolver', 'tolerance']);
  const { linearSolver = denseSolver, tolerance } = options;
  for (const [name, value] of Object.entries({ residual, solve, linearSolver })) {
    if (typeof value === 'function') continue;
    throw new OptionsError('invalid-option', {
      where: `"${name}" of customRoot`,
      expected: 'a function',
      received: formatValue(value),
    });
  }
  if (tolerance !== undefined && !(typeof tolerance === 'number' && tolerance >= 0)) {
    throw new OptionsError('invalid-option', {
      where: 'option "tolerance" of customRoot',
      expected: 'a number of at least 0',
      received: formatValue(tolerance),
    });
  }
  const anyResidual = residual as unknown as (...tensors: Tensor[]) => Tensor;
  const anySolve = solve as unknown as (...tensors: Tensor[]) => Tensor;
  const solveAndCheck = (...parameters: Tensor[]): Tensor => {
    const root = anySolve(...parameters);
    // What is no tensor is refused by the rule.
    if (tolerance === undefined || !(root instanceof tf.Tensor) || root.isDisposed) return root;
    const left: unknown = anyResidual(root, ...parameters);
    if (left instanceof tf.Tensor) checkRoot(left, tolerance);
    return root;
  };
  return (...parameters) =>
    implicitRoot({ label: 'customRoot', residual: anyResidual, solve: solveAndCheck, linearSolver }, parameters);
}

function checkRoot(residual: Tensor, tolerance: number): void {
  const largest = tf.tidy(() => tf.max(tf.abs(residual)).dataSync()[0]!);
  if (largest <= tolerance) return;
  throw new GradientError('not-a-root', {
    where: 'customRoot, result of solve',
    expected: `a root: a residual of at most ${tolerance}`,
    received: `a residual of ${largest}`,
    fix: 'let the solver run longer, or raise the tolerance',
  });
}
