import { OptionsError, SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { ownList, readList, refuseStandardDecorators } from '../core/metadata.js';
import { didYouMean } from '../core/nearest-name.js';
import type { NamedRule } from '../core/services.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { withVariableReads } from '../engine/variable-reads.js';
import { Variable } from '../engine/variable.js';
import { applyRule } from './custom-rule.js';
import { checkRuleInputs } from './rule-inputs.js';

/** What `@CustomVjp` says of a method. */
export interface MethodVjpRule<
  Self,
  Input extends string,
  Weight extends string,
  Constant extends string,
  Keep extends string,
> {
  /** Names for the method's first parameters, which are tensors; further parameters are passed on as they are. */
  readonly inputs: readonly Input[];
  /** Fields of `this` that hold the weights which the method uses. A field without a weight is left out. Default none. */
  readonly weights?: readonly Weight[];
  /** Inputs that nothing is differentiated by. Default none. */
  readonly nonDifferentiable?: readonly Constant[];
  /** The inputs and weights, and `'value'` for the result, that `backward` uses. Default none. */
  readonly keep?: readonly Keep[];
  /**
   * @param cotangent - gradient of the final result by the method's
   * @param kept - what `keep` names
   * @param self - the object whose method was called
   * @returns for each differentiable input and each weight a function that computes its gradient
   */
  readonly backward: (
    cotangent: Tensor,
    kept: Readonly<Record<Keep, Tensor>>,
    self: Self,
  ) => Readonly<Record<Exclude<Input, Constant> | Weight, () => Tensor>>;
}

const RULES = Symbol('adjoint:custom-vjps');
const VALUE = 'value';

/** A method that takes tensors first and returns one. */
export type TensorMethod = (...parameters: never[]) => Tensor;

/**
 * Gives a method a gradient of its own; see `defineVjp`, whose sentences on inputs, orders and errors hold here, too.
 *
 * When to use: for a layer whose `call` has a better gradient than the automatic one. The weights that the method reads
 * are inputs of the rule: name their fields under `weights`, and return a gradient for each. A weight that is used and
 * not named is an error as soon as it is differentiated by.
 *
 * Only inputs, weights and the result can be kept, so that every order is right.
 *
 * @param name - of the form `vendor/kebab-case`; in `listVjps()` once the class is registered
 * @throws OptionsError [rule-definition]; SetupError [standard-decorators | rule-declared-twice] where it is applied
 *
 * @example
 * ```ts
 * import { BaseLayer, CustomVjp, Layer, tf, Weight, type Tensor, type WeightHandle } from 'adjoint';
 *
 * @Layer('app/scale')
 * class Scale extends BaseLayer {
 *   @Weight<Scale>(() => ({ shape: [], initializer: 'ones' })) factor!: WeightHandle;
 *
 *   @CustomVjp('app/scale', {
 *     inputs: ['x'],
 *     weights: ['factor'],
 *     keep: ['x', 'factor'],
 *     backward: (cotangent, { x, factor }) => ({
 *       x: () => tf.mul(cotangent, factor),
 *       factor: () => tf.sum(tf.mul(cotangent, x)),
 *     }),
 *   })
 *   call(x: Tensor): Tensor {
 *     return tf.mul(x, this.factor.value);
 *   }
 * }
 * const scale = new Scale();
 * const gradient = tf.grad((x) => scale.call(x))(tf.tensor1d([1, 2]));
 * console.log([...gradient.dataSync()]); // [1, 1]
 * scale.dispose();
 * ```
 */
export function CustomVjp<
  Self extends object = object,
  const Input extends string = string,
  const Weight extends string = never,
  const Constant extends Input = never,
  const Keep extends Input | Weight | typeof VALUE = never,
>(name: string, rule: MethodVjpRule<Self, Input, Weight, Constant, Keep>) {
  const label = `rule ${formatValue(name)}`;
  checkDefinition(label, name, rule as unknown as AnyRule);
  const { inputs, weights = [], keep = [] } = rule as unknown as AnyRule;
  const constants = new Set<string>(rule.nonDifferentiable);
  const entry: NamedRule = { name, inputs: [...inputs, ...weights], nonDifferentiable: [...constants] };
  return <Method extends TensorMethod>(
    target: object,
    method: string | symbol,
    descriptor?: TypedPropertyDescriptor<Method>,
  ): void => {
    refuseStandardDecorators('CustomVjp', method);
    const original = descriptor?.value as unknown as ((...parameters: unknown[]) => Tensor) | undefined;
    if (typeof original !== 'function') {
      throw new SetupError('rule-on-method', {
        where: `decorator @CustomVjp on "${String(method)}"`,
        expected: 'a method',
        received: 'a field, an accessor or a static member',
        fix: 'use defineVjp for a function that is no method',
      });
    }
    const rules = ownList<NamedRule>(RULES, target);
    if (rules.some((other) => other.name === name)) {
      throw new SetupError('rule-declared-twice', {
        where: `${label} on method "${String(method)}"`,
        expected: 'one method for each name',
        received: 'a second method under that name',
        fix: 'give it another name',
      });
    }
    rules.push(entry);
    descriptor!.value = function (this: object, ...parameters: unknown[]): Tensor {
      const given = Object.fromEntries(inputs.map((input, i) => [input, parameters[i] as Tensor]));
      return tf.tidy(() => {
        const held = Object.fromEntries(weights.flatMap((field) => weightOf(label, this, field)));
        const all = { ...given, ...held };
        const absent = weights.filter((field) => !(field in held));
        return applyRule(
          {
            label,
            constants,
            captureFix: "name the weight's field under weights, or make the tensor a parameter of the method",
            forward: (at) => {
              const others = parameters.slice(inputs.length);
              // The weights that it was given: a check of the rule gives others than the object's own.
              const value = withVariableReads(readsOf(this, weights, at), () =>
                original.apply(this, [...inputs.map((input) => at[input]), ...others]),
              );
              return { value, keep: Object.fromEntries(keep.map((key) => [key, key === VALUE ? value : at[key]])) };
            },
            backward: (cotangent, kept) =>
              without(absent, (rule as unknown as AnyRule).backward(cotangent, kept, this)),
          },
          all,
        );
      });
    } as unknown as Method;
  };
}

/** What stands for the variables of an object's fields while its method runs, by the fields' names. */
function readsOf(owner: object, fields: readonly string[], at: Readonly<Record<string, Tensor>>) {
  const held = owner as Readonly<Record<string, { readonly variable?: unknown } | undefined>>;
  return new Map(
    fields.flatMap((field) => {
      const variable = at[field] === undefined ? undefined : held[field]?.variable;
      return variable instanceof Variable ? [[variable, at[field]!] as const] : [];
    }),
  );
}

type AnyRule = {
  readonly inputs: readonly string[];
  readonly weights?: readonly string[];
  readonly nonDifferentiable?: readonly string[];
  readonly keep?: readonly string[];
  readonly backward: (cotangent: Tensor, kept: unknown, self: object) => Results;
};

type Results = Readonly<Record<string, () => Tensor>>;

/** The rules that the methods of a class and its ancestors declare. */
export function declaredRules(declaredClass: { readonly prototype: object }): readonly NamedRule[] {
  return readList(RULES, declaredClass.prototype);
}

function weightOf(label: string, owner: object, field: string): [string, Tensor][] {
  const handle = (owner as Record<string, unknown>)[field];
  if (handle === undefined || handle === null) return [];
  if (typeof handle !== 'object' || !('value' in handle)) {
    throw new SetupError('rule-weight', {
      where: `${label}, weight "${field}"`,
      expected: 'a field that holds a weight',
      received: formatValue(handle),
      fix: `declare the field with @Weight, or leave it out of weights`,
    });
  }
  // A weight whose factory returned null is never built.
  if ('built' in handle && handle.built === false) return [];
  return [[field, handle.value as Tensor]];
}

/** The results but for the weights that an object does without. */
function without(absent: readonly string[], results: Results): Results {
  if (absent.length === 0 || typeof results !== 'object' || results === null) return results;
  return Object.fromEntries(Object.entries(results).filter(([name]) => !absent.includes(name)));
}

const RULE_OPTIONS = ['inputs', 'weights', 'nonDifferentiable', 'keep', 'backward'];

function checkDefinition(label: string, name: unknown, rule: AnyRule): void {
  checkRuleInputs(label, name, rule, RULE_OPTIONS, rule?.weights ?? []);
  const named = [...rule.inputs, ...(rule.weights ?? [])].includes(VALUE);
  const keepable = [...rule.inputs, ...(rule.weights ?? []), VALUE];
  const unknown = (rule.keep ?? []).find((key) => !keepable.includes(key));
  if (unknown !== undefined) {
    throw new OptionsError('rule-definition', {
      where: `${label}, option "keep"`,
      expected: `names of inputs and weights, or "${VALUE}" for the result`,
      received: formatValue(unknown),
      fix: didYouMean(unknown, keepable),
    });
  }
  if (named) {
    throw new OptionsError('rule-definition', {
      where: `${label}, option "inputs"`,
      expected: `other names than "${VALUE}", which stands for the result`,
      received: formatValue(VALUE),
      fix: 'name it otherwise',
    });
  }
  if (typeof rule.backward !== 'function') {
    throw new OptionsError('rule-definition', {
      where: `${label}, option "backward"`,
      expected: 'a function',
      received: formatValue(rule.backward),
    });
  }
}
