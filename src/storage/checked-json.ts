import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Far more than a model or a checkpoint needs, and small enough that a hostile file cannot fill the memory. */
const LIMITS = { bytes: 100e6, depth: 200, values: 2e6 };
export type JsonLimits = typeof LIMITS;

/** Names through which a careless copy would reach an object's prototype. */
const REFUSED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Reads JSON that nobody vouches for: strict UTF-8, a limited size, depth and number of values, no key twice in one
 * object, and no key that names a prototype.
 *
 * @throws DataError [json | json-limit | json-key]
 */
export function parseJson(bytes: Uint8Array, where: string, limits: Partial<JsonLimits> = {}): JsonValue {
  const { bytes: most } = { ...LIMITS, ...limits };
  if (bytes.length > most) throw beyondLimit(where, `at most ${most} bytes of JSON`, `${bytes.length} bytes`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DataError('json', { where, expected: 'JSON in UTF-8', received: 'bytes that are no UTF-8' });
  }
  return parseText(text, where, limits);
}

/**
 * Writes JSON that `parseJson` reads back, so that nothing is saved that cannot be loaded.
 *
 * @throws DataError [json-value | json-limit | json-key]
 */
export function encodeJson(value: JsonValue, where: string, indent?: number): Uint8Array {
  const text = JSON.stringify(
    value,
    (key, item: unknown) => {
      const isJson = item === null || ['boolean', 'string', 'object'].includes(typeof item) || Number.isFinite(item);
      // What is left out of an object is left out on purpose.
      if (isJson || (item === undefined && key !== '' && !/^\d+$/.test(key))) return item;
      throw new DataError('json-value', {
        where: key === '' ? where : `"${key}" of ${where}`,
        expected: 'a finite number, a string, a boolean, null, an array or an object',
        received: formatValue(item),
      });
    },
    indent,
  );
  checkStructure(text, where, {});
  return new TextEncoder().encode(text);
}

function parseText(text: string, where: string, limits: Partial<JsonLimits>): JsonValue {
  checkStructure(text, where, limits);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new DataError('json', {
      where,
      expected: 'JSON',
      received: text === '' ? 'nothing' : (error as Error).message.slice(0, 200),
    });
  }
}

/** One pass over the text, before a parser builds anything of it. What is no JSON at all is left to the parser. */
function checkStructure(text: string, where: string, limits: Partial<JsonLimits>): void {
  const { depth, values } = { ...LIMITS, ...limits };
  /** The keys of each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"': {
        const start = at;
        for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
        const keys = open.at(-1);
        if (keys !== undefined && isFollowedByColon(text, at + 1)) addKey(keys, text.slice(start, at + 1), where);
        break;
      }
      case '{':
      case '[':
        count++;
        open.push(text[at] === '{' ? new Set() : undefined);
        if (open.length > depth) throw beyondLimit(where, `at most ${depth} levels of JSON`, 'more');
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        if (++count > values) throw beyondLimit(where, `at most ${values} values in JSON`, 'more');
        break;
    }
  }
}

function isFollowedByColon(text: string, at: number): boolean {
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return text[at] === ':';
}

function addKey(keys: Set<string>, quoted: string, where: string): void {
  let key: string;
  try {
    key = JSON.parse(quoted) as string;
  } catch {
    return;
  }
  if (REFUSED_KEYS.has(key)) {
    throw new DataError('json-key', {
      where,
      expected: `keys other than ${[...REFUSED_KEYS].join(', ')}`,
      received: `the key "${key}"`,
    });
  }
  if (keys.has(key)) {
    throw new DataError('json-key', {
      where,
      expected: 'every key once in its object',
      received: `${formatValue(key)} twice`,
    });
  }
  keys.add(key);
}

function beyondLimit(where: string, expected: string, received: string): DataError {
  return new DataError('json-limit', { where, expected, received });
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
