import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { encodeJson, isJsonObject, parseJson } from './checked-json.js';
import type { JsonObject, JsonValue } from './checked-json.js';

/** Newest version of each kind of folder that this release writes and reads. */
export const FOLDER_VERSIONS = { 'adjoint-model': 1, 'adjoint-checkpoint': 1, 'adjoint-repro': 1 } as const;
export type FolderFormat = keyof typeof FOLDER_VERSIONS;

export const MANIFEST_NAME = 'manifest.json';
export const MANIFEST_BYTES = 16e6;

/** A file of the folder. */
export interface ManifestPart {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

/** What a folder holds; it is written last, so that a folder with a manifest is complete. */
export interface Manifest {
  readonly format: FolderFormat;
  readonly version: number;
  /** Release of Adjoint that wrote it. */
  readonly adjoint: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly parts: readonly ManifestPart[];
  readonly meta: JsonObject;
}

export const ADJOINT_VERSION = (createRequire(import.meta.url)('../../package.json') as { version: string }).version;

/** The last lines of the file: the SHA-256 of the bytes before them. */
const SEAL = /^,\n {2}"sha256": "([0-9a-f]{64})"\n\}\n$/;
const SEAL_BYTES = sealOf('').length + 64;

function sealOf(sha256: string): string {
  return `,\n  "sha256": "${sha256}"\n}\n`;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @throws DataError [manifest | json-value | json-key | json-limit] */
export function encodeManifest(manifest: Manifest, where: string): Uint8Array {
  for (const { name } of manifest.parts) checkPartName(name, where);
  const json = encodeJson(manifest as unknown as JsonObject, where, 2);
  const body = json.subarray(0, json.length - '\n}'.length);
  const bytes = Buffer.concat([body, Buffer.from(sealOf(hashOf(body)))]);
  if (bytes.length > MANIFEST_BYTES) {
    throw new DataError('manifest', {
      where,
      expected: `at most ${MANIFEST_BYTES} bytes`,
      received: `${bytes.length}`,
    });
  }
  return bytes;
}

/**
 * @throws DataError [manifest] it is no manifest, or was changed
 * @throws DataError [newer-version] a later release wrote it
 * @throws DataError [json | json-key | json-limit]
 */
export function parseManifest(bytes: Uint8Array, where: string): Manifest {
  const json = parseJson(bytes, where, { bytes: MANIFEST_BYTES });
  if (!isJsonObject(json)) throw invalid(where, 'an object', json);
  const { format, version, adjoint, created, parts, meta } = json;
  if (typeof format !== 'string' || !Object.hasOwn(FOLDER_VERSIONS, format)) {
    throw invalid(`"format" of ${where}`, Object.keys(FOLDER_VERSIONS).join(', '), format);
  }
  const newest = FOLDER_VERSIONS[format as FolderFormat];
  if (!Number.isSafeInteger(version) || (version as number) < 1)
    throw invalid(`"version" of ${where}`, '1 or more', version);
  if ((version as number) > newest) {
    throw new DataError('newer-version', {
      where,
      expected: `version ${newest} of ${format} at most`,
      received: `version ${String(version)}, written by Adjoint ${formatValue(adjoint)}`,
      fix: `update Adjoint, which is ${ADJOINT_VERSION} here`,
    });
  }
  checkSeal(bytes, where);
  if (typeof adjoint !== 'string') throw invalid(`"adjoint" of ${where}`, 'a version', adjoint);
  if (typeof created !== 'string') throw invalid(`"created" of ${where}`, 'a time', created);
  if (!isJsonObject(meta)) throw invalid(`"meta" of ${where}`, 'an object', meta);
  return {
    format: format as FolderFormat,
    version: version as number,
    adjoint,
    created,
    parts: parseParts(parts, where),
    meta,
  };
}

function checkSeal(bytes: Uint8Array, where: string): void {
  const cut = Math.max(0, bytes.length - SEAL_BYTES);
  const seal = SEAL.exec(Buffer.from(bytes.subarray(cut)).toString('latin1'))?.[1];
  if (seal === hashOf(bytes.subarray(0, cut))) return;
  throw new DataError('manifest', {
    where,
    expected: 'the bytes that its own SHA-256 was taken of',
    received: seal === undefined ? 'a manifest without its SHA-256' : 'other bytes: it was changed or damaged',
    fix: 'restore it from another copy',
  });
}

function parseParts(parts: JsonValue | undefined, where: string): ManifestPart[] {
  if (!Array.isArray(parts)) throw invalid(`"parts" of ${where}`, 'an array', parts);
  const names = new Set<string>();
  return (parts as readonly JsonValue[]).map((part, i) => {
    const place = `part ${i} of ${where}`;
    if (!isJsonObject(part)) throw invalid(place, 'an object { name, bytes, sha256 }', part);
    const { name, bytes, sha256 } = part;
    checkPartName(name, place);
    if (names.has(name)) throw invalid(place, 'every part once', name);
    names.add(name);
    if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) throw invalid(place, 'a number of bytes', bytes);
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw invalid(place, 'a SHA-256', sha256);
    return { name, bytes: bytes as number, sha256 };
  });
}

/** A plain name of the folder itself: no separator, nothing hidden, nothing above. */
export function checkPartName(name: JsonValue | undefined, where: string): asserts name is string {
  if (typeof name === 'string' && /^[A-Za-z0-9][\w.-]{0,199}$/.test(name) && name !== MANIFEST_NAME) return;
  throw invalid(where, 'a plain file name of letters, digits, dots, dashes and underscores', name);
}

function invalid(where: string, expected: string, received: JsonValue | undefined): DataError {
  return new DataError('manifest', { where, expected, received: formatValue(received) });
}
