import { GradientError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { withRule } from '../core/path-scope.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { offTape } from './off-tape.js';
import { refuseDisposed } from './refuse-disposed.js';
import { checkResult, checkResultNames } from './rule-results.js';
import { disposeSaved, TapeSegment } from './tape-segment.js';
import { tapeEngine, withTapeAside, type TapeNode } from './tape.js';

/** What a rule keeps for its backward function: tensors, and plain values beside them. */
export type KeptValues = Readonly<Record<string, unknown>>;

interface ForwardResult {
  readonly value: Tensor;
  readonly keep: KeptValues;
  /** Other tensors whose origin is looked through for inputs that were not given. */
  readonly uses?: readonly Tensor[];
}

/** A function with a gradient of its own, as every public form of it comes down to. */
export interface CustomRule {
  /** As errors say it: `rule "app/swish"`. */
  readonly label: string;
  /** The names of the inputs that nothing is differentiated by. */
  readonly constants: ReadonlySet<string>;
  /** Added to the error about a tensor that is used without being an input. */
  readonly captureFix: string;
  forward(inputs: Readonly<Record<string, Tensor>>): ForwardResult;
  backward(cotangent: Tensor, kept: KeptValues): Readonly<Record<string, () => Tensor>>;
}

/** Sees each use of a rule, with its inputs, before it runs. */
export type RuleObserver = (rule: CustomRule, inputs: Readonly<Record<string, Tensor>>) => void;

let observer: RuleObserver | undefined;

/** Runs `fn`, and shows `see` every rule that is used in it. */
export function withRuleObserver<T>(see: RuleObserver, fn: () => T): T {
  const outer = observer;
  observer = see;
  try {
    return fn();
  } finally {
    observer = outer;
  }
}

/**
 * Runs a rule's forward function, as one node of the tape if there is one.
 *
 * Forward runs on the tape, is taken off it again, and the rule stands in its place. What it used without being given is
 * an input of that node, too, with a gradient that throws: a constant is never asked for one.
 */
export function applyRule(rule: CustomRule, inputs: Readonly<Record<string, Tensor>>): Tensor {
  for (const [name, input] of Object.entries(inputs)) checkInput(rule, name, input);
  observer?.(rule, inputs);
  const { state } = tapeEngine();
  return tf.tidy(() => {
    if (state.gradientDepth > 0 && state.kernelDepth === 0) return applyOnTape(rule, inputs);
    const first = tapeEngine().nextTensorId();
    const { value } = runForward(rule, inputs);
    return value.id < first ? value.clone() : value;
  });
}

function applyOnTape(rule: CustomRule, inputs: Readonly<Record<string, Tensor>>): Tensor {
  const engine = tapeEngine();
  const start = engine.state.activeTape!.length;
  const first = engine.nextTensorId();
  const cut = (): TapeNode[] => engine.state.activeTape!.splice(start);
  let result: ForwardResult;
  try {
    result = runForward(rule, inputs);
  } catch (error) {
    cut().forEach(disposeSaved);
    throw error;
  }
  const constants = new Set([...rule.constants].flatMap((name) => inputs[name]?.id ?? []));
  const given = new Set(Object.values(inputs).map(({ id }) => id));
  const segment = new TapeSegment(cut(), first, given);
  const intermediates = Object.values(result.keep).filter(
    (kept): kept is Tensor =>
      kept instanceof tf.Tensor && kept.id >= first && kept.id !== result.value.id && kept.dtype === 'float32',
  );
  // An intermediate that is kept goes on depending on the inputs, for the sake of the second order.
  const retained = segment.retain(intermediates, constants);
  engine.state.activeTape!.push(...retained);

  const inner = result.value;
  const value = inner.id < first || segment.makes(retained, inner) ? offTape(() => inner.clone()) : inner;
  const captured = segment.captured([inner, ...(result.uses ?? [])]);
  const nodeInputs: Record<string, Tensor> = {};
  for (const [name, input] of Object.entries(inputs)) if (!rule.constants.has(name)) nodeInputs[name] = input;
  captured.forEach((tensor, i) => (nodeInputs[captureName(i)] = tensor));
  const saved: Tensor[] = [];
  const kept: Record<string, unknown> = {};
  const inside = segment.dependents([...Object.values(nodeInputs)]);
  inside.delete(value.id);
  const gradients = (cotangent: Tensor) => gradientsOf(rule, cotangent, kept, { inputs: nodeInputs, captured, inside });
  engine.addTapeNode(rule.label, nodeInputs, [value], gradients, saved, {});
  for (const [name, item] of Object.entries(result.keep)) {
    if (!(item instanceof tf.Tensor)) {
      kept[name] = item;
      continue;
    }
    const source = item === inner ? value : item;
    const copy = tf.keep(constants.has(source.id) ? offTape(() => source.clone()) : tf.clone(source));
    saved.push(copy);
    kept[name] = copy;
  }
  return value;
}

interface NodeOfRule {
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** Those of the inputs that the rule was not given. */
  readonly captured: readonly Tensor[];
  /** Ids of the tensors inside the forward function that depend on the inputs. */
  readonly inside: ReadonlySet<number>;
}

function gradientsOf(
  rule: CustomRule,
  cotangent: Tensor,
  kept: KeptValues,
  { inputs, captured, inside }: NodeOfRule,
): Record<string, () => Tensor> {
  const names = Object.keys(inputs).slice(0, Object.keys(inputs).length - captured.length);
  const results = runBackward(rule, inside, () => rule.backward(cotangent, kept));
  checkResultNames(rule.label, names, results);
  const gradients: Record<string, () => Tensor> = {};
  const taken = new Set<Tensor>();
  for (const name of names) {
    gradients[name] = () =>
      runBackward(rule, inside, () => {
        const first = tapeEngine().nextTensorId();
        const gradient = results[name]!();
        refuseDisposed(cotangent, `${rule.label}, backward`, 'the cotangent');
        for (const [key, item] of Object.entries(kept)) {
          if (item instanceof tf.Tensor) refuseDisposed(item, `${rule.label}, backward`, `kept value "${key}"`);
        }
        checkResult(rule.label, name, inputs[name]!, gradient, cotangent);
        // The tape disposes a gradient once it has added another to it; this one may still be wanted elsewhere.
        const own = gradient.id < first || taken.has(gradient) ? gradient.clone() : gradient;
        taken.add(own);
        return own;
      });
  }
  captured.forEach((tensor, i) => {
    gradients[captureName(i)] = () => {
      throw new GradientError('captured-tensor', {
        where: rule.label,
        expected: 'a forward function of its inputs: what else it uses is a constant',
        received: `a tensor of shape [${tensor.shape.join(', ')}] that is not an input, and is differentiated by`,
        fix: rule.captureFix,
      });
    };
  });
  return gradients;
}

function runForward(rule: CustomRule, inputs: Readonly<Record<string, Tensor>>): ForwardResult {
  const result = withRule(rule.label, () => rule.forward(inputs));
  const { value, keep } = result;
  const received =
    (value as unknown) instanceof Promise
      ? 'a promise'
      : !((value as unknown) instanceof tf.Tensor)
        ? formatValue(value)
        : value.isDisposed
          ? 'a disposed tensor'
          : value.dtype === 'float32'
            ? undefined
            : `dtype ${value.dtype}`;
  if (received !== undefined) {
    if ((value as unknown) instanceof Promise) (value as unknown as Promise<unknown>).catch(() => {});
    throw new GradientError('rule-value', {
      where: `${rule.label}, result of forward`,
      expected: 'a float32 tensor',
      received,
      fix: 'return the tensor, or { value, keep }, from a synchronous function',
    });
  }
  if (
    typeof (keep as unknown) !== 'object' ||
    keep === null ||
    Array.isArray(keep) ||
    (keep as unknown) instanceof tf.Tensor
  ) {
    throw new GradientError('rule-keep', {
      where: `${rule.label}, result of forward`,
      expected: 'an object under keep, with a name for each thing that is kept',
      received: formatValue(keep),
      fix: 'return e.g. { value, keep: { x } }',
    });
  }
  for (const [name, item] of Object.entries(keep)) checkKept(rule, name, item);
  for (const [name, input] of Object.entries(inputs))
    refuseDisposed(input, `${rule.label}, forward`, `input "${name}"`);
  return result;
}

/** Runs a part of the backward function; user code may differentiate in it, and what it made must not outlive a throw. */
function runBackward<T>(rule: CustomRule, inside: ReadonlySet<number>, fn: () => T): T {
  const { state } = tapeEngine();
  const outer = state.activeTape;
  const start = outer?.length ?? 0;
  const result = withTapeAside(() => {
    try {
      return withRule(rule.label, fn);
    } catch (error) {
      if (state.activeTape !== outer) state.activeTape?.forEach(disposeSaved);
      throw error;
    }
  });
  if (state.gradientDepth > 0) {
    for (const node of state.activeTape!.slice(start)) {
      for (const input of Object.values(node.inputs)) {
        if (inside.has(input.id)) throw notKept(rule, input);
      }
    }
  }
  return result;
}

function notKept(rule: CustomRule, tensor: Tensor): GradientError {
  return new GradientError('not-kept', {
    where: `${rule.label}, backward`,
    expected: 'tensors that forward kept',
    received: `a tensor of shape [${tensor.shape.join(', ')}] that forward made and did not keep: a constant to the second order`,
    fix: 'return it under keep from forward, or compute it from kept inputs',
  });
}

function captureName(index: number): string {
  return `captured ${index}`;
}

function checkInput(rule: CustomRule, name: string, input: unknown): void {
  const where = `${rule.label}, input "${name}"`;
  if (!(input instanceof tf.Tensor)) {
    throw new GradientError('rule-input', { where, expected: 'a tensor', received: formatValue(input) });
  }
  if (input.isDisposed) {
    throw new GradientError('disposed-input', { where, expected: 'a living tensor', received: 'a disposed one' });
  }
  if (input.dtype !== 'float32' && !rule.constants.has(name)) {
    throw new GradientError('integer-input', {
      where,
      expected: 'a float32 tensor, which can be differentiated by',
      received: `dtype ${input.dtype}`,
      fix: `declare it: nonDifferentiable: ['${name}']`,
    });
  }
}

function checkKept(rule: CustomRule, name: string, item: unknown): void {
  const refuse = (received: string, fix: string): never => {
    throw new GradientError('rule-keep', {
      where: `${rule.label}, kept value "${name}"`,
      expected: 'a living tensor, or a value without tensors',
      received,
      fix,
    });
  };
  if (item instanceof tf.Tensor) {
    if (item.isDisposed) refuse('a disposed tensor', 'keep it before it is disposed');
  } else if (item instanceof Promise) {
    item.catch(() => {});
    refuse('a promise', 'keep what it resolves to; a rule is synchronous');
  } else if (holdsTensor(item)) {
    refuse('an array or object with tensors in it', 'keep each tensor under a name of its own');
  }
}

function holdsTensor(value: unknown, seen = new Set<object>()): boolean {
  if (value instanceof tf.Tensor) return true;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return false;
  seen.add(value);
  const items = value instanceof Map || value instanceof Set ? [...value.values()] : Object.values(value);
  return items.some((item) => holdsTensor(item, seen));
}
