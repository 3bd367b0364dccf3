import { disposeSaved } from './tape-segment.js';
import { tapeEngine, withTapeState } from './tape.js';
import { checkFunction, refusePromise } from './traced-call.js';

/**
 * Runs a function without recording it: to every gradient around it, its result is a constant.
 *
 * When to use: for parts of a computation whose gradient is not wanted; they keep nothing for a backward pass. A `grad`
 * inside works as ever. To cut a single tensor off, use `stopGradient`.
 *
 * @throws GradientError [promise] if `fn` returns one
 *
 * @example
 * ```ts
 * import { grad, noGrad, tf } from 'adjoint';
 *
 * const f = (x: tf.Tensor) => tf.mul(x, noGrad(() => tf.square(x)));
 * console.log(grad(f)(tf.scalar(3)).dataSync()[0]); // 9, the square counts as a constant
 * ```
 */
export function noGrad<Result>(fn: () => Result): Result {
  checkFunction(fn, 'noGrad');
  return withTapeState({ activeTape: null, gradientDepth: 0 }, () => {
    try {
      const result = fn();
      refusePromise(result, 'noGrad');
      return result;
    } finally {
      // Of a persistent tape that was begun inside and not ended.
      tapeEngine().state.activeTape?.forEach(disposeSaved);
    }
  });
}
