import type { ValidationError } from 'class-validator';
import type { ValidationMetadata } from 'class-validator/types/metadata/ValidationMetadata.js';

/** What a value that breaks one of these rules should have been: `a whole number of at least 1`. */
export function describeRules(rules: readonly ValidationMetadata[], failure: ValidationError): string {
  const byName = new Map(rules.map((rule) => [rule.name, rule]));
  const phrase = describeKnown(byName, failure.value);
  const others = Object.entries(failure.constraints ?? {})
    .filter(([name]) => !KNOWN.has(name) || byName.get(name)?.message !== undefined || phrase === undefined)
    .map(([, message]) => message);
  return [...(phrase === undefined ? [] : [phrase]), ...others].join('; ') || 'a valid value';
}

type Rules = ReadonlyMap<string | undefined, ValidationMetadata>;

const KNOWN: ReadonlySet<string> = new Set([
  'isInt',
  'isNumber',
  'isPositive',
  'min',
  'max',
  'isBoolean',
  'isIn',
  'isString',
  'isNotEmpty',
  'isArray',
  'arrayNotEmpty',
  'isObject',
  'isInstance',
]);

function describeKnown(rules: Rules, value: unknown): string | undefined {
  const each = [...rules.values()].some((rule) => rule.each);
  if (each || rules.has('isArray')) {
    const filled = rules.has('arrayNotEmpty') ? 'a filled array' : 'an array';
    const elements = rules.has('isInt') ? ` of ${rules.has('isPositive') ? 'positive ' : ''}whole numbers` : '';
    return filled + elements;
  }
  if (rules.has('isInt') || rules.has('isNumber')) return describeNumber(rules, value);
  if (rules.has('isBoolean')) return 'true or false';
  if (rules.has('isIn')) {
    const [choices] = rules.get('isIn')!.constraints as [readonly unknown[]];
    return `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`;
  }
  if (rules.has('isString')) return rules.has('isNotEmpty') ? 'a string that is not empty' : 'a string';
  if (rules.has('isObject')) return 'an object';
  if (rules.has('isInstance'))
    return `an instance of ${(rules.get('isInstance')!.constraints as [{ name: string }])[0].name}`;
  return undefined;
}

function describeNumber(rules: Rules, value: unknown): string {
  const whole = rules.has('isInt');
  const bound = (name: string): number | undefined => (rules.get(name)?.constraints as [number] | undefined)?.[0];
  const least = bound('min') ?? (whole && rules.has('isPositive') ? 1 : undefined);
  // The largest whole number there is goes without saying, unless it is the point.
  const isExact = !(typeof value === 'number' && Number.isFinite(value) && value > Number.MAX_SAFE_INTEGER);
  const most = bound('max') === Number.MAX_SAFE_INTEGER && isExact ? undefined : bound('max');
  const kind = whole ? 'a whole number' : 'a finite number';
  if (least !== undefined && most !== undefined) return `${kind} from ${least} to ${most}`;
  if (least !== undefined) return `${kind} of at least ${least}`;
  if (rules.has('isPositive')) return `${kind} above 0`;
  return most === undefined ? kind : `${kind} of at most ${most}`;
}
