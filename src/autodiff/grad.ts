import { tf, type Tensor } from '../engine/tfjs.js';
import { differentiated, type GradientsOf, type GradOptions } from './value-and-grad.js';

/**
 * A function that computes the gradient `df/dx` of a scalar function by its first argument.
 *
 * When to use: everywhere; inside another `grad` for higher orders, and inside `recorded` for speed.
 *
 * A constant has the gradient zero. What is captured, or passed as a further argument, is a constant; `arguments: [0, 2]`
 * differentiates by several arguments and gives an array.
 *
 * Shapes: the gradient has the tree and the shapes of what is differentiated by; its tensors are the caller's.
 *
 * @param fn - returns a float32 scalar; its first argument is a float32 tensor, or a tree of them, further ones are anything
 * @throws GradientError [not-scalar | integer-input | disposed-input | promise | tree-leaf] from the function that it returns;
 *   OptionsError
 *
 * @example
 * ```ts
 * import { grad, tf } from 'adjoint';
 *
 * const cube = (x: tf.Tensor) => tf.sum(tf.pow(x, 3));
 * console.log([...grad(cube)(tf.tensor1d([1, 2])).dataSync()]); // 3, 12
 *
 * const slope = (x: tf.Tensor) => tf.sum(grad(cube)(x));
 * console.log([...grad(slope)(tf.tensor1d([1, 2])).dataSync()]); // 6, 12
 * ```
 *
 * @see Griewank, Walther: "Evaluating Derivatives" (SIAM 2008), chapter 3
 */
export function grad<
  Args extends readonly unknown[] = readonly Tensor[],
  const Options extends GradOptions = GradOptions,
>(fn: (...args: Args) => Tensor, options?: Options): (...args: Args) => GradientsOf<Args, Options> {
  const compute = differentiated('grad', fn as unknown as (...args: unknown[]) => unknown, options);
  return (...args) => {
    const { value, gradient } = compute(...args);
    tf.dispose(value);
    return gradient as GradientsOf<Args, Options>;
  };
}
