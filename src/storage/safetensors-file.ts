import type { FileHandle } from 'node:fs/promises';
import { readBytes, withFile } from './read-file.js';
import { headerLength, parseHeader, PREFIX_BYTES } from './safetensors.js';
import type { SafetensorsFile, SafetensorsHeader } from './safetensors.js';
import type { StoredTensor } from './stored-tensor.js';

/**
 * What a safetensors file holds, from its header alone.
 *
 * @throws DataError [safetensors | json | json-key | json-limit | no-such-file | not-a-file | read-failed]
 */
export async function readSafetensorsHeader(path: string, where = fileAt(path)): Promise<SafetensorsHeader> {
  return withFile(path, where, async (file, bytes) => (await readHeader(file, bytes, where)).header);
}

/**
 * Reads a safetensors file of any size: each tensor has its own memory, so that nothing holds the whole file.
 *
 * @throws DataError [safetensors | json | json-key | json-limit | no-such-file | not-a-file | read-failed]
 */
export async function readSafetensorsFile(path: string, where = fileAt(path)): Promise<SafetensorsFile> {
  return withFile(path, where, async (file, bytes) => {
    const { header, start } = await readHeader(file, bytes, where);
    const tensors = new Map<string, StoredTensor>();
    for (const { name, dtype, shape, begin, end } of header.places) {
      tensors.set(name, { dtype, shape, data: await readBytes(file, start + begin, end - begin, where) });
    }
    return { tensors, metadata: header.metadata };
  });
}

async function readHeader(file: FileHandle, bytes: number, where: string) {
  const prefix = await readBytes(file, 0, Math.min(PREFIX_BYTES, bytes), where);
  const length = headerLength(prefix, bytes, where);
  const start = PREFIX_BYTES + length;
  const header = parseHeader(await readBytes(file, PREFIX_BYTES, length, where), bytes - start, where);
  return { header, start };
}

function fileAt(path: string): string {
  return `file ${JSON.stringify(path)}`;
}
