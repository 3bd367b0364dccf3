import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { currentServices, type NamedRule } from '../core/services.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { applyRule, type CustomRule, type KeptValues } from './custom-rule.js';
import { checkRuleInputs } from './rule-inputs.js';
import type { Removable } from './register-kernel-vjp.js';

/** One tensor for each name. */
export type TensorsOf<Names extends readonly string[]> = { [Position in keyof Names]: Tensor };

/** What `forward` returns where something is kept for `backward`. */
export interface VjpForward<Kept extends KeptValues> {
  readonly value: Tensor;
  /** Tensors, each under a name of its own, and plain values such as shapes; freed by itself. */
  readonly keep: Kept;
}

/** A function with a gradient of its own: a vector-Jacobian product. */
export interface VjpRule<Names extends readonly string[], Constant extends Names[number], Kept extends KeptValues> {
  /** The inputs' names, in the order in which `forward` takes them. */
  readonly inputs: Names;
  /**
   * Inputs that nothing is differentiated by, such as indices: constants to every order. An input that is not float32
   * must be one. Default none.
   */
  readonly nonDifferentiable?: readonly Constant[];
  /** Computes the value, in any ops of its inputs. Returns it, or `{ value, keep }`. */
  readonly forward: (...inputs: TensorsOf<Names>) => Tensor | VjpForward<Kept>;
  /**
   * Computes gradients, in differentiable ops of the cotangent and what was kept.
   *
   * @returns for each differentiable input a function that computes its gradient, of the input's shape; only the functions
   *   of inputs that are differentiated by are called
   */
  readonly backward: (
    cotangent: Tensor,
    kept: Kept,
  ) => Readonly<Record<Exclude<Names[number], Constant>, () => Tensor>>;
}

/** A function of tensors with a gradient of its own. */
export interface CustomFunction<Names extends readonly string[]> extends Removable {
  /** The result belongs to the caller, or to the surrounding `tf.tidy`. */
  (...inputs: TensorsOf<Names>): Tensor;
  /** The rule's name. */
  readonly ruleName: string;
  /** Takes the name off `listVjps()` and gives it free; the function goes on working. */
  remove(): void;
}

/**
 * Defines a function with a gradient of its own: `dx = dy * J`, one lazy result per differentiable input.
 *
 * When to use: where the automatic gradient is unstable, wasteful or not the wanted one (a straight-through estimator, a
 * clipped gradient). The function is used like any op: eagerly, in a layer, inside `recorded`, `inFloat64` and other
 * rules, and at any order. Forward is not differentiated; only backward is, for the orders above the first.
 *
 * *Keep inputs, not intermediates.* Backward is differentiated for the second order through what it keeps. A kept input
 * costs nothing, since the input exists anyway. A kept intermediate is right as well, but has to go on depending on the
 * inputs: the ops that made it stay on the tape with all that they keep, and their own gradients are used.
 *
 * *Every input is named.* A weight or another tensor that forward uses without being given it would lose its gradient in
 * silence: if it is differentiated by, that is an error. Pass it in: `scaled(x, this.factor.value)`.
 *
 * @param name - of the form `vendor/kebab-case`; one rule per name in each instance of Adjoint (see `createAdjoint`)
 * @param rule - inputs, forward and backward
 * @returns a function of tensors; refuses inputs by GradientError [rule-input | disposed-input | integer-input], results
 *   by [rule-value | rule-keep | rule-result | rule-unknown-input | rule-incomplete | rule-dtype | rule-shape], lost
 *   gradients by [captured-tensor | not-kept]
 * @throws OptionsError [rule-definition]; SetupError [registered-twice]
 *
 * @example
 * ```ts
 * import { defineVjp, tf } from 'adjoint';
 *
 * // log(1 + exp(x)), whose automatic gradient is NaN for large x.
 * const softplus = defineVjp('app/softplus', {
 *   inputs: ['x'],
 *   forward: (x) => ({ value: tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x))))), keep: { x } }),
 *   backward: (cotangent, { x }) => ({ x: () => tf.mul(cotangent, tf.sigmoid(x)) }),
 * });
 * const gradient = tf.grad((x) => softplus(x))(tf.tensor1d([0, 100]));
 * console.log([...gradient.dataSync()]); // [0.5, 1]
 * softplus.remove();
 * ```
 *
 * @see https://docs.jax.dev/en/latest/notebooks/Custom_derivative_rules_for_Python_code.html
 */
export function defineVjp<
  const Names extends readonly string[],
  Kept extends KeptValues = Record<never, never>,
  const Constant extends Names[number] = never,
>(name: string, rule: VjpRule<Names, Constant, Kept>): CustomFunction<Names> {
  const label = `rule ${formatValue(name)}`;
  checkRuleInputs(label, name, rule, ['inputs', 'nonDifferentiable', 'forward', 'backward']);
  for (const part of ['forward', 'backward'] as const) {
    if (typeof rule[part] === 'function') continue;
    throw new OptionsError('rule-definition', {
      where: `${label}, option "${part}"`,
      expected: 'a function',
      received: formatValue(rule[part]),
    });
  }
  const { forward, backward } = rule;
  const inputs = [...rule.inputs] as unknown as Names;
  const custom: CustomRule = {
    label,
    constants: new Set(rule.nonDifferentiable),
    captureFix: 'add it to inputs and pass it in, e.g. handle.value for a weight; or pass it through stopGradient()',
    forward: (given) => {
      const result = forward(...(inputs.map((input) => given[input]) as unknown as TensorsOf<Names>));
      return isValueAndKeep(result) ? result : { value: result, keep: {} };
    },
    backward: backward as unknown as CustomRule['backward'],
  };
  const entry: NamedRule = { name, inputs: [...inputs], nonDifferentiable: [...custom.constants] };
  const { rules } = currentServices();
  rules.register(name, entry);
  const call = (...given: TensorsOf<Names>): Tensor => {
    checkCount(label, inputs, given);
    return applyRule(custom, Object.fromEntries(inputs.map((input, i) => [input, given[i]!])));
  };
  return Object.assign(call, { ruleName: name, remove: () => rules.remove(name, entry) });
}

function isValueAndKeep<Kept extends KeptValues>(result: Tensor | VjpForward<Kept>): result is VjpForward<Kept> {
  return typeof result === 'object' && result !== null && !(result instanceof tf.Tensor) && 'keep' in result;
}

function checkCount(label: string, names: readonly string[], given: readonly unknown[]): void {
  if (given.length === names.length) return;
  throw new OptionsError('rule-inputs', {
    where: label,
    expected: `${names.length} tensors: ${names.join(', ')}`,
    received: `${given.length} arguments`,
  });
}
