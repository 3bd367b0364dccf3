import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { encodeJson, isJsonObject, parseJson } from './checked-json.js';
import type { JsonObject, JsonValue } from './checked-json.js';
import { ELEMENT_BYTES, elementCount } from './stored-tensor.js';
import type { StoredTensor, StoredType } from './stored-tensor.js';

/** Bytes of the header's length, which a file begins with. */
export const PREFIX_BYTES = 8;
/** As the reference implementation has it. */
const LARGEST_HEADER = 100e6;
/** As TensorFlow has it. */
const MOST_AXES = 254;
const METADATA = '__metadata__';

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Where a tensor lies, counted from the end of the header. */
export interface TensorPlace {
  readonly name: string;
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their bytes. */
  readonly places: readonly TensorPlace[];
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * A safetensors file in pieces: the header, then each tensor's own bytes, uncopied. Wide elements come first and names
 * in order, so that every tensor is aligned and equal content gives equal bytes.
 *
 * @throws DataError [safetensors] a name or a size that no reader would take
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array[] {
  const entries = [...tensors].sort(
    ([name, a], [other, b]) => ELEMENT_BYTES[b.dtype] - ELEMENT_BYTES[a.dtype] || (name < other ? -1 : 1),
  );
  const header: Record<string, JsonValue> = {};
  if (metadata.size > 0) {
    header[METADATA] = Object.fromEntries([...metadata].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  let end = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    const where = `tensor ${formatValue(name)}`;
    const bytes = elementCount(shape) * ELEMENT_BYTES[dtype];
    if (name === METADATA || name === '__proto__' || /\p{Surrogate}/u.test(name)) {
      throw invalid(where, 'a name that a safetensors file can hold', formatValue(name), 'rename it');
    }
    if (data.length !== bytes || shape.length > MOST_AXES) {
      throw invalid(where, `${bytes} bytes for ${dtype} [${shape.join(', ')}]`, `${data.length} bytes`);
    }
    header[name] = { dtype, shape, data_offsets: [end, (end += bytes)] };
  }
  const json = encodeJson(header, 'the header of a safetensors file');
  const length = Math.ceil(json.length / 8) * 8;
  if (length > LARGEST_HEADER) throw invalid('the header', `at most ${LARGEST_HEADER} bytes`, `${length} bytes`);
  const head = new Uint8Array(PREFIX_BYTES + length).fill(0x20, PREFIX_BYTES);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, PREFIX_BYTES);
  return [head, ...entries.map(([, { data }]) => data)];
}

/**
 * The tensors of a safetensors file as views on its bytes: nothing is copied. Everything that the format asks for is
 * checked before.
 *
 * @param where - the file, as a phrase: `file "weights.safetensors"`
 * @throws DataError [safetensors | json | json-key | json-limit]
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): SafetensorsFile {
  const start = PREFIX_BYTES + headerLength(bytes.subarray(0, PREFIX_BYTES), bytes.length, where);
  const { places, metadata } = parseHeader(bytes.subarray(PREFIX_BYTES, start), bytes.length - start, where);
  const tensors = new Map(
    places.map(({ name, dtype, shape, begin, end }) => [
      name,
      { dtype, shape, data: bytes.subarray(start + begin, start + end) },
    ]),
  );
  return { tensors, metadata };
}

/** The header's length, checked against the file's before anybody allocates or reads it. */
export function headerLength(prefix: Uint8Array, fileBytes: number, where: string): number {
  if (fileBytes < PREFIX_BYTES || prefix.length < PREFIX_BYTES) {
    throw invalid(where, `${PREFIX_BYTES} bytes with the length of the header`, `${fileBytes} bytes`, TRUNCATED);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  const room = Math.min(fileBytes - PREFIX_BYTES, LARGEST_HEADER);
  if (length > room) {
    throw invalid(
      where,
      `a header of at most ${room} bytes`,
      `the length ${length} in a file of ${fileBytes} bytes`,
      FOREIGN,
    );
  }
  return Number(length);
}

/**
 * @param header - its bytes
 * @param dataBytes - how many bytes follow it
 */
export function parseHeader(header: Uint8Array, dataBytes: number, where: string): SafetensorsHeader {
  const json = parseJson(header, `the header of ${where}`, { bytes: LARGEST_HEADER });
  if (!isJsonObject(json)) throw invalid(where, 'an object as header', formatValue(json), FOREIGN);
  const places: TensorPlace[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of Object.entries(json)) {
    if (name === METADATA) metadata = parseMetadata(value, where);
    else places.push(parsePlace(name, value, where));
  }
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of places) {
    if (begin !== covered) {
      const fault = begin < covered ? 'overlaps the one before' : 'leaves a gap';
      throw invalid(placed(name, where), `offsets that begin at ${covered}`, `${begin}, which ${fault}`);
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw invalid(
      where,
      `${covered} bytes of tensors`,
      `${dataBytes} bytes`,
      covered > dataBytes ? TRUNCATED : FOREIGN,
    );
  }
  return { places, metadata };
}

function parseMetadata(value: JsonValue, where: string): ReadonlyMap<string, string> {
  const entries = isJsonObject(value) ? Object.entries(value) : undefined;
  const wrong = entries?.find((entry) => typeof entry[1] !== 'string');
  if (entries === undefined || wrong !== undefined) {
    throw invalid(`"${METADATA}" of ${where}`, 'an object of strings', formatValue(wrong?.[1] ?? value));
  }
  return new Map(entries as [string, string][]);
}

function parsePlace(name: string, value: JsonValue, file: string): TensorPlace {
  const where = placed(name, file);
  if (!isJsonObject(value)) throw invalid(where, 'an object { dtype, shape, data_offsets }', formatValue(value));
  const { dtype, shape, data_offsets: offsets }: JsonObject = value;
  if (typeof dtype !== 'string' || !isStoredType(dtype)) {
    throw invalid(where, `a dtype of ${Object.keys(ELEMENT_BYTES).join(', ')}`, formatValue(dtype));
  }
  const sizes = Array.isArray(shape) ? (shape as readonly unknown[]) : undefined;
  const count = sizes?.every((size) => typeof size === 'number') ? elementCount(sizes as number[]) : NaN;
  const bytes = count * ELEMENT_BYTES[dtype];
  if (sizes === undefined || sizes.length > MOST_AXES || !Number.isSafeInteger(bytes)) {
    throw invalid(
      where,
      `a shape of at most ${MOST_AXES} sizes, 0 or more each, whose bytes can be counted`,
      formatValue(shape),
    );
  }
  const [begin, end, ...more] = Array.isArray(offsets) ? (offsets as readonly unknown[]) : [];
  if (!isOffset(begin) || !isOffset(end) || more.length > 0 || begin > end) {
    throw invalid(where, 'data_offsets [begin, end]', formatValue(offsets));
  }
  if (end - begin !== bytes) {
    throw invalid(where, `${bytes} bytes for ${dtype} [${sizes.join(', ')}]`, `offsets over ${end - begin} bytes`);
  }
  return { name, dtype, shape: sizes as number[], begin, end };
}

function isStoredType(name: string): name is StoredType {
  return Object.hasOwn(ELEMENT_BYTES, name);
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function placed(name: string, where: string): string {
  return `tensor ${formatValue(name)} of ${where}`;
}

const TRUNCATED = 'the file is cut short: restore it from another copy';
const FOREIGN = 'the file is damaged or is no safetensors file: restore it from another copy';

function invalid(where: string, expected: string, received: string, fix?: string): DataError {
  return new DataError('safetensors', { where, expected, received, fix });
}
