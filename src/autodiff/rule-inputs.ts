import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';

interface Declared {
  readonly inputs: readonly string[];
  readonly nonDifferentiable?: readonly string[];
}

/** Refuses a rule whose name or inputs are declared wrongly. */
export function checkRuleInputs(
  label: string,
  name: unknown,
  rule: Declared,
  options: readonly string[],
  others: readonly string[] = [],
): void {
  const refuse = (where: string, expected: string, received: unknown, fix?: string): never => {
    throw new OptionsError('rule-definition', {
      where: `${label}${where}`,
      expected,
      received: formatValue(received),
      fix,
    });
  };
  if (typeof name !== 'string' || !/^[\w.-]+\/[\w.-]+$/.test(name)) {
    refuse('', 'a name of the form "vendor/kebab-case", e.g. "app/swish"', name);
  }
  if (typeof rule !== 'object' || rule === null) refuse('', 'an object with inputs, forward and backward', rule);
  const misspelt = Object.keys(rule).find((key) => !options.includes(key));
  if (misspelt !== undefined)
    refuse('', `options among ${options.join(', ')}`, misspelt, didYouMean(misspelt, options));
  const { inputs, nonDifferentiable = [] } = rule;
  const named = (list: unknown): boolean =>
    Array.isArray(list) && list.every((item) => typeof item === 'string' && item !== '');
  if (!named(inputs) || inputs.length + others.length === 0) {
    refuse(', option "inputs"', "names of the inputs, e.g. ['x']", inputs);
  }
  if (!named(nonDifferentiable)) refuse(', option "nonDifferentiable"', 'names of inputs', nonDifferentiable);
  const all = [...inputs, ...others];
  const twice = all.find((input, i) => all.indexOf(input) !== i);
  if (twice !== undefined) refuse(', option "inputs"', 'each name once', twice, 'name the inputs apart');
  const unknown = nonDifferentiable.find((input) => !inputs.includes(input));
  if (unknown !== undefined) {
    refuse(', option "nonDifferentiable"', 'names of inputs', unknown, didYouMean(unknown, inputs));
  }
  if (all.every((input) => nonDifferentiable.includes(input))) {
    refuse(', option "nonDifferentiable"', 'an input that is left to differentiate by', nonDifferentiable);
  }
}
