import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { GradcheckOptions } from './gradcheck-options.js';
import type { GradcheckReport } from './gradcheck-report.js';
import { runGradcheck } from './run-gradcheck.js';
import type { TensorTree } from './tensor-tree.js';
import { checkFunction, outputLeaves } from './traced-call.js';
import { flattenArguments } from './gradcheck-arguments.js';

/**
 * Compares the gradient of a function with differences of its values, in double precision.
 *
 * Formula: `numeric = (4 D(h / 2) - D(h)) / 3` with `D(h) = (f(x + h d) - f(x - h d)) / 2h`, for each element or for random
 * directions `d`; the error of an input is `||analytic - numeric|| / max(||analytic||, ||numeric||)`. A gradient that is lost
 * in the rounding of `f` is held against that rounding instead.
 *
 * When to use: in the test of a rule of your own, at a point away from kinks. An input of more than `maximumElements` is
 * checked along random directions, each through all its elements, and at some elements; where a direction disagrees, the
 * element is searched for.
 *
 * Shapes: inputs of any shape, also in arrays and records; a result that is no scalar is summed with fixed weights of both
 * signs. Inputs that are not float32 are passed on and not differentiated by.
 *
 * @param fn - a function of the inputs that gives the same result every time
 * @param inputs - its arguments, which stay the caller's
 * @returns the largest error, the element where it is, and the kinks; a wrong gradient does not throw
 * @throws GradientError [no-float-input | disposed-input | not-float | not-deterministic], and [gradcheck] for a wrong
 *   gradient under `throws: true`; OptionsError
 *
 * @example
 * ```ts
 * import { gradcheck, registerKernelVjp, tf } from 'adjoint';
 *
 * const wrong = registerKernelVjp('Sin', { backward: (dy) => ({ x: () => dy }) }, { replace: true });
 * const x = tf.tensor1d([0, 1]);
 * const { passed, worst } = gradcheck((at) => tf.sin(at), [x], { names: ['x'] });
 * console.log(passed, worst.input, worst.element); // false x [1]
 * wrong.remove();
 * x.dispose();
 * ```
 */
export function gradcheck<Inputs extends readonly TensorTree[] | []>(
  fn: (...inputs: { [K in keyof Inputs]: Inputs[K] }) => TensorTree,
  inputs: Inputs,
  options?: OptionsInput<GradcheckOptions>,
): GradcheckReport {
  const where = 'gradcheck';
  checkFunction(fn, where);
  const settings = parseOptions(GradcheckOptions, options, where);
  const { leaves, rebuild } = flattenArguments(fn, inputs, settings.names, where);
  return runGradcheck(
    {
      fn: (at) => outputLeaves(fn(...(rebuild(at) as unknown as Inputs)), where).map(({ tensor }) => tensor),
      inputs: leaves,
      where,
    },
    settings,
  );
}
