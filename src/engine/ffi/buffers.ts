import type { CApi } from './c-api.js';
import { cLibrary } from './c-library.js';
import { addressAt } from './native-memory.js';

/** Copies what a `TF_Buffer` holds: its first two fields are an address and a length. */
export function readBuffer(buffer: number): Uint8Array {
  const fields = new Uint32Array(32);
  cLibrary().copyOut(fields, buffer, 16);
  const bytes = new Uint8Array(addressAt(fields, 1));
  if (bytes.length > 0) cLibrary().copyOut(bytes, addressAt(fields, 0), bytes.length);
  return bytes;
}

/** Lends `bytes` as a `TF_Buffer`. */
export function withBuffer<T>(api: CApi, bytes: Uint8Array, use: (buffer: number) => T): T {
  const buffer = api.TF_NewBufferFromString(bytes, bytes.length);
  try {
    return use(buffer);
  } finally {
    api.TF_DeleteBuffer(buffer);
  }
}
