import { GradientError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { checkOptionNames } from './check-option-names.js';
import { implicitRoot } from './implicit-root.js';
import { checkIterations, type LinearSolver } from './linear-solvers.js';
import { checkAlive, checkDifferentiable } from './tensor-tree.js';
import { OwnResults, refusePromise } from './traced-call.js';

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
 * @throws OptionsError [invalid-option]; GradientError [not-converged] where a tolerance is given; [step-result] where the
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
  checkOptionNames('fixedPoint', options, ['iterations', 'tolerance']);
  const { iterations = 100, tolerance } = options;
  checkIterations('fixedPoint', iterations);
  if (typeof step !== 'function' || (tolerance !== undefined && !(typeof tolerance === 'number' && tolerance > 0))) {
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
      const following = nextOf(x, next);
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
  return (start, ...parameters) => {
    checkStart(start);
    return implicitRoot(
      {
        label: 'fixedPoint',
        residual: (x, ...at) => tf.sub(x, anyStep(x, ...at)),
        solve: (...at) => iterate('forward pass', start, (x) => anyStep(x, ...at)),
        linearSolver,
      },
      parameters,
    );
  };
}

/** A tensor of its own: a step may hand one of its inputs through. */
function nextOf(x: Tensor, next: (x: Tensor) => Tensor): Tensor {
  return tf.tidy(() => {
    const results = new OwnResults();
    const following: unknown = next(x);
    refusePromise(following, 'fixedPoint');
    if (
      following instanceof tf.Tensor &&
      following.dtype === 'float32' &&
      tf.util.arraysEqual(following.shape, x.shape)
    ) {
      checkAlive(following, 'the result of the function given to fixedPoint', 'disposed-result');
      return results.of(following);
    }
    throw new GradientError('step-result', {
      where: 'the function given to fixedPoint',
      expected: `float32 ${formatShape(x.shape)}, like what it is given`,
      received:
        following instanceof tf.Tensor ? `${following.dtype} ${formatShape(following.shape)}` : formatValue(following),
      fix: 'return the next x, and start from a tensor of its shape',
    });
  });
}

function checkStart(start: unknown): void {
  const where = 'the start of fixedPoint';
  if (start instanceof tf.Tensor) return checkDifferentiable(start, where);
  throw new GradientError('rule-input', { where, expected: 'a float32 tensor', received: formatValue(start) });
}
