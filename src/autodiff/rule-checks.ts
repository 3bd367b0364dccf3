import { checkFunction, refusePromise } from './traced-call.js';

let checking = false;

/** Whether the results of custom rules are tested for NaN and infinity. */
export function checksRules(): boolean {
  return checking;
}

/**
 * Runs `fn`, in which a custom rule that makes a finite cotangent NaN or infinite is an error naming rule, input and
 * element.
 *
 * When to use: to find which rule a NaN comes from. Every result is read on the host, so that it is slow, and a
 * `TraceError` in a recorded function.
 *
 * @param fn - a synchronous function that differentiates something
 * @throws GradientError [rule-not-finite] from the gradient of a rule of `defineVjp`, `@CustomVjp` and their kin
 *
 * @example
 * ```ts
 * import { defineVjp, tf, withRuleChecks } from 'adjoint';
 *
 * const root = defineVjp('app/root', {
 *   inputs: ['x'],
 *   forward: (x) => ({ value: tf.sqrt(x), keep: { x } }),
 *   backward: (cotangent, { x }) => ({ x: () => tf.div(cotangent, tf.mul(2, tf.sqrt(x))) }),
 * });
 * try {
 *   withRuleChecks(() => tf.grad((x) => root(x))(tf.tensor1d([4, 0])));
 * } catch (error) {
 *   console.log((error as Error).message); // GradientError [rule-not-finite] rule "app/root", gradient by input "x" ...
 * }
 * ```
 */
export function withRuleChecks<T>(fn: () => T): T {
  checkFunction(fn, 'withRuleChecks');
  const outer = checking;
  checking = true;
  try {
    const result = fn();
    refusePromise(result, 'withRuleChecks');
    return result;
  } finally {
    checking = outer;
  }
}
