import { StateError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../storage/checked-json.js';
import { readValues, storeValues, type StoredTensor } from '../storage/stored-tensor.js';

/** What a callback keeps over a restart: JSON, in which `Float32Array` may stand for long lists, and numbers need not be finite. */
export type CallbackState =
  | null
  | boolean
  | number
  | string
  | Float32Array
  | readonly CallbackState[]
  | { readonly [key: string]: CallbackState };

/** Keys of the objects that stand for what JSON cannot say. */
const NUMBER = '$number';
const ARRAY = '$array';
/** Those, and names through which a careless copy would reach an object's prototype: no file of ours has such a key. */
const REFUSED_KEYS: ReadonlySet<string> = new Set([NUMBER, ARRAY, '__proto__', 'constructor', 'prototype']);
/** More would not be read back; a state that holds itself has no end. */
const MOST_LEVELS = 100;

/**
 * Makes JSON of a state; its arrays go into `tensors`, uncopied.
 *
 * @param where - whose state it is, for errors; and the prefix of the arrays' names
 */
export function encodeState(
  state: CallbackState,
  where: string,
  tensors: Map<string, StoredTensor>,
  level = 0,
): JsonValue {
  if (state === null || typeof state === 'boolean' || typeof state === 'string') return state;
  if (typeof state === 'number') {
    return Number.isFinite(state) && !Object.is(state, -0)
      ? state
      : { [NUMBER]: Object.is(state, -0) ? '-0' : String(state) };
  }
  if (isFloats(state)) {
    const name = `${where}/${tensors.size}`;
    tensors.set(name, storeValues('float32', state, [state.length]));
    return { [ARRAY]: name };
  }
  const encoded = (item: CallbackState): JsonValue => encodeState(item, where, tensors, level + 1);
  if (level >= MOST_LEVELS) throw unstorable(where, `more than ${MOST_LEVELS} levels, as where an object holds itself`);
  // Also the holes of an array, which `map` passes over.
  if (Array.isArray(state)) return Array.from(state as readonly CallbackState[], encoded);
  if (isPlain(state)) {
    const given = Object.entries(state).filter(([, item]) => item !== undefined);
    const refused = given.find(([key]) => REFUSED_KEYS.has(key));
    if (refused !== undefined) throw unstorable(where, `the key "${refused[0]}", which no file may have`);
    return Object.fromEntries(given.map(([key, item]) => [key, encoded(item)]));
  }
  throw unstorable(where, formatValue(state));
}

function unstorable(where: string, received: string): StateError {
  return new StateError('callback-state', {
    where: `the state of ${where}`,
    expected: 'numbers, strings, booleans, null, Float32Array, and arrays and plain objects of them',
    received,
    fix: 'let saveState() turn it into these, and restoreState() turn it back',
  });
}

/** @throws StateError [callback-state] where it is not what `encodeState` makes */
export function decodeState(json: JsonValue, tensors: ReadonlyMap<string, StoredTensor>): CallbackState {
  if (Array.isArray(json)) return (json as readonly JsonValue[]).map((item) => decodeState(item, tensors));
  if (!isJsonObject(json)) return json as CallbackState;
  if (typeof json[NUMBER] === 'string') return Number(json[NUMBER]);
  if (typeof json[ARRAY] === 'string') return floatsOf(json, tensors);
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, decodeState(item, tensors)]));
}

function floatsOf(json: JsonObject, tensors: ReadonlyMap<string, StoredTensor>): Float32Array {
  const name = json[ARRAY] as string;
  const stored = tensors.get(name);
  if (stored !== undefined) return Float32Array.from(readValues(stored, 'float32', `array "${name}"`));
  throw new StateError('callback-state', {
    where: 'the state of a callback',
    expected: `an array "${name}" in the checkpoint`,
    received: 'none of that name',
  });
}

/** Also one from another realm. */
function isFloats(value: CallbackState): value is Float32Array {
  return Object.prototype.toString.call(value) === '[object Float32Array]';
}

function isPlain(value: unknown): value is Readonly<Record<string, CallbackState>> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
