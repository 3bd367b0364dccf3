import { GradientError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { implicitRoot } from './implicit-root.js';
import { checkIterations, type LinearSolver } from './linear-solvers.js';

/** What {@link fixedPoint} may be given. */
export interface FixedPointOptions {
  /** Number of iterations, the most where a tolerance is given. Default 100. */
  readonly iterations?: number;
  /**
   * Stops when no element changes by more than this; read on the host, so not inside `recorded`. Default: all iterations
   * are run, and convergence is not checked.
   */
  readonly tolerance?: number;
}

/**
 * The fixed point `x = step(x, ...parameters)` that iteration from a start leads to, with its exact derivative.
 *
 * Both passes iterate: forward `x <- step(x, p)`, backward `u <- v + u dstep/dx`, which converges where the forward pass does and as
 * fast. Nothing of the iterations is kept, however many there are; every order is right. The start has no influence on
 * the fixed point, hence no gradient.
 *
 * When to use: for equilibrium models, value iteration, and other contractions. Where the step contracts slowly, give
 * `customRoot` a better solver.
 *
 * Shapes: start, step and fixed point have one shape, any; parameters have any.
 *
 * @param step - in differentiable ops of its inputs
 * @returns a function of the start and the parameters, float32 tensors or integer ones that are constants; the caller
 *   owns its result
 * @throws OptionsError [invalid-option]; GradientError [not-converged] where a tolerance is given; [residual-shape] where the
 *   step changes the shape; [captured-tensor]
 *
 * @example
 * ```ts
 * import { fixedPoint, grad, tf } from 'adjoint';
 *
 * // The square root of a, by Heron's iteration.
 * const root = fixedPoint((x, a) => tf.mul(0.5, tf.add(x, tf.div(a, x))), { tolerance: 1e-6 });
 * console.log(grad((a: tf.Tensor) => root(tf.scalar(1), a))(tf.scalar(4)).dataSync()[0]); // 0.25
 * ```
 *
 * @see Bai, Kolter, Koltun: "Deep Equilibrium Models" (2019)
 */
export function fixedPoint<Parameters extends Tensor[]>(
  step: (x: Tensor, ...parameters: Parameters) => Tensor,
  options: FixedPointOptions = {},
): (start: Tensor, ...parameters: Parameters) => Tensor {
  const { iterations = 100, tolerance } = options;
  checkIterations('fixedPoint', iterations);
  if (typeof step !== 'function' || (tolerance !== undefined && !(tolerance > 0))) {
    const wrong = typeof step === 'function' ? 'option "tolerance"' : 'argument "step"';
    throw new OptionsError('invalid-option', {
      where: `${wrong} of fixedPoint`,
      expected: typeof step === 'function' ? 'a positive number' : 'a function',
      received: formatValue(typeof step === 'function' ? tolerance : step),
    });
  }
  const anyStep = step as unknown as (...tensors: Tensor[]) => Tensor;
  const iterate = (what: string, start: Tensor, next: (x: Tensor) => Tensor): Tensor => {
    let x = start.clone();
    let change = Infinity;
    for (let i = 0; i < iterations && !(tolerance !== undefined && change <= tolerance); i++) {
      const following = tf.tidy(() => next(x));
      if (tolerance !== undefined) change = tf.tidy(() => tf.max(tf.abs(tf.sub(following, x))).dataSync()[0]!);
      x.dispose();
      x = following;
    }
    if (tolerance === undefined || change <= tolerance) return x;
    x.dispose();
    throw new GradientError('not-converged', {
      where: `fixedPoint, ${what}`,
      expected: `a change of at most ${tolerance} within ${iterations} iterations`,
      received: `a change of ${change} in the last`,
      fix: 'raise iterations or tolerance, or use customRoot: this step does not contract, or only slowly',
    });
  };
  const linearSolver: LinearSolver = (product, right) =>
    iterate('backward pass', right, (u) => tf.add(right, tf.sub(u, product(u))));
  return (start, ...parameters) =>
    implicitRoot(
      {
        label: 'fixedPoint',
        residual: (x, ...at) => tf.sub(x, anyStep(x, ...at)),
        solve: (...at) => iterate('forward pass', start, (x) => anyStep(x, ...at)),
        linearSolver,
      },
      parameters,
    );
}
