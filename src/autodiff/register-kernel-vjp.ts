import { GradientError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { checkOptionNames } from './check-option-names.js';
import { refuseDisposed } from './refuse-disposed.js';
import { tapeEngine, type KernelAttributes } from './tape.js';

/** What a rule kept from the forward pass. */
export interface KeptTensors {
  /** Whether the call had this input: an optional one, such as a bias, may be absent. */
  has(name: string): boolean;
  /** @throws GradientError [not-kept] if the rule's `keepInputs` does not name it */
  input(name: string): Tensor;
  /** @throws GradientError [not-kept] if the rule's `keepOutputs` is not true for it */
  output(index: number): Tensor;
}

/** How gradients flow back through a kernel: a vector-Jacobian product. */
export interface KernelVjpRule {
  /** Names of the inputs that `backward` uses. Default none. */
  readonly keepInputs?: readonly string[];
  /** Keeps every input of a kernel that takes a list, named `'0'`, `'1'`, ... Default false. */
  readonly keepAllInputs?: boolean;
  /** True for each output that `backward` uses. Default none. */
  readonly keepOutputs?: readonly boolean[];
  /**
   * @param cotangent - gradient of the result by the first output; zeros where only other outputs were used
   * @param kept - what `keepInputs` and `keepOutputs` asked for
   * @param attributes - the kernel's attributes
   * @param cotangents - one for each output, `null` for one that the result does not depend on
   * @returns for each differentiable input a function that computes its gradient, of the input's shape
   */
  backward(
    cotangent: Tensor,
    kept: KeptTensors,
    attributes: KernelAttributes,
    cotangents: readonly (Tensor | null)[],
  ): Record<string, () => Tensor>;
}

/** Undoes what returned it. */
export interface Removable {
  remove(): void;
}

type GradientEntry = Parameters<typeof tf.registerGradient>[0];

interface Registered {
  readonly entry: GradientEntry;
  /** Absent for an entry of tfjs itself. */
  readonly rule?: KernelVjpRule;
}

/** Entries of each kernel that has a rule, the one in force last. */
const registered = new Map<string, Registered[]>();

/**
 * Registers how gradients flow back through a kernel: `dx = dy * J`, one lazy result per differentiable input.
 *
 * Write `backward` in differentiable operations of the cotangent and the kept tensors, and its own gradient, the second
 * order, follows by itself. For a kernel that tfjs has no gradient for, or to use a native gradient kernel instead.
 *
 * @param kernelName - the kernel, as tfjs names it: `Relu`, `Conv2D`
 * @param rule - what to keep from the forward pass, and the backward function
 * @param options - `replace: true` puts the rule before one that is there already, tfjs's own included. Default false
 * @returns an object whose `remove()` brings back what was in force before
 * @throws OptionsError [rule-definition | unknown-option]; GradientError [rule-registered-twice] if the kernel has a gradient and `replace` is not true
 *
 * @example
 * ```ts
 * import { registerKernelVjp, tf } from 'adjoint';
 *
 * // A straight-through estimator: rounding with the gradient of the identity.
 * const rule = registerKernelVjp('Round', { backward: (cotangent) => ({ x: () => cotangent }) }, { replace: true });
 * const gradient = tf.grad((x) => tf.round(x))(tf.tensor1d([0.4, 1.6]));
 * console.log([...gradient.dataSync()]); // [1, 1]
 * rule.remove();
 * ```
 */
export function registerKernelVjp(
  kernelName: string,
  rule: KernelVjpRule,
  options: { readonly replace?: boolean } = {},
): Removable {
  checkKernelRule(kernelName, rule, options);
  const stack = registered.get(kernelName) ?? [];
  const present = tf.getGradient(kernelName) as GradientEntry | undefined;
  if (present !== undefined && options.replace !== true) {
    const ours = stack.at(-1)?.rule !== undefined;
    throw new GradientError('rule-registered-twice', {
      where: `gradient of kernel "${kernelName}"`,
      expected: 'a kernel without a gradient',
      received: ours ? 'a second rule for it' : "a rule for a kernel that has tfjs's own gradient",
      fix: ours
        ? 'remove() the first rule, or pass { replace: true }'
        : 'pass { replace: true } to put yours before it',
    });
  }
  if (stack.length === 0 && present !== undefined) stack.push({ entry: present });
  const mine: Registered = { rule, entry: toGradientEntry(kernelName, rule) };
  stack.push(mine);
  registered.set(kernelName, stack);
  activate(kernelName);
  return {
    remove: () => {
      const index = stack.indexOf(mine);
      if (index < 0) return;
      stack.splice(index, 1);
      activate(kernelName);
    },
  };
}

/** The rule in force for a kernel, if it is one of ours. */
export function kernelRule(kernelName: string): KernelVjpRule | undefined {
  return registered.get(kernelName)?.at(-1)?.rule;
}

/** The kernels that have a rule of ours. */
export function kernelsWithRules(): string[] {
  return [...registered.keys()].filter((kernelName) => kernelRule(kernelName) !== undefined);
}

/** The gradients of a recorded kernel by its rule, each checked against the input that it belongs to. */
export function applyKernelRule(
  kernelName: string,
  rule: KernelVjpRule,
  recorded: { inputs: Record<string, Tensor>; outputs: readonly Tensor[]; saved: readonly Tensor[] },
  attributes: KernelAttributes,
  cotangents: readonly (Tensor | null)[],
): Record<string, () => Tensor> {
  const { inputs, outputs, saved } = recorded;
  const names = rule.keepAllInputs === true ? Object.keys(inputs) : presentInputs(rule, inputs);
  const first = cotangents[0] ?? tf.fill(outputs[0]!.shape, 0);
  const where = `gradient of kernel "${kernelName}"`;
  const oldest = tapeEngine().nextTensorId();
  const gradients: unknown = rule.backward(first, keptTensors(kernelName, rule, names, saved), attributes, cotangents);
  checkGradientRecord(where, gradients);
  const checked: Record<string, () => Tensor> = {};
  const taken = new Set<Tensor>();
  for (const [name, input] of Object.entries(inputs)) {
    if (input === undefined || input === null) continue;
    checked[name] = () => {
      const gradient = gradients[name];
      if (typeof gradient !== 'function') throw incomplete(kernelName, name, Object.keys(gradients));
      const result = gradient();
      for (const lent of [...cotangents, ...saved]) if (lent) refuseDisposed(lent, where, 'a cotangent or kept tensor');
      checkGradientOf(kernelName, name, input, result);
      // The tape disposes a gradient once it has added another to it; this one may still be wanted elsewhere.
      const own = result.id < oldest || taken.has(result) ? result.clone() : result;
      taken.add(own);
      return own;
    };
  }
  return checked;
}

/** Those of the inputs that a rule keeps which the call had: only they are saved. */
function presentInputs({ keepInputs = [] }: KernelVjpRule, inputs: Record<string, Tensor>): string[] {
  return keepInputs.filter((name) => inputs[name] !== undefined && inputs[name] !== null);
}

function activate(kernelName: string): void {
  const top = registered.get(kernelName)?.at(-1);
  if (tf.getGradient(kernelName) !== undefined) tf.unregisterGradient(kernelName);
  if (top !== undefined) tf.registerGradient(top.entry);
}

/** For a tape without the repairs, which knows neither the inputs' shapes nor which outputs were used. */
function toGradientEntry(kernelName: string, rule: KernelVjpRule): GradientEntry {
  return {
    kernelName,
    inputsToSave: [...(rule.keepInputs ?? [])],
    saveAllInputs: rule.keepAllInputs ?? false,
    outputsToSave: [...(rule.keepOutputs ?? [])],
    gradFunc: (dy, saved, attributes) => {
      const cotangents = Array.isArray(dy) ? dy : [dy];
      const names = rule.keepAllInputs === true ? saved.map((_, i) => String(i)) : (rule.keepInputs ?? []);
      return rule.backward(cotangents[0]!, keptTensors(kernelName, rule, names, saved), attributes, cotangents);
    },
  };
}

function keptTensors(
  kernelName: string,
  rule: KernelVjpRule,
  inputNames: readonly string[],
  saved: readonly Tensor[],
): KeptTensors {
  const keptOutputs = (rule.keepOutputs ?? []).flatMap((kept, i) => (kept ? [i] : []));
  const find = (position: number, what: string, fix: string): Tensor => {
    const tensor = position < 0 ? undefined : saved[position];
    if (tensor !== undefined) return tensor;
    throw new GradientError('not-kept', {
      where: `gradient of kernel "${kernelName}"`,
      expected: `a tensor that the rule keeps`,
      received: what,
      fix,
    });
  };
  return {
    has: (name) => inputNames.includes(name),
    input: (name) => find(inputNames.indexOf(name), `input "${name}"`, `add "${name}" to the rule's keepInputs`),
    output: (index) => {
      const position = keptOutputs.indexOf(index);
      return find(
        position < 0 ? -1 : inputNames.length + position,
        `output ${index}`,
        `set element ${index} of the rule's keepOutputs to true`,
      );
    },
  };
}

function incomplete(kernelName: string, input: string, given: readonly string[]): GradientError {
  return new GradientError('rule-incomplete', {
    where: `gradient of kernel "${kernelName}" by its input "${input}"`,
    expected: `a function under the key "${input}"`,
    received: given.length === 0 ? 'none' : `results for ${given.map((name) => `"${name}"`).join(', ')}`,
    fix: `return one for "${input}" too; () => tf.zerosLike(...) where it has no influence`,
  });
}

function checkGradientOf(kernelName: string, name: string, input: Tensor, gradient: Tensor): void {
  const where = `gradient of kernel "${kernelName}" by its input "${name}"`;
  if (!(gradient instanceof tf.Tensor)) {
    if ((gradient as unknown) instanceof Promise) (gradient as unknown as Promise<unknown>).catch(() => {});
    throw new GradientError('rule-result', { where, expected: 'a tensor', received: formatValue(gradient) });
  }
  if (gradient.isDisposed) {
    throw new GradientError('rule-result', { where, expected: 'a living tensor', received: 'a disposed tensor' });
  }
  if (gradient.dtype !== 'float32' && gradient.dtype !== input.dtype) {
    throw new GradientError('rule-dtype', { where, expected: 'dtype float32', received: `dtype ${gradient.dtype}` });
  }
  if (!tf.util.arraysEqual(gradient.shape, input.shape)) {
    throw new GradientError('rule-shape', {
      where,
      expected: `the input's shape ${formatShape(input.shape)}`,
      received: `shape ${formatShape(gradient.shape)}`,
      fix: 'sum over the axes that were broadcast, or reshape',
    });
  }
}

function checkGradientRecord(where: string, gradients: unknown): asserts gradients is Record<string, () => Tensor> {
  if (typeof gradients === 'object' && gradients !== null && !(gradients instanceof tf.Tensor)) {
    if (!(gradients instanceof Promise)) return;
    gradients.catch(() => {});
  }
  throw new GradientError('rule-result', {
    where: `${where}, result of backward`,
    expected: 'an object with a function for each input',
    received: formatValue(gradients),
    fix: 'return e.g. { x: () => gradient }',
  });
}

const RULE_OPTIONS = ['keepInputs', 'keepAllInputs', 'keepOutputs', 'backward'];

function checkKernelRule(kernelName: string, rule: KernelVjpRule, options: object): void {
  const where = `gradient of kernel ${formatValue(kernelName)}`;
  const refuse = (option: string, expected: string, received: unknown): never => {
    throw new OptionsError('rule-definition', {
      where: `${where}${option}`,
      expected,
      received: formatValue(received),
    });
  };
  if (typeof kernelName !== 'string' || kernelName === '') refuse('', 'a kernel\'s name, e.g. "Relu"', kernelName);
  checkOptionNames(where, rule, RULE_OPTIONS);
  checkOptionNames('registerKernelVjp', options, ['replace']);
  const { keepInputs = [], keepOutputs = [], backward } = rule;
  const every = (list: unknown, type: string): boolean =>
    Array.isArray(list) && list.every((item) => typeof item === type);
  if (typeof backward !== 'function') refuse(', option "backward"', 'a function', backward);
  if (!every(keepInputs, 'string')) refuse(', option "keepInputs"', 'names of inputs', keepInputs);
  if (!every(keepOutputs, 'boolean')) refuse(', option "keepOutputs"', 'true or false for each output', keepOutputs);
}
