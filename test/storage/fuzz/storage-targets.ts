import fc from 'fast-check';
import { parseJson } from '../../../src/storage/checked-json.js';
import { ADJOINT_VERSION, encodeManifest, parseManifest } from '../../../src/storage/manifest.js';
import { decodeSafetensors, encodeSafetensors } from '../../../src/storage/safetensors.js';
import { readValues } from '../../../src/storage/stored-tensor.js';
import type { HostType, StoredTensor } from '../../../src/storage/stored-tensor.js';
import { AdjointError } from '../../../src/core/errors.js';
import { storedTensors } from '../../helpers/storage-arbitraries.js';
import { hostileHeaders, mutated, mutatedHeaders, sealedManifests } from './hostile-bytes.js';
import type { Target } from './run-fuzz.js';

const FILES = fc
  .sample(storedTensors(), { numRuns: 40, seed: 7 })
  .map((tensors) => new Uint8Array(Buffer.concat(encodeSafetensors(tensors, new Map([['format', 'pt']])))));

const PART = { name: 'weights.safetensors', bytes: 1234, sha256: 'a'.repeat(64) };
const MANIFESTS = [[], [PART], [PART, { ...PART, name: 'model.json' }]].map((parts) =>
  encodeManifest(
    {
      format: 'adjoint-model',
      version: 1,
      adjoint: ADJOINT_VERSION,
      created: '2030-01-02T03:04:05.678Z',
      parts,
      meta: { model: 'digits', epoch: 3, nested: { list: [1, 2.5, null, 'x'] } },
    },
    'a manifest',
  ),
);
const TEXTS = fc
  .sample(fc.json({ maxDepth: 5 }), { numRuns: 40, seed: 7 })
  .map((text) => new TextEncoder().encode(text));

/** Whatever the header says, a tensor is a part of the file, and its values are read or refused. */
function readAll(bytes: Uint8Array): void {
  const { tensors } = decodeSafetensors(bytes, 'the file');
  let total = 0;
  for (const [name, tensor] of tensors) {
    total += tensor.data.length;
    if (tensor.data.buffer !== bytes.buffer) throw new Error(`${name} is a copy`);
    for (const dtype of ['float32', 'int32', 'bool'] as const) readOne(tensor, dtype);
  }
  if (total > bytes.length) throw new Error('tensors of more bytes than the file has');
}

function readOne(tensor: StoredTensor, dtype: HostType): void {
  try {
    readValues(tensor, dtype, 'the tensor');
  } catch (error) {
    if (!(error instanceof AdjointError)) throw error;
  }
}

const arbitraryBytes = fc.uint8Array({ maxLength: 300 });

/** Readers that need no engine. */
export const storageTargets: readonly Target[] = [
  { name: 'safetensors, mutated', percent: 12, inputs: mutated(FILES), read: readAll },
  { name: 'safetensors, mutated header', percent: 28, inputs: mutatedHeaders(FILES), read: readAll },
  { name: 'safetensors, hostile header', percent: 15, inputs: hostileHeaders(), read: readAll },
  { name: 'safetensors, any bytes', percent: 5, inputs: arbitraryBytes, read: readAll },
  { name: 'manifest, mutated', percent: 8, inputs: mutated(MANIFESTS), read: (bytes) => parseManifest(bytes, 'it') },
  {
    name: 'manifest, sealed',
    percent: 12,
    inputs: sealedManifests(MANIFESTS),
    read: (bytes) => parseManifest(bytes, 'it'),
  },
  { name: 'JSON, mutated', percent: 8, inputs: mutated(TEXTS), read: (bytes) => parseJson(bytes, 'it') },
  { name: 'JSON, any bytes', percent: 2, inputs: arbitraryBytes, read: (bytes) => parseJson(bytes, 'it') },
];
