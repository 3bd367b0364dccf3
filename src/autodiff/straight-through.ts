import { GradientError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { checkOptionNames } from './check-option-names.js';
import { applyRule, type CustomRule } from './custom-rule.js';
import { checkAlive } from './tensor-tree.js';

/** What {@link straightThrough} may be given. */
export interface StraightThroughOptions {
  /** The function whose gradient is used, of the same inputs. Default the identity of the only input. */
  readonly surrogate?: (...inputs: Tensor[]) => Tensor;
}

const LABEL = 'straightThrough';
const CAPTURE_FIX =
  'pass it as an input and give a surrogate that says its gradient, or pass it through stopGradient()';

/**
 * Makes a function with the values of `fn` and the gradient of a surrogate, by default of the identity: `dy/dx = 1`.
 *
 * When to use: to train through what has no useful gradient, such as rounding, thresholds and quantisation. A surrogate
 * that clips, `(x) => tf.clipByValue(x, -1, 1)`, stops gradients outside of the range.
 *
 * Shapes: `[...]` to `[...]`; the surrogate's result must have the shape of the function's.
 *
 * @param fn - computes the values, in any ops of its inputs; it is never differentiated
 * @param options - `surrogate`: differentiated instead, any order; needed where there is more than one input
 * @returns a function of tensors, whose result belongs to the caller
 * @throws OptionsError [straight-through]; GradientError [surrogate-shape] where the shapes differ, [captured-tensor]
 *   where `fn` uses a tensor that is no input and is differentiated by
 *
 * @example
 * ```ts
 * import { straightThrough, tf } from 'adjoint';
 *
 * const round = straightThrough((x) => tf.round(x));
 * const gradient = tf.grad((x) => tf.square(round(x)))(tf.tensor1d([0.4, 1.6]));
 * console.log([...gradient.dataSync()]); // [0, 4]
 * ```
 *
 * @see https://arxiv.org/abs/1308.3432
 */
export function straightThrough(
  fn: (...inputs: Tensor[]) => Tensor,
  options: StraightThroughOptions = {},
): (...inputs: Tensor[]) => Tensor {
  checkOptionNames(LABEL, options, ['surrogate']);
  const { surrogate } = options;
  for (const [name, value] of Object.entries({ fn, surrogate })) {
    if (typeof value !== 'function' && (value !== undefined || name === 'fn')) {
      throw new OptionsError('straight-through', {
        where: `${LABEL}, argument "${name}"`,
        expected: 'a function of tensors',
        received: formatValue(value),
      });
    }
  }
  return (...inputs) => {
    if (surrogate === undefined && inputs.length !== 1) {
      throw new OptionsError('straight-through', {
        where: LABEL,
        expected: 'one input, whose gradient is passed on',
        received: `${inputs.length} inputs and no surrogate`,
        fix: 'give { surrogate }, which says the gradient by each input',
      });
    }
    inputs.forEach((input, i) => {
      if (input instanceof tf.Tensor) checkAlive(input, `input ${i} of ${LABEL}`);
      else refuseInput(input, i);
    });
    return tf.tidy(() => {
      const soft = surrogate === undefined ? inputs[0]! : surrogate(...inputs);
      const given: Record<string, Tensor> = { surrogate: soft };
      inputs.forEach((input, i) => (given[`input ${i}`] = input));
      return applyRule(ruleOf(fn, inputs), given);
    });
  };
}

/** The value of `fn` with the surrogate's result as its only differentiable input. */
function refuseInput(input: unknown, index: number): never {
  throw new GradientError('rule-input', {
    where: `input ${index} of ${LABEL}`,
    expected: 'a tensor',
    received: formatValue(input),
  });
}

function ruleOf(fn: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): CustomRule {
  return {
    label: LABEL,
    constants: new Set(inputs.map((_, i) => `input ${i}`)),
    captureFix: CAPTURE_FIX,
    forward: ({ surrogate }) => {
      const value = fn(...inputs);
      if (value instanceof tf.Tensor && !tf.util.arraysEqual(value.shape, surrogate!.shape)) {
        throw new GradientError('surrogate-shape', {
          where: LABEL,
          expected: `values of the surrogate's shape ${formatShape(surrogate!.shape)}`,
          received: `shape ${formatShape(value.shape)}`,
          fix: 'give a surrogate whose result has the shape of the function',
        });
      }
      return { value, keep: {} };
    },
    backward: (cotangent) => ({ surrogate: () => cotangent }),
  };
}
