import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import type { OptionsClass } from './declaration.js';
import { describeRules } from './describe-rules.js';
import { OptionsError } from './errors.js';
import { formatValue } from './format-value.js';
import { didYouMean, nearestChoice, nearestNames } from './nearest-name.js';
import { optionElsewhere } from './options-elsewhere.js';

/** What a user may write for an options class: its fields, those with a default left out. */
export type OptionsInput<O> = Partial<{ [K in keyof O]: O[K] | undefined }>;

/**
 * Makes validated, frozen options: defaults from the class's fields, then the user's values, then class-validator's
 * rules. Every field of an options class carries a validator, which is also how its name is known.
 *
 * @param where - what the options belong to, as a phrase: `layer Dense`
 * @throws OptionsError [options-type | unknown-option | invalid-option]
 */
export function parseOptions<O extends object>(optionsClass: OptionsClass<O>, input: unknown, where: string): O {
  const known = optionNames(optionsClass);
  const isRecord = typeof input === 'object' && input !== null && !(Symbol.iterator in input);
  if (input !== undefined && !isRecord) {
    throw new OptionsError('options-type', {
      where,
      expected: `an object with the options of ${where}`,
      received: formatValue(input),
      fix: known.size === 0 ? 'leave it out' : `known names: ${[...known].sort().join(', ')}`,
    });
  }
  const options = new optionsClass();
  for (const [name, value] of Object.entries(input ?? {})) {
    if (!known.has(name)) {
      throw new OptionsError('unknown-option', {
        where: `option "${name}" of ${where}`,
        expected: known.size === 0 ? 'no options' : 'a known option',
        received: `"${name}"`,
        fix:
          isRecord && !isPlain(input)
            ? `pass a plain object of options, not ${formatValue(input)}`
            : fixOf(name, known),
      });
    }
    if (value !== undefined) Object.assign(options, { [name]: value as unknown });
  }
  const failures = known.size === 0 ? [] : validateSync(options, { forbidUnknownValues: false });
  if (failures.length > 0) throw invalidOption(optionsClass, failures[0]!, where);
  return Object.freeze(options);
}

function fixOf(name: string, known: ReadonlySet<string>): string {
  if (known.size === 0) return 'leave it out';
  const elsewhere = nearestNames(name, known).length > 0 ? undefined : optionElsewhere(name);
  return elsewhere ?? didYouMean(name, known);
}

/** Not a layer or a tensor that was passed where options belong. */
function isPlain(input: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The names of the fields that an options class and its ancestors validate. */
export function optionNames(optionsClass: OptionsClass): Set<string> {
  return new Set(rulesOf(optionsClass).map((rule) => rule.propertyName));
}

function rulesOf(optionsClass: OptionsClass) {
  return getMetadataStorage().getTargetValidationMetadatas(optionsClass, '', false, false);
}

function invalidOption(optionsClass: OptionsClass, failure: ValidationError, where: string): OptionsError {
  const rules = rulesOf(optionsClass).filter(({ propertyName }) => propertyName === failure.property);
  return new OptionsError('invalid-option', {
    where: `option "${failure.property}" of ${where}`,
    expected: describeRules(rules, failure),
    received: formatValue(failure.value),
    fix: choiceOf(rules, failure.value),
  });
}

function choiceOf(rules: readonly { name?: string; constraints?: unknown }[], value: unknown): string | undefined {
  const choices = rules.find(({ name }) => name === 'isIn')?.constraints as [readonly unknown[]] | undefined;
  if (choices === undefined || typeof value !== 'string') return undefined;
  return nearestChoice(
    value,
    choices[0].filter((choice) => typeof choice === 'string'),
  );
}
