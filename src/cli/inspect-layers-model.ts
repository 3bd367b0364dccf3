import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatValue } from '../core/format-value.js';
import { isJsonObject } from '../storage/checked-json.js';
import type { JsonObject, JsonValue } from '../storage/checked-json.js';
import { elementCount } from '../storage/stored-tensor.js';
import type { Inspection, TensorRow } from './inspection.js';

/** Bytes of an element as tfjs stores it. */
const BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  complex64: 8,
  uint8: 1,
  uint16: 2,
  float16: 2,
};

/** What the `model.json` of a tf.layers model and the files beside it hold, by their sizes: they carry no hashes. */
export async function inspectLayersModel(path: string, json: JsonObject): Promise<Inspection> {
  const problems: string[] = [];
  const tensors: TensorRow[] = [];
  const files: { name: string; bytes: number }[] = [];
  const groups = json['weightsManifest'];
  for (const group of Array.isArray(groups) ? (groups as readonly JsonValue[]) : []) {
    const { paths, weights } = isJsonObject(group) ? group : ({} as JsonObject);
    const names = listOf(paths).map(String);
    let present = 0;
    for (const name of names) {
      const bytes = await sizeOf(path, name, problems);
      present += bytes ?? NaN;
      files.push({ name, bytes: bytes ?? 0 });
    }
    const rows = listOf(weights).map((weight) => rowOf(weight, names.join(', '), problems));
    tensors.push(...rows);
    const expected = rows.reduce((sum, { bytes }) => sum + bytes, 0);
    if (!Number.isNaN(present) && !Number.isNaN(expected) && present !== expected) {
      problems.push(`${names.join(', ')}: ${present} bytes; expected ${expected} bytes for its weights`);
    }
  }
  const { size } = await lstat(path);
  return {
    path,
    kind: 'layers-model',
    complete: problems.length === 0,
    problems,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, size),
    writtenBy: typeof json['generatedBy'] === 'string' ? json['generatedBy'] : undefined,
    meta: { format: json['format'] ?? null, convertedBy: json['convertedBy'] ?? null },
    files,
    tensors: tensors.map((row) => (Number.isNaN(row.bytes) ? { ...row, bytes: 0 } : row)),
  };
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

async function sizeOf(model: string, name: string, problems: string[]): Promise<number | undefined> {
  if (/^([\\/]|\w:)|(^|[\\/])\.\.([\\/]|$)/.test(name)) {
    problems.push(`${formatValue(name)}: a file outside of the model's folder; expected one inside`);
    return undefined;
  }
  const found = await lstat(join(dirname(model), name)).catch(() => undefined);
  if (found?.isFile() === true) return found.size;
  problems.push(`${name}: ${found === undefined ? 'not there' : 'no file'}; expected a file of weights`);
  return undefined;
}

/** NaN bytes where the type has no size of its own, as texts. */
function rowOf(weight: JsonValue, file: string, problems: string[]): TensorRow {
  const { name, shape, dtype, quantization } = isJsonObject(weight) ? weight : ({} as JsonObject);
  const stored = isJsonObject(quantization) ? quantization['dtype'] : dtype;
  const sizes = listOf(shape).map(Number);
  const count = elementCount(sizes);
  if (typeof name !== 'string' || typeof dtype !== 'string' || !Array.isArray(shape) || Number.isNaN(count)) {
    problems.push(`a weight of ${file}: ${formatValue(weight)}; expected { name, shape, dtype }`);
    return { file, name: String(name), dtype: String(dtype), shape: [], bytes: NaN };
  }
  const bytes = typeof stored === 'string' && Object.hasOwn(BYTES, stored) ? BYTES[stored]! * count : NaN;
  return { file, name, dtype: typeof stored === 'string' ? stored : dtype, shape: sizes, bytes };
}
