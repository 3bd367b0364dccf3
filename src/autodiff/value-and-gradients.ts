import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { currentScope, withPhase, withScope } from '../core/path-scope.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { abandonTape } from './tape.js';
import { checkDifferentiable } from './tensor-tree.js';
import { checkFunction, checkScalar, OwnResults } from './traced-call.js';

/** A scalar and its gradient by each input. */
export interface ValueAndGradients {
  /** Scalar. */
  readonly value: Tensor;
  /** One for each input, of its shape; `null` where the value does not depend on it. */
  readonly gradients: (Tensor | null)[];
}

/**
 * Computes a scalar and its gradients `d value / d input` in one forward and one backward pass.
 *
 * The inputs are tensors that `fn` reads, such as the weights as read at a step's start; they are not passed to it.
 * An input that the value does not depend on has the gradient `null`.
 *
 * @param fn - returns a scalar
 * @param inputs - the tensors to differentiate by, any shapes
 * @returns tensors that belong to the caller
 * @throws GradientError [not-scalar | disposed-result | promise] if `fn` returns something else; [integer-input | disposed-input]
 *
 * @example
 * ```ts
 * import { tf, valueAndGradients } from 'adjoint';
 *
 * const x = tf.tensor1d([1, 2]);
 * const unused = tf.scalar(0);
 * const { value, gradients } = valueAndGradients(() => tf.sum(tf.square(x)), [x, unused]);
 * console.log(value.dataSync()[0], [...gradients[0]!.dataSync()], gradients[1]); // 5 [2, 4] null
 * ```
 */
export function valueAndGradients(fn: () => Tensor, inputs: readonly Tensor[]): ValueAndGradients {
  const where = 'valueAndGradients';
  checkFunction(fn, where);
  checkInputs(inputs, where);
  const scope = currentScope();
  const scalar = (): Tensor => {
    const results = new OwnResults();
    const value: unknown = withScope(scope, fn);
    checkScalar(value, where);
    return results.of(value);
  };
  if (inputs.length === 0) return { value: tf.tidy(scalar), gradients: [] };
  try {
    return tf.tidy(() => {
      // What tfjs computes around `fn`, such as sums of gradients, belongs to the backward pass.
      const { value, grads } = withPhase('backward', () => tf.engine().gradients(scalar, [...inputs], undefined, true));
      return { value, gradients: grads.map((gradient) => gradient ?? null) } as unknown as tf.TensorContainer;
    }) as unknown as ValueAndGradients;
  } catch (error) {
    abandonTape();
    throw error;
  }
}

function checkInputs(inputs: readonly Tensor[], where: string): void {
  const wrong: unknown = Array.isArray(inputs) ? inputs.find((input) => !(input instanceof tf.Tensor)) : inputs;
  if (!Array.isArray(inputs) || inputs.some((input) => !(input instanceof tf.Tensor))) {
    throw new OptionsError('gradient-inputs', {
      where: `the inputs of ${where}`,
      expected: 'an array of the tensors to differentiate by',
      received: Array.isArray(inputs) ? `${formatValue(wrong)} in it` : formatValue(wrong),
      fix: `call it as ${where}(() => loss, [x])`,
    });
  }
  inputs.forEach((input, i) => checkDifferentiable(input, `input ${i} of ${where}`));
}
