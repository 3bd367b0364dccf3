import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { GradcheckOptions } from './gradcheck-options.js';
import type { GradcheckReport } from './gradcheck-report.js';
import { checkInputs, heldToShapes, runGradcheck, type NamedTensor } from './run-gradcheck.js';
import { flattenArguments } from './gradcheck-arguments.js';
import type { TensorTree } from './tensor-tree.js';
import { checkFunction, outputLeaves } from './traced-call.js';
import { valueAndGradients } from './value-and-gradients.js';
import { fixedCotangent } from './weighted-terms.js';

/**
 * Compares the second-order gradient of a function with differences of its first-order gradient, in double precision.
 *
 * Formula: `gradcheck` of `g(x, c) = d(c . f(x)) / dx`, by the inputs `x` and by the cotangents `c` of the results that are
 * no scalars, which the report calls `cotangent 0`, ...
 *
 * When to use: for a rule of your own that is to be right inside gradient penalties, Hessian-vector products and
 * meta-learning; `gradcheck` first.
 *
 * Shapes, options and errors: as `gradcheck`.
 *
 * @example
 * ```ts
 * import { gradgradcheck, tf } from 'adjoint';
 *
 * const x = tf.tensor1d([0.5, -1.5]);
 * console.log(gradgradcheck((at) => tf.sigmoid(at), [x]).passed); // true
 * x.dispose();
 * ```
 */
export function gradgradcheck<Inputs extends readonly TensorTree[] | []>(
  fn: (...inputs: { [K in keyof Inputs]: Inputs[K] }) => TensorTree,
  inputs: Inputs,
  options?: OptionsInput<GradcheckOptions>,
): GradcheckReport {
  const where = 'gradgradcheck';
  checkFunction(fn, where);
  const settings = parseOptions(GradcheckOptions, options, where);
  const { leaves, rebuild } = flattenArguments(fn, inputs, settings.names, where);
  const call = heldToShapes({
    fn: (at) => outputLeaves(fn(...(rebuild(at) as unknown as Inputs)), where).map(({ tensor }) => tensor),
    where,
  });
  checkInputs(leaves, where);
  const cotangents = cotangentsOf(() => call(leaves.map(({ tensor }) => tensor.clone())));
  try {
    const gradients = (at: readonly Tensor[]): Tensor[] => {
      const points = at.slice(0, leaves.length);
      const weights = at.slice(leaves.length);
      const value = (): Tensor => {
        let next = 0;
        const terms = call(points).map((result) => (result.rank === 0 ? result : tf.mul(result, weights[next++]!)));
        return tf.addN(terms.map((term) => tf.sum(term)));
      };
      const chosen = points.filter(({ dtype }) => dtype === 'float32');
      return valueAndGradients(value, chosen).gradients.map((gradient, i) => gradient ?? tf.zerosLike(chosen[i]!));
    };
    return runGradcheck({ fn: gradients, inputs: [...leaves, ...cotangents], where }, settings);
  } finally {
    tf.dispose(cotangents.map(({ tensor }) => tensor));
  }
}

/** A cotangent for each result that is no scalar. */
function cotangentsOf(call: () => readonly Tensor[]): NamedTensor[] {
  const tensors = tf.tidy(() => {
    return call()
      .filter(({ rank }) => rank > 0)
      .map(fixedCotangent);
  });
  return tensors.map((tensor, i) => ({ name: `cotangent ${i}`, tensor }));
}
